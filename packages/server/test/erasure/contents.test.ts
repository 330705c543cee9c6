/**
 * Contents of messages that name their receivers, told of and looked for: they go with the last of those, however the message
 * ended. What single users are told in every field is in canary.test.ts.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expireMessages } from '../../src/push/expire-pending.store.ts'
import type { TestApp } from '../support/app.ts'
import {
  assertAllFound,
  assertNowhere,
  CLIENT,
  call,
  erase,
  mark,
  markOf,
  remember,
  serverCall,
  startWithStub,
  untilSent,
} from '../support/canary.ts'
import { forEachEngine } from '../support/engines.ts'
import { allRows } from '../support/everything-stored.ts'
import { markedMessage } from '../support/marked-pushes.ts'
import { runOutside } from '../support/outside-sql.ts'
import { until } from '../support/until.ts'

/** How a message to one phone can end without having reached it. The stub puts it off until then. */
const UNSENT: Readonly<Record<string, (app: TestApp, sent: Unsent) => Promise<unknown>>> = {
  withdrawn: (app, { push }) =>
    push({}).then(({ msg_id }) => call(app, 200, serverCall(app, `DELETE /v4/push/withdraw/${msg_id}`))),
  overridden: async (app, { phone, push }) => {
    const { msg_id } = await push({})
    await call(
      app,
      200,
      serverCall(app, 'POST /v4/push', {
        to: { registration_id: [phone] },
        body: {
          platform: 'android',
          notification: { alert: 'Forget it' },
          options: { override_msg_id: Number(msg_id) },
        },
      }),
    )
  },
  'for an alias that was taken away': async (app, { phone, push }) => {
    await call(app, 200, serverCall(app, `POST /v4/devices/${phone}`, { alias: 'moving' }))
    const { msg_id } = await push({ to: { alias: ['moving'] } })
    await call(app, 200, serverCall(app, `POST /v4/devices/${phone}`, { alias: '' }))
    await untilEnded(app, msg_id)
  },
  expired: async (app, { push }) => untilEnded(app, (await push({ options: { time_to_live: 1 } })).msg_id),
}

interface Unsent {
  readonly phone: string
  push(given: { to?: object; options?: object }): Promise<{ msg_id: string }>
}

async function untilEnded({ deps }: TestApp, msgId: string): Promise<void> {
  const pending = deps.database.read.kysely.selectFrom('pending_message').select('msg_id')
  await until('nothing is left to be sent', async () => {
    const rows = await pending.where('msg_id', '=', Number(msgId)).execute()
    return rows.length === 0
  })
}

async function registerPhone(app: TestApp): Promise<string> {
  const payload = { platform: 'android', token: `stub-retry-${mark('x').padEnd(32, 'x')}` }
  const registered = await call(app, 201, { method: 'POST', url: CLIENT, payload })
  return (registered as { registration_id: string }).registration_id
}

forEachEngine('what was said to users by name', (open) => {
  for (const [how, end] of Object.entries(UNSENT)) {
    test(`goes with the last of them, even if it is ${how} before it is sent`, async (t) => {
      const opened = await open(t)
      const { app } = await startWithStub(t, opened)
      const phone = await registerPhone(app)
      const told: string[] = []
      const push: Unsent['push'] = async ({ to = { registration_id: [phone] }, options = {} }) => {
        const content = {
          platform: 'android',
          notification: { alert: remember(told, mark('told')) },
          options: { ...options, apns_collapse_id: remember(told, mark('collapse')) },
        }
        const sent = serverCall(app, 'POST /v4/push', { to, body: content })
        return (await call(app, 200, sent)) as { msg_id: string }
      }
      await end(app, { phone, push })
      await erase(app, [phone])
      assert.ok(told.length > 0)
      assertNowhere(told, await allRows(opened.database))
    })
  }

  test('goes with a user who was hidden before it expired', async (t) => {
    const opened = await open(t)
    const { app } = await startWithStub(t, opened)
    const phone = await registerPhone(app)
    const told: string[] = []
    const content = markedMessage((suffix) => remember(told, markOf('told', suffix)))
    const sent = { to: { registration_id: [phone] }, ...content }
    await call(app, 200, serverCall(app, 'POST /v4/push', sent))
    await untilSent(app)
    await runOutside(opened, `update device set state = 'erasing'`)
    await runOutside(opened, 'update pending_message set expires_at = 1')
    assert.equal(await opened.database.write(expireMessages, 1), 0)
    await runOutside(opened, `update device set state = 'live'`)
    await erase(app, [phone])
    assertNowhere(told, await allRows(opened.database))
  })

  test('together stays until the last of them goes', async (t) => {
    const opened = await open(t)
    const { app } = await startWithStub(t, opened)
    const [alice, bob] = [await registerPhone(app), await registerPhone(app)]
    const told: string[] = []
    const content = markedMessage((suffix) => remember(told, markOf('told', suffix)))
    await call(
      app,
      200,
      serverCall(app, 'POST /v4/push', { to: { registration_id: [alice, bob] }, ...content }),
    )
    await erase(app, [alice])
    assertAllFound(told, await allRows(opened.database))
    await erase(app, [bob])
    assertNowhere(told, await allRows(opened.database))
  })
})
