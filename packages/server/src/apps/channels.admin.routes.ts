/** Operator API, channels of an app: which are set, set one, remove one. Secrets go in and never come out. */

import { AdminAppParams } from '@lethe/protocol/admin.schemas.ts'
import {
  ApnsBody,
  AppChannelParams,
  ChannelAnswer,
  ChannelFacts,
  ChannelsAnswer,
  type ChannelWord,
  channelWords,
  FcmBody,
  RemoveChannelAnswer,
  RemoveChannelQuery,
  StubBody,
  WebPushBody,
} from '@lethe/protocol/channel.schemas.ts'
import { type AuditEntry, auditEntry } from '../audit/audit.ts'
import { assert } from '../kernel/assert.ts'
import { type Operation, operation } from '../kernel/operation.ts'
import type { Address } from '../kernel/personal.ts'
import type { Random } from '../kernel/random.ts'
import { answer, type Reply, refuse, SUCCESS } from '../kernel/reply.ts'
import type { CredentialChannel } from './channel-credentials.store.ts'
import {
  type ChannelCredentialsDeps,
  listChannels as list,
  removeChannel as remove,
  type SetChannel,
  setChannel,
} from './channel-credentials.ts'
import type { AppDirectory } from './find-app.ts'

export interface AdminChannelsDeps extends ChannelCredentialsDeps {
  readonly apps: AppDirectory
  readonly random: Random
}

export function listChannels(deps: AdminChannelsDeps): Operation {
  return operation({
    id: 'listChannels',
    summary: 'List the channels of an app that are set',
    description: 'Answers what tells one key from another, and no secret.',
    schema: { params: AdminAppParams, answers: { 200: ChannelsAnswer } },
    handle: async ({ params }) => {
      const channels = await list(deps, params.app_key)
      return channels ? answer({ channels: inOrder(channels).map(channelAnswer) }) : refuse('appUnknown')
    },
  })
}

export function setWebPush(deps: AdminChannelsDeps): Operation {
  return operation({
    id: 'setWebPush',
    summary: 'Import the key pair of Web Push, or change its subject',
    description:
      'What is absent stays; an app without a pair gets a new one. Subscriptions belong to the pair that they were made ' +
      'with: with another pair they cannot be reached any more.',
    schema: { params: AdminAppParams, body: WebPushBody, answers: { 200: ChannelAnswer } },
    handle: ({ params, body, address }) =>
      set(deps, { appKey: params.app_key, word: 'web-push', given: namesOf(body), address }),
  })
}

export function setFcm(deps: AdminChannelsDeps): Operation {
  return operation({
    id: 'setFcm',
    summary: 'Set the service account for Firebase Cloud Messaging',
    schema: { params: AdminAppParams, body: FcmBody, answers: { 200: ChannelAnswer } },
    handle: ({ params, body, address }) =>
      set(deps, { appKey: params.app_key, word: 'fcm', given: body, address }),
  })
}

export function setApns(deps: AdminChannelsDeps): Operation {
  return operation({
    id: 'setApns',
    summary: 'Set the signing key for the Apple Push Notification service',
    schema: { params: AdminAppParams, body: ApnsBody, answers: { 200: ChannelAnswer } },
    handle: ({ params, body, address }) =>
      set(deps, { appKey: params.app_key, word: 'apns', given: namesOf(body), address }),
  })
}

export function setStub(deps: AdminChannelsDeps): Operation {
  return operation({
    id: 'setStub',
    summary: 'Send nothing to anybody: for trying out',
    description:
      'While the stub is set, it stands in for the vendor of every platform and keeps what would be sent in memory.',
    schema: { params: AdminAppParams, body: StubBody, answers: { 200: ChannelAnswer } },
    handle: ({ params, address }) => set(deps, { appKey: params.app_key, word: 'stub', given: {}, address }),
  })
}

export function removeChannel(deps: AdminChannelsDeps): Operation {
  return operation({
    id: 'removeChannel',
    summary: 'Remove the credentials of a channel',
    description:
      'With the key pair of Web Push all subscriptions made with it are lost, so this needs confirm=true.',
    schema: { params: AppChannelParams, query: RemoveChannelQuery, answers: { 200: RemoveChannelAnswer } },
    handle: async ({ params, query, address }) => {
      const word = channelWords.find((one) => one === params.channel)
      if (word === undefined) {
        return refuse('parameterInvalid', `channel: must be one of ${channelWords.join(', ')}`)
      }
      if (word === 'web-push' && query.confirm === undefined) {
        return refuse('parameterInvalid', KEYS_WOULD_BE_LOST)
      }
      if (!(await deps.apps.find(params.app_key))) return refuse('appUnknown')
      const audit = auditOf(deps, { appKey: params.app_key, word, address, action: 'channel.removed' })
      const isRemoved = await remove(deps, { appKey: params.app_key, channel: CHANNELS[word], audit })
      deps.apps.forget(params.app_key)
      return isRemoved ? answer(SUCCESS) : refuse('parameterInvalid', `channel: ${word} is not set`)
    },
  })
}

/** The channels by their words on the wire. */
const CHANNELS: Readonly<Record<ChannelWord, CredentialChannel>> = {
  'web-push': 'webPush',
  fcm: 'fcm',
  apns: 'apns',
  stub: 'stub',
}

const KEYS_WOULD_BE_LOST =
  'confirm: nobody who subscribed with this key pair can be reached without it, and it cannot be brought back: ' +
  'say confirm=true if that is meant'

/** Names of Lethe's own that have another word on the wire. A service account keeps the words of Google. */
const WORDS: Readonly<Record<string, string>> = {
  publicKey: 'public_key',
  privateKey: 'private_key',
  keyId: 'key_id',
  teamId: 'team_id',
  projectId: 'project_id',
  clientEmail: 'client_email',
}

function namesOf(body: object): object {
  const names = new Map(Object.entries(WORDS).map(([name, word]) => [word, name]))
  return Object.fromEntries(Object.entries(body).map(([word, value]) => [names.get(word) ?? word, value]))
}

function inWords(reason: string): string {
  return reason.replaceAll(/\w+/g, (name) => WORDS[name] ?? name)
}

async function set(
  deps: AdminChannelsDeps,
  { address, ...input }: { appKey: string; word: ChannelWord; given: object; address: Address },
): Promise<Reply> {
  const audit = auditOf(deps, { ...input, address, action: 'channel.set' })
  const outcome = await setChannel(deps, { ...input, channel: CHANNELS[input.word], audit })
  deps.apps.forget(input.appKey)
  switch (outcome.kind) {
    case 'set':
      return answer(channelAnswer(outcome.set))
    case 'invalid':
      return refuse('parameterInvalid', inWords(outcome.reason))
    case 'appUnknown':
      return refuse('appUnknown')
  }
}

function auditOf(
  deps: AdminChannelsDeps,
  facts: { appKey: string; word: ChannelWord; address: Address; action: 'channel.set' | 'channel.removed' },
): AuditEntry {
  const { word, ...rest } = facts
  return auditEntry(deps, { ...rest, actor: 'operator', subject: word })
}

function inOrder(channels: readonly SetChannel[]): SetChannel[] {
  return channelWords.flatMap((word) => channels.filter(({ channel }) => channel === CHANNELS[word]))
}

function channelAnswer({ channel, credentials, revision, changedAt }: SetChannel): ChannelAnswer {
  const word = channelWords.find((one) => CHANNELS[one] === channel)
  assert(word, 'every channel has a word')
  return {
    channel: word,
    revision,
    changed_at: new Date(changedAt).toISOString(),
    facts: factsOf(credentials),
  }
}

/** What the schema does not name is not shown, so a secret never is. */
function factsOf(credentials: object): ChannelFacts {
  const facts = Object.entries(credentials).map(([name, value]) => [WORDS[name] ?? name, value])
  return Object.fromEntries(facts.filter(([word]) => Object.hasOwn(ChannelFacts.properties, word)))
}
