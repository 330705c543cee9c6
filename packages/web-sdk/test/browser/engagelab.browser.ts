/** A site that moved over from EngageLab: its own lines of code, with one URL changed. */

import assert from 'node:assert/strict'
import { page } from '../../../../tools/browsers/site.ts'
import { anotherVisitor, eventually, inEachBrowser, Tab, until, type World } from './world.ts'

inEachBrowser(
  "a page with EngageLab's names is reached, and a second browser takes its alias over",
  async (world, atEnd) => {
    const { browser, lethe } = world
    const tab = await visitAs(world, 'alice')
    const registrationId = await tab.ask<string>('MTpushInterface.getRegistrationID()')
    assert.deepEqual(await tab.ask('told'), [
      ['success', 0],
      ['canGetInfo', registrationId],
      ['webPushcallback', 1],
    ])
    await tab.ask(`MTpushInterface.setTagsAlias({ tags: ['readers'], alias: 'alice' })`)
    await eventually('tags and alias', () => lethe.call(`GET /v4/devices/${registrationId}`), {
      tags: ['readers'],
      alias: 'alice',
    })
    await world.push({ alias: ['alice'] }, 'For Alice')
    await until('the notification', async () => (await browser.notifications()).includes('For Alice'))
    await eventually('the page hears of it', () => tab.ask('received'), [[1, 'For Alice']])

    const second = await anotherVisitor(world, atEnd)
    const other = await visitAs(second, 'alice')
    const otherId = await other.ask<string>('MTpushInterface.getRegistrationID()')
    assert.notEqual(otherId, registrationId)
    assert.deepEqual(await lethe.call(`GET /v4/devices/${registrationId}`), { tags: ['readers'], alias: '' })
    assert.deepEqual(await lethe.call(`GET /v4/devices/${otherId}`), { tags: [], alias: 'alice' })
    await world.push({ alias: ['alice'] }, 'For her new browser')
    const isShown = async () => (await second.browser.notifications()).includes('For her new browser')
    await until('the notification in the other browser', isShown)
    assert.ok(!(await browser.notifications()).includes('For her new browser'))
    assert.deepEqual(
      browser.endpoints.attempts.map(({ status }) => status),
      [201, 201],
    )
  },
)

async function visitAs({ browser, site, lethe }: World, user: string): Promise<Tab> {
  site.files.set(
    '/moved',
    page(`<script src="${lethe.url}/sdk/mtpush.js"></script>
    <script>
      const [told, received] = [[], []]
      MTpushInterface.onMsgReceive(({ type, data }) => received.push([type, data.messages[0].title]))
      MTpushInterface.init({
        appkey: ${JSON.stringify(lethe.appKey)},
        user_str: ${JSON.stringify(user)},
        swUrl: '/lethe-worker.js',
        success: ({ code }) => told.push(['success', code]),
        fail: ({ code, message }) => told.push(['fail', code, message]),
        canGetInfo: ({ regid }) => told.push(['canGetInfo', regid]),
        webPushcallback: (code) => told.push(['webPushcallback', code]),
      })
    </script>`),
  )
  await browser.grantNotifications(site.origin)
  const opened = await browser.openPage()
  await opened.goto(`${site.origin}/moved`)
  const tab = new Tab(opened)
  await until('init has told everything', async () => (await tab.ask<unknown[]>('told')).length === 3)
  return tab
}
