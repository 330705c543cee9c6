/** Pages that are open: two at once, while their user is deleted, and where the browser keeps nothing. */

import assert from 'node:assert/strict'
import { eventually, inEachBrowser, until } from './world.ts'

inEachBrowser('two tabs that are opened at once register one user', async (world) => {
  const { browser, site } = world
  await browser.grantNotifications(site.origin)
  const tabs = await Promise.all([world.visit(), world.visit(), world.visit()])
  const ids = await Promise.all(tabs.map((tab) => tab.registrationId()))
  const users = await world.users()
  assert.deepEqual(new Set(ids), new Set(users.map(({ registrationId }) => registrationId)))
  assert.equal(users.length, 1)
  assert.equal(browser.endpoints.count, 1)
})

inEachBrowser('a page without push learns of the deletion over its socket', async (world) => {
  const tab = await world.visit()
  assert.equal(await tab.endpoint(), null)
  const registrationId = await tab.registrationId()
  await until('the socket is open', async () => (await tab.heard('online')).length > 0)
  await world.deleteUser(registrationId)
  await until('the page knows', async () => (await tab.heard('deleted')).length === 1)
  assert.equal(await tab.state(), 'deleted')
  assert.deepEqual(await world.users(), [])
})

inEachBrowser(
  'a subscribed page learns of the deletion with its next call, and gives its address up',
  async (world) => {
    const { browser, site } = world
    await browser.grantNotifications(site.origin)
    const tab = await world.visit()
    const [first, second] = [tab, await world.visit()]
    await world.deleteUser(await first.registrationId())
    assert.equal(await first.reasonOf(`lethe.addTags(['late'])`), 'deleted')
    for (const page of [first, second]) {
      await until('the page knows', async () => (await page.heard('deleted')).length === 1)
      assert.equal(await page.state(), 'deleted')
    }
    assert.equal(await first.endpoint(), null)
    await eventually('subscriptions at the push service', async () => browser.endpoints.count, 0)
    assert.deepEqual(await world.users(), [])
  },
)

inEachBrowser(
  'where the browser keeps nothing there is no user, and no exception',
  async (world) => {
    const errors: string[] = []
    const tab = await world.visit()
    tab.page.on('pageerror', (error) => errors.push(String(error)))
    assert.equal(await tab.state(), 'unavailable')
    assert.equal(await tab.registrationId(), '')
    assert.equal(await tab.reasonOf(`lethe.addTags(['readers'])`), 'unavailable')
    assert.deepEqual(
      (await tab.heard('unavailable')).map(({ detail }) => detail['reason']),
      ['storage'],
    )
    assert.deepEqual(errors, [])
    assert.deepEqual(await world.users(), [])
  },
  { blocksSiteData: true },
)
