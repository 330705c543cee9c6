/** Deletions on their way, and what is left of them afterwards: digests, counts, a receipt. */

import type { AddressClass } from '@lethe/protocol/audit.schemas.ts'
import type { RegistrationId } from '../kernel/personal.ts'
import { bigint, type Column, nullable, oneOf, personal, table, text } from '../storage/table.ts'

/**
 * States, in order:
 *   accepted   the user is hidden; rows are to be removed (attempts > 0: a try has failed or found something left)
 *   verifying  rows are removed; the second look is to be taken
 *   sealing    nothing was found left and the id is cleared; bytes are to be made unreadable and the receipt signed
 *   erased     done
 * A second look that finds something goes back to accepted.
 */
export const erasureTable = table('erasure', {
  erasure_id: text,
  app_key: text,
  /** Cleared as soon as the second look has found nothing. */
  registration_id: nullable(personal<RegistrationId>(text, 'names the user, until the second look is done')),
  id_digest: text,
  /** Tombstone digest of the token that the user held when it was hidden. */
  token_digest: nullable(text),
  key_version: bigint,
  /** Who asked: the customer's server, the user's own device, the sweep of users whose token another took over, or a confirmed bulk deletion. */
  origin: oneOf('server', 'device', 'sweep', 'bulk'),
  /** What kind of address the customer's server called from; null for the others: where users are is not kept. */
  address_class: nullable(text as Column<AddressClass>),
  state: oneOf('accepted', 'verifying', 'sealing', 'erased'),
  accepted_at: bigint,
  removed_at: nullable(bigint),
  erased_at: nullable(bigint),
  attempts: bigint,
  /** Not to be taken up before this time of the database's clock: backoff after a failure, lease of a node that seals. */
  run_at: bigint,
  /** The table in which the second look found something left. */
  failure: nullable(text),
  /** JSON: rows removed by table. */
  removed: nullable(text),
  /** JSON: the tables that the second look went through. */
  looked_through: nullable(text),
  /** Digest of the registering request, which has a tombstone; null until the removal, and where there was none. */
  request_digest: nullable(text),
  /** The place in the ledger, given with the removal in the order of the commits. */
  ledger_position: nullable(bigint),
  /** Counted up with the removal: every sender has to answer for what it had in flight. Null until then. */
  fence: nullable(bigint),
  /** The push service that knew the user's address. */
  vendor: nullable(text),
  /** The signed receipt, a compact JWS. */
  receipt: nullable(text),
  /** The bulk deletion that the erasure belongs to. It has no receipt of its own then. */
  deletion_id: nullable(text),
  /** The manifest that stands for the receipt of an erasure of a bulk deletion. */
  manifest_id: nullable(text),
})

/** One signed text for at most a thousand erasures of a bulk deletion, instead of a receipt each. */
export const manifestTable = table('manifest', {
  manifest_id: text,
  app_key: text,
  deletion_id: text,
  /** Erasures that it finished. */
  erasure_count: bigint,
  signed_at: bigint,
  /** A compact JWS. */
  receipt: text,
})

/** The deletion guard of an app: settings, figures, what it is open for. Null settings are the defaults. */
export const guardTable = table('guard', {
  app_key: text,
  is_off: bigint,
  share_percent: nullable(bigint),
  minimum: nullable(bigint),
  /** The users that the share is of, when they were counted last. */
  users: bigint,
  counted_at: nullable(bigint),
  /** JSON of `GuardOpening`, the last one. */
  opening: nullable(text),
  /** When the opening ends; null while there is none to be closed. */
  open_until: nullable(bigint),
  tripped_at: nullable(bigint),
  /** JSON: what was used, by stretches of time. */
  slots: text,
})

/** Keys that sign receipts. Retired public keys stay, so that old receipts verify. */
export const signingKeyTable = table('signing_key', {
  key_id: text,
  sealed_private_key: text,
  /** The public key as JSON of a JWK. */
  public_key: text,
  created_at: bigint,
  retired_at: nullable(bigint),
})

/** One row: the ledger that this database belongs to, and the last place in it that was given. */
export const ledgerTable = table('ledger', {
  id: bigint,
  /** Null until the first ledger begins. */
  ledger_id: nullable(text),
  position: bigint,
})

/** How far the ledger file of each node has come for certain. */
export const ledgerFileTable = table('ledger_file', {
  file_id: text,
  position: bigint,
  /** When its node was last seen at work, by the database's clock. */
  seen_at: bigint,
})
