/** Client API: a user's own client reports what became of messages. */

import { ClientDeviceParams } from '@lethe/protocol/client.schemas.ts'
import { parseMessageId } from '@lethe/protocol/message-id.ts'
import { parseRegistrationId } from '@lethe/protocol/registration-id.ts'
import { EventsAnswer, EventsBody } from '@lethe/protocol/statistics.schemas.ts'
import type { App } from '../apps/app.ts'
import {
  authenticateBy,
  authenticateDevice,
  type DeviceAuthentication,
} from '../devices/authenticate-device.ts'
import { type Operation, operation } from '../kernel/operation.ts'
import type { RegistrationId } from '../kernel/personal.ts'
import { answer, refuse, SUCCESS } from '../kernel/reply.ts'
import type { Db } from '../schema.ts'
import { isEventToken } from './event-token.ts'
import { type EventsInput, recordEvents } from './record-events.store.ts'
import type { StatisticsDeps } from './statistics.routes.ts'

export function reportEvents({ database }: Pick<StatisticsDeps, 'database'>): Operation<App> {
  return operation({
    id: 'reportEvents',
    summary: 'Report what became of messages',
    description:
      'Each event counts once. The header Lethe-Skipped says how many events are of messages of which nothing is known at this ' +
      'user: one that was sent a moment ago may be known a minute later. A service worker that has no device secret at hand proves ' +
      'itself with the event_token of the message instead, in `token` and without the header Authorization; all events are ' +
      'then of that message.',
    schema: { params: ClientDeviceParams, body: EventsBody, answers: { 200: EventsAnswer } },
    async handle({ caller, params, body, header }) {
      const id = parseRegistrationId(params.registration_id)
      if (!id.ok) return refuse('oneRegistrationIdPerRequest')
      const registrationId = id.value as RegistrationId
      const input = { app: caller, registrationId, authorization: header('authorization') }
      const isByToken = body.token !== undefined && input.authorization === undefined
      const authentication = isByToken
        ? await authenticateByToken({ database }, input, body)
        : await authenticateDevice({ database }, input)
      if (authentication.kind !== 'device') return authentication.refusal
      if (isByToken && new Set(body.events.map(({ msg_id }) => msg_id)).size > 1) {
        return refuse('parameterInvalid', 'events: with a token all are of the one message that it is for')
      }
      const events = parseEvents(body)
      if (!events) return refuse('parameterInvalid', 'events: a message id is a decimal number below 2^53')
      const output = await database.write(recordEvents, { appKey: caller.appKey, registrationId, events })
      if (output.kind === 'notLive') return refuse('userDeleted')
      return answer(
        SUCCESS,
        output.unknownCount > 0 ? { 'lethe-skipped': String(output.unknownCount) } : undefined,
      )
    },
  })
}

/** By the event token of the first event's message. */
function authenticateByToken(
  deps: { readonly database: Db },
  { app, registrationId }: { readonly app: App; readonly registrationId: RegistrationId },
  { events, token = '' }: EventsBody,
): Promise<DeviceAuthentication> {
  const msgId = events[0]?.msg_id ?? ''
  return authenticateBy(deps, { app, registrationId }, () =>
    isEventToken(app, { registrationId, msgId }, token) ? 'right' : 'wrong',
  )
}

/** Undefined: one of the ids is no number that a message can have. */
function parseEvents({ events }: EventsBody): EventsInput['events'] | undefined {
  const parsed = events.flatMap(({ msg_id, event }) => {
    const msgId = parseMessageId(msg_id)
    return msgId.ok ? [{ msgId: msgId.value, event }] : []
  })
  return parsed.length === events.length ? parsed : undefined
}
