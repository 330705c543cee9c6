/** Delete User, self-deletion, and how an erasure is watched. */

import { ClientDeviceDeleteAnswer, ClientDeviceParams } from '@lethe/protocol/client.schemas.ts'
import { DeleteDeviceAnswer, DeviceParams } from '@lethe/protocol/device.schemas.ts'
import { ErasureAnswer, ErasureParams } from '@lethe/protocol/erasure.schemas.ts'
import { parseIfMatch } from '@lethe/protocol/if-match.ts'
import { Type } from 'typebox'
import type { App } from '../apps/app.ts'
import { authenticateDevice } from '../devices/authenticate-device.ts'
import { findErasureId } from '../devices/find-device.ts'
import { parseId } from '../devices/parse-device.ts'
import { addressClassOf } from '../kernel/address-class.ts'
import { type Operation, operation } from '../kernel/operation.ts'
import { answer, type Reply, refuse, SUCCESS } from '../kernel/reply.ts'
import type { Guarded } from './accept.store.ts'
import { acceptErasure } from './accept-erasure.ts'
import { type DeleteUserDeps, deleteUser } from './delete-user.ts'
import { readErasure } from './erasure.store.ts'
import { wireErasure } from './erasure-answer.ts'
import type { ErasureMetrics } from './erasure-metrics.ts'
import type { SigningKeys } from './signing-keys.ts'

export interface ErasureDeps extends DeleteUserDeps {
  readonly metrics: Pick<ErasureMetrics, 'accepted' | 'guardEvents'>
  readonly signingKeys: SigningKeys
}

export function deleteDevice(deps: ErasureDeps): Operation<App> {
  return operation({
    id: 'deleteDevice',
    summary: 'Delete a user',
    description:
      'Accepted durably and answered at once: from then on the user is hidden from everything, and an erasure removes every ' +
      'trace. The header Lethe-Erasure carries the id under which it can be watched. It cannot be undone. Repeating the call ' +
      'is harmless. One registration id per request. Beyond its budget of 24 hours the deletion guard of the app refuses (29001). ' +
      'With the header If-Match, the ETag of a GET, a user that has changed since is not deleted (412).',
    schema: { params: DeviceParams, answers: { 200: DeleteDeviceAnswer } },
    async handle({ caller, params, address, header }) {
      const id = parseId(params.registration_id)
      if (!id.ok) return refuse('oneRegistrationIdPerRequest')
      const ifMatch = parseIfMatch(header('if-match'))
      if (!ifMatch.ok) return refuse('parameterInvalid', ifMatch.reason)
      const output = await deleteUser(deps, {
        app: caller,
        registrationId: id.value,
        addressClass: addressClassOf(address),
        ...(Array.isArray(ifMatch.value) ? { onlyIfVersion: ifMatch.value } : {}),
      })
      if (output.kind === 'unknown') return refuse('registrationIdUnknown')
      if (output.kind === 'changed') return refuse('userChanged')
      if (output.kind === 'guarded') return refuse('deletionGuarded', sentenceOf(output, caller))
      return accepted(deps, output, 'server')
    },
  })
}

/** What the figures are, and how an operator opens the guard. */
function sentenceOf({ figures }: Guarded, { appKey }: App): string {
  const { budget, used, users, sharePercent, minimum } = figures
  return (
    `the deletion guard has stopped this: ${used} of ${budget} deletions of the last 24 hours are used ` +
    `(the greater of ${minimum} and ${sharePercent} % of ${users} users); an operator opens it for more: ` +
    `lethe guard open ${appKey} --deletions N --for 1h`
  )
}

/** `DELETE /v4/devices` without an id: a list, a wildcard or nothing never deletes anybody. */
export function deleteNobody(): Operation<App> {
  return operation({
    id: 'deleteNobody',
    summary: 'Refused: one registration id per request',
    schema: { answers: { 200: DeleteDeviceAnswer } },
    handle: () => refuse('oneRegistrationIdPerRequest'),
  })
}

export function deleteSelf(deps: ErasureDeps): Operation<App> {
  return operation({
    id: 'deleteSelf',
    summary: 'Delete oneself',
    description: 'A user who is deleted already gets the same answer, whatever the secret.',
    schema: { params: ClientDeviceParams, answers: { 200: ClientDeviceDeleteAnswer } },
    async handle({ caller, params, header }) {
      const id = parseId(params.registration_id)
      if (!id.ok) return refuse('oneRegistrationIdPerRequest')
      const input = { app: caller, registrationId: id.value, authorization: header('authorization') }
      const authentication = await authenticateDevice(deps, input)
      if (authentication.kind === 'refused') return authentication.refusal
      if (authentication.kind === 'deleted') return accepted(deps, authentication, 'device')
      const output = await acceptErasure(deps, { app: caller, registrationId: id.value, origin: 'device' })
      if (output.kind === 'unknown') return refuse('registrationIdUnknownToClient')
      return accepted(deps, output, 'device')
    },
  })
}

export function readErasureById({ database }: Pick<ErasureDeps, 'database'>): Operation<App> {
  return operation({
    id: 'readErasure',
    summary: 'Watch an erasure',
    schema: { params: ErasureParams, answers: { 200: ErasureAnswer } },
    async handle({ caller, params }) {
      const erasure = await readErasure(database.read, caller.appKey, params.erasure_id)
      return erasure ? answer(wireErasure(erasure)) : refuse('erasureUnknown')
    },
  })
}

export function readErasureOfDevice({ database }: Pick<ErasureDeps, 'database'>): Operation<App> {
  return operation({
    id: 'readErasureOfDevice',
    summary: 'Watch the erasure of a deleted user by its registration id',
    schema: { params: DeviceParams, answers: { 200: ErasureAnswer } },
    async handle({ caller, params }) {
      const id = parseId(params.registration_id)
      if (!id.ok) return refuse('oneRegistrationIdPerRequest')
      const erasureId = await findErasureId({ database }, caller, id.value)
      const erasure = erasureId && (await readErasure(database.read, caller.appKey, erasureId))
      return erasure ? answer(wireErasure(erasure)) : refuse('erasureUnknown')
    },
  })
}

/** `/.well-known/jwks.json`: the public keys of receipts, the retired ones too (RFC 7517). */
export function readSigningKeySet({ published }: SigningKeys): Operation<undefined> {
  return operation({
    id: 'readSigningKeys',
    summary: 'The public keys that verify receipts',
    schema: {
      answers: {
        200: Type.Object(
          { keys: Type.Array(Type.Record(Type.String(), Type.String()), { description: 'JSON Web Keys.' }) },
          { description: 'A JSON Web Key set.' },
        ),
      },
    },
    handle: () => answer(published),
  })
}

function accepted(
  { metrics }: ErasureDeps,
  output: { readonly kind: string; readonly erasureId?: string },
  origin: 'server' | 'device',
): Reply {
  if (output.kind === 'accepted') metrics.accepted.inc({ origin })
  return answer(SUCCESS, output.erasureId === undefined ? undefined : { 'lethe-erasure': output.erasureId })
}
