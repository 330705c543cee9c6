/** A server that sends to recording channels, and what tests of statistics ask it and do to its rows. */

import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type {
  MessageLifecycleAnswer,
  MessageRowsAnswer,
  MessageStatisticsAnswer,
} from '@lethe/protocol/statistics.schemas.ts'
import type { AppDeps } from '../../src/app.ts'
import type { RegistrationId } from '../../src/kernel/personal.ts'
import { finishSends, type SendEnd } from '../../src/push/finish-sends.store.ts'
import { APP_KEY } from './app.ts'
import type { OpenDatabase } from './engines.ts'
import { runOutside } from './outside-sql.ts'
import { openPushWorld, type PushWorld, type User } from './push-world.ts'

export interface StatisticsWorld extends PushWorld {
  /** A read of the server API that must succeed. */
  ask<Answer>(url: string): Promise<Answer>
  numbersOf(...msgIds: string[]): Promise<MessageStatisticsAnswer>
  lifecycleOf(msgId: string, ...users: User[]): Promise<MessageLifecycleAnswer>
  rowsOf(...msgIds: string[]): Promise<MessageRowsAnswer>
  /** Status, code and message of a read that must be refused. */
  refusalOf(url: string): Promise<[number, number, string]>
  /** SQL past the server. */
  outside(statement: string): Promise<void>
  /** The word of a send, as it comes from a sender. */
  finish(user: User, msgId: string, end: SendEnd): Promise<void>
}

export async function openStatisticsWorld(
  t: TestContext,
  open: OpenDatabase,
  deps: Partial<AppDeps> = {},
): Promise<StatisticsWorld> {
  const opened = await open(t)
  const world = await openPushWorld(t, async () => opened, deps)
  const ask = async <Answer>(url: string) => {
    const answer = await world.call('GET', url)
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    return answer.body as Answer
  }
  return {
    ...world,
    ask,
    numbersOf: (...msgIds) => ask(`/v4/status/detail?message_ids=${msgIds}`),
    lifecycleOf: (msgId, ...users) =>
      ask(`/v4/status/message?message_id=${msgId}&registration_ids=${users.map(({ id }) => id)}`),
    rowsOf: (...msgIds) => ask(`/v4/status/batch/message?message_ids=${msgIds}`),
    refusalOf: async (url) => {
      const { status, body } = await world.call('GET', url)
      return [status, body.error.code, body.error.message]
    },
    outside: (statement) => runOutside(opened, statement),
    finish: async ({ id }, msgId, end) => {
      const result = {
        senderId: 'test',
        appKey: APP_KEY,
        registrationId: id as RegistrationId,
        msgId: Number(msgId),
        platform: 'android',
        alias: null,
        channel: 'fcm',
        isFirst: true,
        end,
        deadToken: null,
      } as const
      await opened.database.write(finishSends, { results: [result], chunk: null })
    },
  }
}
