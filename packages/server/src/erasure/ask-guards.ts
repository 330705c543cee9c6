/** Asks the guards of apps, in the transaction that deletes, whether these users may be deleted. */

import type { AddressClass } from '@lethe/protocol/audit.schemas.ts'
import { writeAudit } from '../audit/audit.store.ts'
import type { AuditEntry } from '../audit/audit.ts'
import { sha256 } from '../kernel/digest.ts'
import type { Tx } from '../schema.ts'
import { lockGuards, saveGuards } from './guard.store.ts'
import { askGuard, budgetOf, type Guard, type GuardEvent, newGuard, usedOf } from './guard.ts'

/** What an app was told to leave to the node, to be spent without asking: see `Allowances`. */
export interface Grant {
  readonly count: number
  readonly slotAt: number
  /** By the clock of the database. */
  readonly until: number
}

/** Why the guard has refused, in figures. */
export interface GuardFigures {
  readonly budget: number
  readonly used: number
  readonly users: number
  readonly sharePercent: number
  readonly minimum: number
}

export type Verdict =
  | { readonly kind: 'granted'; readonly aside: Omit<Grant, 'until'>; readonly events: readonly GuardEvent[] }
  | {
      readonly kind: 'guarded'
      /** False: the users were not counted lately, so it is not said yet that they are too many. */
      readonly isCounted: boolean
      readonly figures: GuardFigures
      readonly events: readonly GuardEvent[]
    }

/** Somebody who would be deleted. */
export interface Asking {
  readonly erasureId: string
  readonly appKey: string
  readonly addressClass?: AddressClass
}

/** A verdict for each, in order: the first ones of an app are granted, the others refused. */
export async function askGuards<One extends Asking>(
  tx: Tx,
  asking: readonly One[],
): Promise<Map<One, Verdict>> {
  const verdicts = new Map<One, Verdict>()
  const byApp = Map.groupBy(asking, ({ appKey }) => appKey)
  const guards = await lockGuards(tx, byApp.keys())
  const after: Guard[] = []
  const entries: AuditEntry[] = []
  for (const [appKey, ones] of byApp) {
    const asked = askGuard(guards.get(appKey) ?? newGuard(appKey), ones.length, tx.now)
    after.push(asked.guard)
    entries.push(
      ...asked.events.map((event) => entryOf({ event, one: ones.at(-1), guard: asked.guard, now: tx.now })),
    )
    for (const [index, one] of ones.entries()) {
      // What is to be told or kept once goes with one of them.
      const events = index === ones.length - 1 ? asked.events : []
      const aside = index === 0 ? asked.aside : { ...asked.aside, count: 0 }
      const verdict: Verdict =
        index < asked.granted
          ? { kind: 'granted', aside, events }
          : { kind: 'guarded', isCounted: asked.isCounted, figures: figuresOf(asked.guard, tx.now), events }
      verdicts.set(one, verdict)
    }
  }
  await saveGuards(tx, after)
  await writeAudit(tx, entries)
  return verdicts
}

function figuresOf(guard: Guard, now: number): GuardFigures {
  const { users, sharePercent, minimum } = guard
  return { budget: budgetOf(guard, now), used: usedOf(guard, now), users, sharePercent, minimum }
}

interface Happened {
  readonly event: GuardEvent
  /** Whose deletion brought it about. */
  readonly one: Asking | undefined
  readonly guard: Guard
  readonly now: number
}

function entryOf({ event, one, guard, now }: Happened): AuditEntry {
  const { budget, used, users } = figuresOf(guard, now)
  const { deletions = 0, used: through = 0 } = guard.opening ?? {}
  return {
    auditId: idBeside(one?.erasureId ?? '', event),
    actor: event === 'tripped' ? 'app' : 'lethe',
    addressClass: event === 'tripped' ? (one?.addressClass ?? null) : null,
    appKey: guard.appKey,
    action: event === 'tripped' ? 'guard.tripped' : 'guard.closed',
    subject: null,
    figures: event === 'tripped' ? { budget, used, users } : { deletions, used: through },
  }
}

/** An id of the same time as the erasure's: a unit that runs again makes the same one. */
function idBeside(erasureId: string, event: GuardEvent): string {
  const digest = Buffer.from(sha256(`${erasureId} ${event}`), 'base64url').toString('hex')
  return erasureId.slice(0, TIME_CHARACTERS) + digest.slice(0, erasureId.length - TIME_CHARACTERS)
}

/** As many characters of an ordered id tell its time. */
const TIME_CHARACTERS = 12
