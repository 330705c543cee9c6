// The harness itself: a site that uses no SDK, the whole way from a subscription to the page that a click opens.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { launchBrowser } from './browser.ts'
import { browserNames } from './find-browsers.ts'
import { startLethe } from './lethe.ts'
import { page, startSite } from './site.ts'
import { until } from './until.ts'

const worker = `
self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(clients.claim()))
self.addEventListener('push', (event) => {
  const { title, body, url } = event.data.json()
  event.waitUntil(self.registration.showNotification(title, { body, data: { url } }))
})
self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(clients.openWindow(event.notification.data.url))
})`

const script = `
async function register(server, appKey) {
  await navigator.serviceWorker.register('/worker.js')
  const { pushManager } = await navigator.serviceWorker.ready
  const app = server + '/client/v1/apps/' + appKey
  const { vapid_public_key: applicationServerKey } = await (await fetch(app)).json()
  const subscription = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey })
  const body = JSON.stringify({ platform: 'web', subscription, tags: ['readers'] })
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(app + '/registrations', { method: 'POST', headers, body })
  return answer.status
}`

for (const name of browserNames) {
  test(`${name}: a push by tag is decrypted and shown, and a click opens its page`, async (t) => {
    const browser = await launchBrowser(name)
    t.after(() => browser.close())
    const lethe = await startLethe(browser.endpoints)
    t.after(() => lethe.stop())
    const shop = page(`<script>${script}</script>`)
    const site = await startSite({ '/': shop, '/offer': page(''), '/worker.js': worker })
    t.after(() => site.stop())
    await lethe.operate(`PATCH /admin/v1/apps/${lethe.appKey}`, { settings: { origins: [site.origin] } })

    await browser.grantNotifications(site.origin)
    const tab = await browser.openPage()
    await tab.goto(site.origin)
    const call = `register(${JSON.stringify(lethe.url)}, ${JSON.stringify(lethe.appKey)})`
    assert.equal(await tab.evaluate(call), 201)
    const notification = { web: { alert: 'Half price ✓', title: 'Offer', url: `${site.origin}/offer` } }
    await lethe.call('POST /v4/push', { to: { tag: ['readers'] }, body: { platform: 'all', notification } })
    await until('the notification', async () => (await browser.notifications()).includes('Offer'))
    await browser.clickNotification('Offer')
    await until('the page that the click opens', async () =>
      (await browser.pages()).some((page) => page.url() === `${site.origin}/offer`),
    )
    assert.deepEqual(
      browser.endpoints.attempts.map(({ status }) => status),
      [201],
    )
  })
}
