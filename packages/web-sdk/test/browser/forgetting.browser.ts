/** What every story rests on: between two of them, the browser forgets. */

import assert from 'node:assert/strict'
import type { Page } from 'puppeteer-core'
import { inEachBrowser, until, type World } from './world.ts'

/** Everything that a site can find out about earlier visits. */
const traces = `Promise.all([
    navigator.serviceWorker.getRegistrations(),
    caches.keys(),
    indexedDB.databases(),
  ]).then(([workers, caches, databases]) => ({
    permission: Notification.permission,
    cookie: document.cookie,
    stored: localStorage.length,
    workers: workers.length,
    caches,
    databases: databases.map(({ name }) => name),
  }))`

inEachBrowser('a browser that forgets everything has never been at the shop', async (world) => {
  const { browser, site } = world
  const before = await (await openOffer(world)).evaluate(traces)
  await browser.grantNotifications(site.origin)
  const tab = await world.visit()
  await tab.ask(`caches.open('offers')`)
  await tab.ask(`localStorage.setItem('seen', 'yes')`)
  await world.push({ registration_id: [await tab.registrationId()] }, 'Offer')
  await until('the notification', async () => (await browser.notifications()).includes('Offer'))
  assert.notDeepEqual(await tab.ask(traces), before)

  await browser.forgetEverything()
  assert.deepEqual(
    (await browser.pages()).map((page) => page.url()),
    ['about:blank'],
  )
  assert.deepEqual(await browser.notifications(), [])
  assert.equal(browser.endpoints.count, 0)
  assert.deepEqual(await (await openOffer(world)).evaluate(traces), before)
})

async function openOffer({ browser, site }: World): Promise<Page> {
  const page = await browser.openPage()
  await page.goto(`${site.origin}/offer`)
  return page
}
