/**
 * Decides whether a client may speak for a user. Whether the user was deleted is decided before the secret is looked at:
 * the secret is gone by then, and the client must hear that it shall forget.
 */

import type { App } from '../apps/app.ts'
import { digestsEqual, sha256 } from '../kernel/digest.ts'
import type { RegistrationId } from '../kernel/personal.ts'
import { type Reply, refuse } from '../kernel/reply.ts'
import type { Db } from '../schema.ts'
import type { DeviceRow } from './devices.store.ts'
import { findDevice } from './find-device.ts'

export type DeviceAuthentication =
  | { readonly kind: 'device'; readonly device: DeviceRow }
  | { readonly kind: 'deleted'; readonly erasureId: string; readonly refusal: Reply }
  | { readonly kind: 'refused'; readonly refusal: Reply }

/** `authorization`: the value of that header, `Bearer <device secret>`. */
export async function authenticateDevice(
  deps: { readonly database: Db },
  input: { app: App; registrationId: RegistrationId; authorization: string | undefined },
): Promise<DeviceAuthentication> {
  const found = await findDevice(deps, input.app, input.registrationId)
  if (found.kind === 'unknown') return { kind: 'refused', refusal: refuse('registrationIdUnknownToClient') }
  if (found.kind !== 'live') {
    return { kind: 'deleted', erasureId: found.erasureId, refusal: refuse('userDeleted') }
  }
  const secret = bearerToken(input.authorization)
  if (secret === undefined)
    return { kind: 'refused', refusal: refuse('credentialsMissing', undefined, CHALLENGE) }
  // A user without a secret was registered by the customer's server; nothing matches the empty digest.
  const isRight = digestsEqual(sha256(secret), found.device.secretDigest ?? '')
  if (!isRight) return { kind: 'refused', refusal: refuse('credentialsWrong', undefined, CHALLENGE) }
  return { kind: 'device', device: found.device }
}

const CHALLENGE = { 'www-authenticate': 'Bearer realm="Lethe"' }

function bearerToken(authorization: string | undefined): string | undefined {
  return /^bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? '')?.[1]
}
