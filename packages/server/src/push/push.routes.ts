/** Server API, sending: push, validate, batch and withdraw. */

import { AudienceBody } from '@lethe/protocol/audience.schemas.ts'
import { errors } from '@lethe/protocol/errors.ts'
import type { Judged, Refusal } from '@lethe/protocol/fault.ts'
import { parseMessageId } from '@lethe/protocol/message-id.ts'
import { type BatchItem, parseBatch, parsePush } from '@lethe/protocol/parse-push.ts'
import {
  type BatchItemAnswer,
  BatchPushAnswer,
  BatchPushBody,
  PushAnswer,
  pushBody,
  ValidatePushAnswer,
  WithdrawPushAnswer,
  WithdrawPushParams,
} from '@lethe/protocol/push.schemas.ts'
import type { Push } from '@lethe/protocol/push.ts'
import { batchBodyBytesMax } from '@lethe/protocol/push-limits.ts'
import type { App } from '../apps/app.ts'
import { parseAudience } from '../audience/parse-audience.ts'
import { type Operation, operation } from '../kernel/operation.ts'
import type { Alias } from '../kernel/personal.ts'
import { answer, type Reply, refuse } from '../kernel/reply.ts'
import { OutcomeUnknown, StorageUnavailable } from '../storage/errors.ts'
import {
  type AcceptPushDeps,
  acceptPush,
  checkPush,
  findSingleTargets,
  type PushToAccept,
} from './accept-push.ts'
import { pushToOne } from './push-to-one.ts'
import { WITHDRAWN_TOPIC } from './push-work.ts'
import type { RecipientRow } from './recipients.store.ts'
import { withdrawPushes } from './withdraw-push.store.ts'

export interface PushDeps extends AcceptPushDeps {
  /** Takes so many further calls from the app's rate limit; the answer is how many there were. */
  readonly takeCalls: (app: App, count: number) => number
}

const PushBody = pushBody(AudienceBody)

export function createPush({ push: deps }: { push: PushDeps }): Operation<App> {
  return operation({
    id: 'createPush',
    summary: 'Send a push',
    description:
      'Accepted means written down: it is sent even if the server stops at this moment. A repeated `cid` answers with the ' +
      'message of the first push and sends nothing.',
    schema: { body: PushBody, answers: { 200: PushAnswer } },
    async handle({ caller, body }) {
      const judged = judge(caller, body)
      if (!judged.ok) return refusalOf(judged)
      const reach = await checkPush(deps, judged.value)
      if (!reach.ok) return refusalOf(reach)
      const accepted = await acceptPush(deps, judged.value, reach.value)
      if (!accepted.ok) return refusalOf(accepted)
      return answer({ ...requestIdOf(judged.value.push), msg_id: String(accepted.value) })
    },
  })
}

/** The header of a validation that tells how many users the push would reach. */
const REACH_HEADER = 'lethe-reach'

export function validatePush({ push: deps }: { push: PushDeps }): Operation<App> {
  return operation({
    id: 'validatePush',
    summary: 'Check a push without sending it',
    description:
      'The header Lethe-Reach tells how many users it would reach at this moment. Nothing is sent or kept.',
    schema: { body: PushBody, answers: { 200: ValidatePushAnswer } },
    async handle({ caller, body }) {
      const judged = judge(caller, body)
      if (!judged.ok) return refusalOf(judged)
      const reach = await checkPush(deps, judged.value)
      if (!reach.ok) return refusalOf(reach)
      const headers = { [REACH_HEADER]: String(reach.value.users) }
      return answer({ ...requestIdOf(judged.value.push), msg_id: '0' }, headers)
    },
  })
}

export function pushToRegistrationIds({ push: deps }: { push: PushDeps }): Operation<App> {
  return batchOperation(deps, {
    id: 'pushToRegistrationIds',
    kind: 'registrationId',
    summary: 'Send a push to each of several users, named by registration id',
  })
}

export function pushToAliases({ push: deps }: { push: PushDeps }): Operation<App> {
  return batchOperation(deps, {
    id: 'pushToAliases',
    kind: 'alias',
    summary: 'Send a push to each of several users, named by alias',
  })
}

export function withdrawPush({ push: { database } }: { push: PushDeps }): Operation<App> {
  return operation({
    id: 'withdrawPush',
    summary: 'Take a push back',
    description:
      'Within one day. What is not sent yet is not sent; users who got it over an open socket are told to take it down.',
    schema: { params: WithdrawPushParams, answers: { 200: WithdrawPushAnswer } },
    async handle({ caller, params }) {
      const msgId = parseMessageId(params.msg_id)
      const input = msgId.ok ? { appKey: caller.appKey, msgId: msgId.value } : undefined
      const output = input && (await database.write(withdrawPushes, input))
      if (output !== 'withdrawn')
        return refuse('parameterInvalid', 'Parameter value is invalid,msg_id not exist')
      database.announce(WITHDRAWN_TOPIC)
      return answer({ request_id: '', msg_id: params.msg_id })
    },
  })
}

function judge(app: App, body: Parameters<typeof parsePush>[0] & { to: AudienceBody }): Judged<PushToAccept> {
  const push = parsePush(body)
  if (!push.ok) return push
  const audience = parseAudience(body.to, app.settings.limits)
  if (!audience.ok) return audience
  return { ok: true, value: { app, push: push.value, audience: audience.value } }
}

function refusalOf({ error, message }: Refusal): Reply {
  return refuse(error, message)
}

function requestIdOf({ requestId }: Push): { request_id?: string } {
  return requestId === undefined ? {} : { request_id: requestId }
}

interface BatchKind {
  readonly id: string
  readonly kind: 'registrationId' | 'alias'
  readonly summary: string
}

function batchOperation(deps: PushDeps, { id, kind, summary }: BatchKind): Operation<App> {
  return operation({
    id,
    summary,
    description: 'Each push is accepted or refused by itself, and costs one call of the rate limit.',
    bodyBytesMax: batchBodyBytesMax,
    schema: { body: BatchPushBody, answers: { 200: BatchPushAnswer } },
    async handle({ caller, body }) {
      const batch = parseBatch(body)
      if (!batch.ok) return refusalOf(batch)
      const items = batch.value
      // The call itself has been counted as one.
      const granted = 1 + deps.takeCalls(caller, items.length - 1)
      const targets = items.map(({ target }) => target)
      const rows = await findSingleTargets(deps, caller.appKey, { kind, targets })
      const answers = await Promise.all(
        items.map((item, index) =>
          index < granted
            ? answerItem(deps, { app: caller, item, row: rows.get(item.target), kind })
            : refusedItem(item, 'rateLimited', 'Rate limit exceeded for the API'),
        ),
      )
      const results = Object.fromEntries(answers.map((one) => [one.target, one]))
      return answer(granted < items.length ? { results, rate_limit_info: RATE_LIMITED } : { results })
    },
  })
}

const RATE_LIMITED = {
  rate_limit_occurred: true,
  message: 'Some requests were rate limited during batch processing',
} as const

interface ItemInput {
  readonly app: App
  readonly item: BatchItem
  readonly row: RecipientRow | undefined
  readonly kind: BatchKind['kind']
}

/** Where storage fails one push, others of the batch may stand: each says so for itself. */
async function answerItem(deps: PushDeps, input: ItemInput): Promise<BatchItemAnswer> {
  try {
    return await acceptItem(deps, input)
  } catch (error) {
    if (error instanceof StorageUnavailable) return refusedItem(input.item, 'storageUnavailable')
    if (error instanceof OutcomeUnknown) return refusedItem(input.item, 'outcomeUnknown')
    throw error
  }
}

async function acceptItem(deps: PushDeps, input: ItemInput): Promise<BatchItemAnswer> {
  const { app, item, row, kind } = input
  const { push } = item
  if (!push.ok) return refusedItem(item, push.error, push.message)
  const alias = kind === 'alias' ? (item.target as Alias) : null
  if (!row) return refusedItem(item, kind === 'alias' ? 'targetNone' : 'registrationIdUnknown')
  const accepted = await pushToOne(deps, { app, push: push.value, row, alias })
  if (!accepted.ok) return refusedItem(item, accepted.error, accepted.message)
  return { target: item.target, success: true, msg_id: accepted.value }
}

function refusedItem(
  { target }: BatchItem,
  error: Refusal['error'],
  message: string = errors[error].message,
): BatchItemAnswer {
  return { target, success: false, error: { code: errors[error].code, message } }
}
