/**
 * The server's side of the demo: which app its page is for, and pushes of a visitor to itself. The page has no master secret:
 * a visitor proves with its own device secret who it is, and reaches nobody else.
 */

import { DemoConfigAnswer, DemoPushAnswer, DemoPushBody } from '@lethe/protocol/demo.schemas.ts'
import type { Judged } from '@lethe/protocol/fault.ts'
import { parsePush } from '@lethe/protocol/parse-push.ts'
import type { Push } from '@lethe/protocol/push.ts'
import { parseRegistrationId } from '@lethe/protocol/registration-id.ts'
import type { App } from '../apps/app.ts'
import { readFirstAppKey } from '../apps/apps.store.ts'
import type { AppDirectory } from '../apps/find-app.ts'
import { authenticateDevice } from '../devices/authenticate-device.ts'
import { type Operation, operation } from '../kernel/operation.ts'
import type { RegistrationId } from '../kernel/personal.ts'
import { answer, refuse } from '../kernel/reply.ts'
import { type PushToUserDeps, pushToUser } from '../push/push-to-one.ts'

export interface DemoDeps {
  readonly apps: Pick<AppDirectory, 'find'>
  readonly push: PushToUserDeps
}

export function readDemoConfig(deps: DemoDeps): Operation {
  return operation({
    id: 'readDemoConfig',
    summary: 'Read what the demo must know',
    schema: { answers: { 200: DemoConfigAnswer } },
    async handle() {
      const app = await firstApp(deps)
      return app ? answer({ appKey: app.appKey }) : refuse('appUnknown')
    },
  })
}

export function pushFromDemo(deps: DemoDeps): Operation {
  return operation({
    id: 'pushFromDemo',
    summary: 'Send a push to oneself',
    schema: { body: DemoPushBody, answers: { 200: DemoPushAnswer } },
    async handle({ body, header }) {
      const id = parseRegistrationId(body.registration_id)
      if (!id.ok) return refuse('oneRegistrationIdPerRequest')
      const registrationId = id.value as RegistrationId
      const app = await firstApp(deps)
      if (!app) return refuse('appUnknown')
      const input = { app, registrationId, authorization: header('authorization') }
      const authentication = await authenticateDevice(deps.push, input)
      if (authentication.kind !== 'device') return authentication.refusal
      const push = pushOf(body)
      if (!push.ok) return refuse(push.error, push.message)
      const accepted = await pushToUser(deps.push, { app, registrationId, push: push.value })
      if (!accepted.ok) return refuse(accepted.error, accepted.message)
      return answer({ msg_id: String(accepted.value) })
    },
  })
}

async function firstApp({ apps, push: { database } }: DemoDeps): Promise<App | undefined> {
  const appKey = await readFirstAppKey(database.read)
  return appKey === undefined ? undefined : apps.find(appKey)
}

/** A click leads back to the demo where nothing else is said: the worker takes the address as one of its own site. */
function pushOf({ title, body, url = '/demo/' }: DemoPushBody): Judged<Push> {
  return parsePush({
    from: 'demo',
    body: { platform: 'web', notification: { web: { title, alert: body, url } } },
  })
}
