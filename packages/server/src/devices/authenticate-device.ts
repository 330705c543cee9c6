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
  const secret = bearerToken(input.authorization)
  return authenticateBy(deps, input, ({ secretDigest }) => {
    if (secret === undefined) return 'missing'
    // A user without a secret was registered by the customer's server; nothing matches the empty digest.
    return digestsEqual(sha256(secret), secretDigest ?? '') ? 'right' : 'wrong'
  })
}

/** What a client has shown for speaking for a user. */
export type Proof = 'right' | 'wrong' | 'missing'

/** The same with another proof than the device secret. `prove` is asked for a live user only. */
export async function authenticateBy(
  deps: { readonly database: Db },
  input: { readonly app: App; readonly registrationId: RegistrationId },
  prove: (device: DeviceRow) => Proof,
): Promise<DeviceAuthentication> {
  const found = await findDevice(deps, input.app, input.registrationId)
  if (found.kind === 'unknown') return { kind: 'refused', refusal: refuse('registrationIdUnknownToClient') }
  if (found.kind !== 'live') {
    return { kind: 'deleted', erasureId: found.erasureId, refusal: refuse('userDeleted') }
  }
  switch (prove(found.device)) {
    case 'right':
      return { kind: 'device', device: found.device }
    case 'wrong':
      return { kind: 'refused', refusal: refuse('credentialsWrong', undefined, CHALLENGE) }
    case 'missing':
      return { kind: 'refused', refusal: refuse('credentialsMissing', undefined, CHALLENGE) }
  }
}

const CHALLENGE = { 'www-authenticate': 'Bearer realm="Lethe"' }

function bearerToken(authorization: string | undefined): string | undefined {
  return /^bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? '')?.[1]
}
