/** Client API: a user's own browser or phone registers, reads and changes itself. Self-deletion stands with the erasures. */

import {
  ClientAppAnswer,
  ClientAppParams,
  ClientDeviceAnswer,
  type ClientDeviceBody,
  ClientDeviceBody as ClientDeviceBodySchema,
  ClientDeviceParams,
  ClientDeviceSetAnswer,
  RegistrationAnswer,
  RegistrationBody,
} from '@lethe/protocol/client.schemas.ts'
import { type App, webPushPublicKey } from '../apps/app.ts'
import { type Operation, operation } from '../kernel/operation.ts'
import { answer, created, type Reply, refuse, SUCCESS } from '../kernel/reply.ts'
import { refuseOverLimit } from './answers.ts'
import { authenticateDevice } from './authenticate-device.ts'
import { changeDevices } from './change.store.ts'
import type { DevicesDeps } from './deps.ts'
import { type DeviceRow, readTagsAndAlias } from './devices.store.ts'
import { tokenTombstones } from './digests.ts'
import { parseAliasChange, parseDeviceToken, parseFacts, parseId, parseTagChange } from './parse-device.ts'
import { registerClient } from './register-client.ts'

/** What a client needs to know before it registers. */
export function readApp(): Operation<App> {
  return operation({
    id: 'readApp',
    summary: 'Read the public settings of the app',
    schema: { params: ClientAppParams, answers: { 200: ClientAppAnswer } },
    handle: ({ caller }) => answer({ app_key: caller.appKey, vapid_public_key: webPushPublicKey(caller) }),
  })
}

export function register(deps: DevicesDeps): Operation<App> {
  return operation({
    id: 'register',
    summary: 'Register a new user',
    description:
      'A subscription or token that another user holds is taken over. With the header Idempotency-Key (16 to 128 printable ' +
      'characters, unguessable, a random UUID for example) a request that is repeated gives the same user and a new secret.',
    schema: { params: ClientAppParams, body: RegistrationBody, answers: { 201: RegistrationAnswer } },
    async handle({ caller, body, header }) {
      const output = await registerClient(deps, caller, { body, idempotencyKey: header('idempotency-key') })
      switch (output.kind) {
        case 'registered':
          return created({ registration_id: output.registrationId, device_secret: output.deviceSecret })
        case 'refused':
          return output.refusal
      }
    },
  })
}

export function readSelf(deps: DevicesDeps): Operation<App> {
  return operation({
    id: 'readSelf',
    summary: 'Read everything that is kept about oneself',
    schema: { params: ClientDeviceParams, answers: { 200: ClientDeviceAnswer } },
    async handle({ caller, params, header }) {
      const id = parseId(params.registration_id)
      if (!id.ok) return refuse('oneRegistrationIdPerRequest')
      const key = { appKey: caller.appKey, registrationId: id.value }
      const input = { app: caller, registrationId: id.value, authorization: header('authorization') }
      const authentication = await authenticateDevice(deps, input)
      if (authentication.kind !== 'device') return authentication.refusal
      const bound = await readTagsAndAlias(deps.database.read, key)
      if (!bound) return refuse('userDeleted')
      return answer(wireDevice(authentication.device, bound.tags, bound.alias ?? ''))
    },
  })
}

export function changeSelf(deps: DevicesDeps): Operation<App> {
  return operation({
    id: 'changeSelf',
    summary: 'Say that one is there, and what has changed',
    description:
      'The heartbeat of a client: an empty object only renews "last seen". 410: the user was deleted for good.',
    schema: {
      params: ClientDeviceParams,
      body: ClientDeviceBodySchema,
      answers: { 200: ClientDeviceSetAnswer },
    },
    async handle({ caller, params, body, header }) {
      const id = parseId(params.registration_id)
      if (!id.ok) return refuse('oneRegistrationIdPerRequest')
      const input = { app: caller, registrationId: id.value, authorization: header('authorization') }
      const authentication = await authenticateDevice(deps, input)
      if (authentication.kind !== 'device') return authentication.refusal
      return change(deps, { app: caller, device: authentication.device, body })
    },
  })
}

async function change(
  { database, clock }: DevicesDeps,
  input: { app: App; device: DeviceRow; body: ClientDeviceBody },
): Promise<Reply> {
  const { app, device, body } = input
  const { limits } = app.settings
  const facts = parseFacts(body)
  if (!facts.ok) return refuse('parameterInvalid', facts.reason)
  const token = parseDeviceToken(device.platform, body)
  if (!token.ok) return refuse('parameterInvalid', token.reason)
  const tags = parseTagChange(body.tags, limits)
  if (!tags.ok) return refuse('parameterInvalid', tags.reason)
  const alias = parseAliasChange(body.alias, limits)
  if (!alias.ok) return refuse('parameterInvalid', alias.reason)
  const now = clock.now()
  const output = await database.write(changeDevices, {
    appKey: app.appKey,
    registrationId: device.registrationId,
    seenAt: now,
    facts: facts.value,
    ...(token.value
      ? { token: token.value, tokenTombstones: tokenTombstones(app.erasureKeys, token.value.digest) }
      : {}),
    ...(tags.value ? { tags: tags.value } : {}),
    ...(alias.value === undefined ? {} : { alias: alias.value }),
    limits,
    now,
  })
  if (output.kind === 'overLimit') return refuseOverLimit(output)
  return output.kind === 'changed' ? answer(SUCCESS) : refuse('userDeleted')
}

function wireDevice(device: DeviceRow, tags: readonly string[], alias: string) {
  const { facts } = device
  return {
    registration_id: device.registrationId,
    platform: device.platform,
    tags,
    alias,
    os: facts.os,
    browser: facts.browser,
    model: facts.model,
    app_version: facts.app_version,
    sdk_version: facts.sdk_version,
    language: facts.language,
    timezone: facts.timezone,
    notification_permission: facts.notification_permission,
    created_at: new Date(device.createdAt).toISOString(),
    last_seen_at: new Date(device.lastSeenAt).toISOString(),
    reachable: device.isReachable,
  }
}
