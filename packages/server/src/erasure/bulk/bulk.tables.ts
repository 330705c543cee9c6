/** Deletions of many users that an operator plans, looks at, confirms and can stop: what was decided, and whom it names. */

import { deletionStates } from '@lethe/protocol/deletion.schemas.ts'
import type { RegistrationId } from '../../kernel/personal.ts'
import { bigint, nullable, oneOf, personal, table, text } from '../../storage/table.ts'

/**
 * States, in order:
 *   planning    the list of users is being written down
 *   planned     the list is frozen, and may be confirmed until `token_expires_at`
 *   confirmed   nothing is deleted before `starts_at`
 *   running     users are hidden, batch by batch; from here the ordinary erasures do the rest
 *   paused      no further user is hidden
 *   finishing   every user of the list was hidden or gone; their erasures are on their way
 *   done        all of them are erased
 * and instead of what would come next: `cancelled` (who was hidden before stays deleted), `expired` (was not confirmed in time),
 * `failed` (the list could not be made, for the reason in `failure`).
 */
export const deletionTable = table('deletion', {
  deletion_id: text,
  app_key: text,
  state: oneOf(...deletionStates),
  /** What named the users. The words themselves are not kept. */
  source: oneOf('audience', 'registrationIds', 'aliases'),
  /** SHA-256 of the confirmation token; null once it was used. */
  token_digest: nullable(text),
  token_expires_at: nullable(bigint),
  failure: nullable(oneOf('nobody', 'audienceChanged', 'interrupted')),
  /** 1 where the list holds every live user of the app: confirming it asks for more. */
  is_everyone: bigint,
  /** Ids or aliases that were given; 0 for an audience. */
  line_count: bigint,
  /** Users on the list. */
  target_count: bigint,
  /** JSON of counts by platform and channel at the moment of the plan. */
  figures: nullable(text),
  /** Keyed digest over who is on the list; null for lists of ids or aliases. */
  fingerprint: nullable(text),
  created_at: bigint,
  /** When the list was last written to, or frozen. */
  touched_at: bigint,
  confirmed_at: nullable(bigint),
  starts_at: nullable(bigint),
  started_at: nullable(bigint),
  finished_at: nullable(bigint),
  /** The next number of the list to be taken: a number names nobody. Once the deletion has ended: to be cleared. */
  next_number: bigint,
  /** Users whom this deletion has hidden. */
  hidden_count: bigint,
  /** Users who were deleted by somebody else between the plan and their turn. */
  gone_count: bigint,
  /** Since when the present pace holds, and how many were hidden then. */
  pace_since: nullable(bigint),
  pace_hidden: bigint,
})

/** A user on the list of a deletion. The row goes with the user, or when the deletion has ended without it. */
export const deletionTargetTable = table('deletion_target', {
  app_key: text,
  registration_id: personal<RegistrationId>(text, 'names the user'),
  deletion_id: text,
  /** The place on the list, from 0. */
  number: bigint,
})
