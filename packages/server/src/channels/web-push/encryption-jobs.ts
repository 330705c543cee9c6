/** What the threads that encrypt are told, and what they answer: batches, in the order in which they were sent. */

import { createECDH } from 'node:crypto'
import type { Token } from '../../kernel/personal.ts'
import type { Random } from '../../kernel/random.ts'
import { encryptPush } from './encryption.ts'

export interface EncryptionJob {
  /** At most PLAINTEXT_BYTES_MAX, in memory of its own: a message to a thread copies the whole of what lies under it. */
  readonly plaintext: Uint8Array<ArrayBuffer>
  /** Keys of the subscription, base64url. */
  readonly p256dh: Token
  readonly auth: Token
}

/** The body of each job of a batch; null where the keys of the subscription are not usable. */
export type EncryptedBatch = readonly (Uint8Array<ArrayBuffer> | null)[]

/** Each under a salt and a pair of keys of its own. */
export function encryptBatch(jobs: readonly EncryptionJob[], random: Random): EncryptedBatch {
  const ephemeral = createECDH('prime256v1')
  return jobs.map(({ plaintext, p256dh, auth }) => {
    ephemeral.generateKeys()
    const body = encryptPush({
      plaintext,
      p256dh: Buffer.from(p256dh, 'base64url'),
      auth: Buffer.from(auth, 'base64url'),
      salt: random.bytes(16),
      ephemeral,
    })
    return body ?? null
  })
}
