/** Registers a user by a call of its own client: mints id and secret, and takes over the token that it brings. */

import type { RegistrationBody } from '@lethe/protocol/client.schemas.ts'
import type { App } from '../apps/app.ts'
import { sha256 } from '../kernel/digest.ts'
import type { RegistrationId } from '../kernel/personal.ts'
import { randomId } from '../kernel/random.ts'
import { type Reply, refuse } from '../kernel/reply.ts'
import { refuseOverLimit } from './answers.ts'
import type { DevicesDeps } from './deps.ts'
import { requestDigests, tokenTombstones } from './digests.ts'
import { parseAliasChange, parseDeviceToken, parseFacts, parseTags } from './parse-device.ts'
import { registerDevices } from './registration.store.ts'

export type ClientRegistration =
  | { readonly kind: 'registered'; readonly registrationId: RegistrationId; readonly deviceSecret: string }
  | { readonly kind: 'refused'; readonly refusal: Reply }

/** `idempotencyKey`: the header of that name. It must be unguessable, since it gives access to the user that it made. */
export async function registerClient(
  { database, clock, random }: DevicesDeps,
  app: App,
  input: { body: RegistrationBody; idempotencyKey: string | undefined },
): Promise<ClientRegistration> {
  const { body, idempotencyKey } = input
  const { limits } = app.settings
  const invalid = (reason: string) => refused(refuse('parameterInvalid', reason))
  if (idempotencyKey !== undefined && !IDEMPOTENCY_KEY.test(idempotencyKey)) {
    return invalid('Idempotency-Key: 16 to 128 printable characters, a random UUID for example')
  }
  const facts = parseFacts(body)
  if (!facts.ok) return invalid(facts.reason)
  const token = parseDeviceToken(body.platform, body)
  if (!token.ok) return invalid(token.reason)
  const tags = parseTags(body.tags ?? [], limits)
  if (!tags.ok) return invalid(tags.reason)
  const alias = parseAliasChange(body.alias, limits)
  if (!alias.ok) return invalid(alias.reason)

  const deviceSecret = randomId(random)
  const output = await database.write(registerDevices, {
    appKey: app.appKey,
    by: 'client',
    registrationId: randomId(random) as RegistrationId,
    platform: body.platform,
    secretDigest: sha256(deviceSecret),
    token: token.value,
    tokenTombstones: token.value ? tokenTombstones(app.erasureKeys, token.value.digest) : [],
    requestDigests: idempotencyKey === undefined ? [] : requestDigests(app.erasureKeys, idempotencyKey),
    facts: facts.value,
    tags: tags.value,
    alias: alias.value ?? null,
    limits,
    now: clock.now(),
  })
  switch (output.kind) {
    case 'registered':
    case 'repeated':
      return { kind: 'registered', registrationId: output.registrationId, deviceSecret }
    case 'erased':
      return refused(refuse('userDeleted'))
    case 'keyReused':
      return invalid('Idempotency-Key: it was used for another registration')
    case 'overLimit':
      return refused(refuseOverLimit(output))
    case 'held':
      throw new Error('a registration by a client takes a token over')
  }
}

/** RFC draft-ietf-httpapi-idempotency-key-header leaves the form open; 16 characters keep it from being guessed. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{16,128}$/

function refused(refusal: Reply): ClientRegistration {
  return { kind: 'refused', refusal }
}
