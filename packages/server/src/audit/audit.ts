/** An entry of the audit log, as rooms make it and hand it to the unit that does what it tells. */

import type { AddressClass, AuditAction, AuditActor } from '@lethe/protocol/audit.schemas.ts'
import { addressClassOf } from '../kernel/address-class.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Address, Impersonal } from '../kernel/personal.ts'
import { orderedId, type Random } from '../kernel/random.ts'

export interface AuditEntry {
  /** Minted beforehand: a unit that runs twice writes one entry. */
  readonly auditId: string
  readonly actor: AuditActor
  readonly addressClass: AddressClass | null
  readonly appKey: string | null
  readonly action: AuditAction
  /** What it was done to, never a person: names of settings, a channel, the id of something of Lethe's. */
  readonly subject: string | null
  readonly figures: Readonly<Record<string, number>>
}

export interface AuditDeps {
  readonly clock: Clock
  readonly random: Random
}

/** What somebody did. The address gives its class and is forgotten; a personal value as subject does not compile. */
export interface AuditFacts<Subject extends string = string> {
  readonly actor: AuditActor
  readonly address?: Address
  readonly appKey?: string
  readonly action: AuditAction
  readonly subject?: Subject & Impersonal<Subject>
  readonly figures?: Readonly<Record<string, number>>
}

/** The entry, to be given to `writeAudit` in the transaction that does the thing. */
export function auditEntry<Subject extends string>(
  { clock, random }: AuditDeps,
  facts: AuditFacts<Subject>,
): AuditEntry {
  const { actor, address, appKey, action, subject, figures } = facts
  return {
    auditId: orderedId(random, clock.now()),
    actor,
    addressClass: address === undefined ? null : addressClassOf(address),
    appKey: appKey ?? null,
    action,
    subject: subject ?? null,
    figures: figures ?? {},
  }
}
