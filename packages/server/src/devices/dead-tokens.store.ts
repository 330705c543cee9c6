/** Takes dead tokens away. The user stays, and is reachable again as soon as it brings a new one. */

import type { RegistrationId, Token } from '../kernel/personal.ts'
import type { Tx } from '../schema.ts'
import { statement } from '../storage/statement.ts'

export interface DeadToken {
  readonly appKey: string
  readonly registrationId: RegistrationId
  readonly token: Token
  /** The vendor knows it dead since then, milliseconds; a token that came later under the same text lives. Null: not told. */
  readonly sinceMs: number | null
}

/** The rows of these users are locked by whoever calls. A user that has another token by now keeps it. */
export async function detachDeadTokens(tx: Tx, tokens: readonly DeadToken[]): Promise<void> {
  await tx.query(
    DETACH_DEAD,
    tokens.map(({ appKey, registrationId, token, sinceMs }) => ({
      app_key: appKey,
      registration_id: registrationId,
      dead_token: token,
      since: sinceMs,
    })),
  )
}

const DETACH_DEAD = statement()(
  'devices.detach-dead',
  { app_key: 'text', registration_id: 'text', dead_token: 'text', since: 'bigint' },
  (q) => `update device as d set token = null, token_digest = null, token_p256dh = null, token_auth = null,
      token_environment = null, token_changed_at = null from ${q.input}
    where d.app_key = input.app_key and d.registration_id = input.registration_id and d.state = 'live'
      and d.token = input.dead_token and (input.since is null or d.token_changed_at <= input.since)`,
)
