/** How a user who was deleted comes back, and how not; and what clearing means for one who was not. */

import assert from 'node:assert/strict'
import { eventually, inEachBrowser, type Tab, until, type World } from './world.ts'

/** Counts what the page asks its visitor. */
const countPrompts = `
  window.prompts = 0
  const { requestPermission } = Notification
  Notification.requestPermission = (...given) => {
    window.prompts += 1
    return requestPermission.apply(Notification, given)
  }`

inEachBrowser(
  'a deleted user who returns is not registered, not prompted and not subscribed',
  async (world) => {
    await registered(world)
    const [user] = await world.users()
    await world.deleteUser(user?.registrationId ?? '')
    await world.leave()

    const first = await world.visit({ before: countPrompts, init: { prompt: 'immediate' } })
    assert.equal(await first.state(), 'deleted')
    assert.equal(await first.registrationId(), '')
    assert.equal(await first.endpoint(), null)
    assert.equal(await first.reasonOf('lethe.requestPermission()'), 'deleted')
    assert.equal(await first.ask('prompts'), 0)
    assert.deepEqual(await world.users(), [])
    await subscriptionsLeft(world, 0)
    await world.leave()

    const before = await world.clientCalls()
    const second = await world.visit({ before: countPrompts, init: { prompt: 'immediate' } })
    assert.equal(await second.state(), 'deleted')
    assert.equal(await second.ask('prompts'), 0)
    await world.leave()
    assert.equal(await world.clientCalls(), before)
  },
)

for (const { what, clear } of [
  { what: 'cookies alone', clear: (world: World) => world.browser.clearCookies() },
  {
    what: 'cookies and site data',
    clear: ({ browser, site }: World) => browser.clearSiteData(site.origin),
  },
]) {
  inEachBrowser(`deleted, ${what} cleared: the visitor is a new user who inherits nothing`, async (world) => {
    const { registrationId, endpoint } = await registered(world)
    await world.deleteUser(registrationId)
    await world.leave()
    assert.equal(await (await world.visit()).state(), 'deleted')
    await world.leave()
    await clear(world)

    const tab = await world.visit()
    assert.equal(await tab.state(), 'registered')
    await assertNewUser(world, tab, { registrationId, endpoint })
  })

  inEachBrowser(`deleted, ${what} cleared before the next visit: a new user all the same`, async (world) => {
    const { registrationId, endpoint } = await registered(world)
    await world.deleteUser(registrationId)
    await world.leave()
    await clear(world)
    const tab = await world.visit()
    await assertNewUser(world, tab, { registrationId, endpoint })
  })

  inEachBrowser(`alive, ${what} cleared: a new user, and the old address leads nowhere`, async (world) => {
    const { browser } = world
    const { registrationId, endpoint } = await registered(world)
    await world.leave()
    await clear(world)
    const tab = await world.visit()
    await assertNewUser(world, tab, { registrationId, endpoint })
    await subscriptionsLeft(world, 1)
    await world.push({ registration_id: [registrationId] }, 'For the old one')
    await until('the old address is asked', () => statusOf(world, endpoint))
    assert.equal(statusOf(world, endpoint), 410)
    assert.ok(!(await browser.notifications()).includes('For the old one'))
  })
}

inEachBrowser(
  'deleted, all but the cookies cleared: the browser has not been told to forget',
  async (world) => {
    const { registrationId } = await registered(world)
    await world.deleteUser(registrationId)
    await world.leave()
    for (const visit of ['the first visit, which asks the server', 'the next, which has the mark']) {
      await world.browser.clearStorage(world.site.origin)
      const tab = await world.visit({ before: countPrompts, init: { prompt: 'immediate' } })
      assert.equal(await tab.state(), 'deleted', visit)
      assert.equal(await tab.ask('prompts'), 0)
      await world.leave()
    }
    await subscriptionsLeft(world, 0)
    assert.deepEqual(await world.users(), [])
  },
)

inEachBrowser('alive, all but the cookies cleared: a new user, since the secret is lost', async (world) => {
  const { registrationId, endpoint } = await registered(world)
  await world.leave()
  await world.browser.clearStorage(world.site.origin)
  const tab = await world.visit()
  await assertNewUser(world, tab, { registrationId, endpoint })
  await subscriptionsLeft(world, 1)
})

inEachBrowser('while site data are cleared, nothing subscribes or registers by itself', async (world) => {
  const { browser, site } = world
  await registered(world)
  await world.leave()
  const [before, users] = [await world.clientCalls(), await world.users()]
  await browser.clearSiteData(site.origin)
  await subscriptionsLeft(world, 0)
  // What a worker would do on the event is done before the visitor comes back to another page of the site.
  const other = await browser.openPage()
  await other.goto(`${site.origin}/offer`)
  assert.equal(browser.endpoints.count, 0)
  assert.deepEqual(await world.users(), users)
  assert.equal(await world.clientCalls(), before)
})

inEachBrowser(
  'a page with old tags that was offline while its user was deleted brings none back',
  async (world) => {
    const { lethe } = world
    const { tab, registrationId } = await registered(world)
    await tab.page.setOfflineMode(true)
    assert.equal(await tab.reasonOf(`lethe.addTags(['offline'])`), 'network')
    await world.deleteUser(registrationId)
    await tab.page.setOfflineMode(false)
    assert.equal(await tab.reasonOf(`lethe.setTags(['readers', 'late'])`), 'deleted')
    await until('the page knows', async () => (await tab.state()) === 'deleted')
    await tab.ask('lethe.startOver()')
    assert.equal(await tab.state(), 'registered')
    assert.deepEqual(await tab.ask('lethe.getAllTags()'), [])
    assert.deepEqual((await lethe.call('GET /v4/tags'))['tags'] ?? [], [])
  },
)

inEachBrowser('a cookie that has run out is not one that was cleared', async (world) => {
  const { browser, site } = world
  await browser.grantNotifications(site.origin)
  // Two seconds.
  const init = { cookieDays: 2 / 86_400 }
  const first = await world.visit({ init })
  const registrationId = await first.registrationId()
  await until('the cookie has run out', async () => (await first.ask<string>('document.cookie')) === '')
  await world.leave()
  const second = await world.visit()
  assert.equal(await second.registrationId(), registrationId)
  assert.notEqual(await second.ask('document.cookie'), '')
  await world.leave()

  await browser.clearCookies()
  const third = await world.visit()
  assert.notEqual(await third.registrationId(), registrationId)
})

inEachBrowser('startOver() makes a new user, and a user who is there is refused it', async (world) => {
  const { tab, registrationId, endpoint } = await registered(world)
  assert.equal(await tab.reasonOf('lethe.startOver()'), 'refused')
  await tab.ask('lethe.deleteUser()')
  assert.equal(await tab.state(), 'deleted')
  assert.equal(await tab.endpoint(), null)
  assert.deepEqual(await world.users(), [])
  await tab.ask('lethe.startOver()')
  await assertNewUser(world, tab, { registrationId, endpoint })
})

type Before = { readonly registrationId: string; readonly endpoint: string }

/** A visitor who is subscribed, with a tag and an alias. */
async function registered({ browser, site, visit }: World): Promise<Before & { readonly tab: Tab }> {
  await browser.grantNotifications(site.origin)
  const tab = await visit()
  await tab.ask(`lethe.addTags(['readers'])`)
  await tab.ask(`lethe.setAlias('alice')`)
  const endpoint = (await tab.endpoint()) ?? ''
  assert.notEqual(endpoint, '')
  return { tab, registrationId: await tab.registrationId(), endpoint }
}

async function assertNewUser(world: World, tab: Tab, old: Before): Promise<void> {
  const registrationId = await tab.registrationId()
  assert.notEqual(registrationId, '')
  assert.notEqual(registrationId, old.registrationId)
  assert.notEqual(await tab.endpoint(), old.endpoint)
  assert.deepEqual(await tab.ask('lethe.getAllTags()'), [])
  assert.equal(await tab.ask('lethe.getAlias()'), '')
  await world.push({ registration_id: [registrationId] }, 'For the new one')
  await until('the notification', async () =>
    (await world.browser.notifications()).includes('For the new one'),
  )
}

/** A browser tells its push service a moment after the page that it has unsubscribed. */
async function subscriptionsLeft({ browser }: World, count: number): Promise<void> {
  await eventually('subscriptions at the push service', async () => browser.endpoints.count, count)
}

function statusOf({ browser }: World, endpoint: string): number | undefined {
  const id = endpoint.split('/').at(-1)
  return browser.endpoints.attempts.find((attempt) => attempt.id === id)?.status
}
