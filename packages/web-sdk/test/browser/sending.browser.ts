/** From a subscription to a click, and what the server counts of it. */

import assert from 'node:assert/strict'
import { mintWebPushCredentials } from '../../../server/src/channels/web-push/credentials.ts'
import { eventually, inEachBrowser, until, type World } from './world.ts'

inEachBrowser('a push by tag is shown, a click opens its page, and all of it is counted', async (world) => {
  const { browser, site } = world
  await browser.grantNotifications(site.origin)
  const tab = await world.visit()
  await tab.ask(`lethe.addTags(['readers'])`)
  const msgId = await world.push({ tag: ['readers'] }, 'Offer', `${site.origin}/offer`)
  await until('the notification', async () => (await browser.notifications()).includes('Offer'))
  await eventually('it is counted as shown', () => counts(world, msgId), reached({ impressions: 1 }))

  await browser.clickNotification('Offer')
  await until('the page of the offer', async () => (await openUrls(world)).includes(`${site.origin}/offer`))
  await eventually(
    'it is counted as clicked',
    () => counts(world, msgId),
    reached({ impressions: 1, clicks: 1 }),
  )
  await until('the page hears of the click', async () => (await tab.heard('click')).length === 1)
  assert.deepEqual(await browser.notifications(), [])
})

inEachBrowser('a click goes to the tab that shows the page already', async (world) => {
  const { browser, site } = world
  await browser.grantNotifications(site.origin)
  const tab = await world.visit()
  const other = await browser.openPage()
  await other.goto('about:blank')
  await other.bringToFront()
  await world.push({ registration_id: [await tab.registrationId()] }, 'Offer', `${site.origin}/`)
  await browser.clickNotification('Offer')
  await until('the shop is in front', () => tab.ask<boolean>(`document.visibilityState === 'visible'`))
  await until('the page hears of the click', async () => (await tab.heard('click')).length === 1)
  assert.deepEqual(
    (await openUrls(world)).filter((url) => url.startsWith(site.origin)),
    [`${site.origin}/`],
  )
})

inEachBrowser(
  'the visitor allows notifications by a click in the page, and is reached from then on',
  async (world) => {
    const { browser, site } = world
    const tab = await world.visit()
    assert.equal(await tab.endpoint(), null)
    await browser.grantNotifications(site.origin)
    await tab.page.click('button')
    await until('the subscription', () => tab.endpoint())
    await eventually(
      'the server knows the subscription',
      async () => (await world.users()).map(({ endpoint }) => endpoint),
      [await tab.endpoint()],
    )
    await world.leave()
    await world.push('all', 'While away')
    await until('the notification', async () => (await browser.notifications()).includes('While away'))
  },
)

inEachBrowser(
  'a page without push gets messages over its socket, and counts what it shows',
  async (world) => {
    const init = `on.message = (detail) => { hear('message')({ via: detail.via, title: detail.message.title }); detail.shown() }`
    const tab = await world.visit({ script: init })
    await until('the socket is open', async () => (await tab.heard('online')).length > 0)
    const to = { registration_id: [await tab.registrationId()] }
    // The socket says welcome a moment before every node knows of it; until then nobody is there to be reached.
    const msgId = await until('the user can be reached', () =>
      world.push(to, 'In the page').catch(() => undefined),
    )
    await until('the message', async () => (await tab.heard('message')).length === 1)
    assert.deepEqual(
      (await tab.heard('message')).map(({ detail }) => detail),
      [{ via: 'socket', title: 'In the page' }],
    )
    await eventually('it is counted as shown', () => counts(world, msgId), reached({ impressions: 1 }))
    assert.deepEqual(await world.browser.notifications(), [])
  },
)

inEachBrowser('who opts out is subscribed nowhere, keeps tags, and can opt in again', async (world) => {
  const { browser, site, lethe } = world
  await browser.grantNotifications(site.origin)
  const tab = await world.visit()
  const registrationId = await tab.registrationId()
  await tab.ask(`lethe.addTags(['readers'])`)
  await tab.ask('lethe.optOut()')
  assert.equal(await tab.state(), 'optedOut')
  assert.equal(await tab.endpoint(), null)
  await eventually('subscriptions at the push service', async () => browser.endpoints.count, 0)
  await world.leave()
  const later = await world.visit()
  assert.deepEqual([await later.state(), await later.endpoint()], ['optedOut', null])
  assert.deepEqual((await lethe.call(`GET /v4/devices/${registrationId}`))['tags'], ['readers'])

  await later.ask('lethe.optIn()')
  assert.deepEqual([await later.state(), await later.registrationId()], ['registered', registrationId])
  await world.push({ tag: ['readers'] }, 'Back again')
  await until('the notification', async () => (await browser.notifications()).includes('Back again'))
})

inEachBrowser('after a change of the VAPID keys the next visit subscribes anew', async (world) => {
  const { browser, site, lethe } = world
  await browser.grantNotifications(site.origin)
  const first = await world.visit()
  const [registrationId, endpoint] = [await first.registrationId(), await first.endpoint()]
  await world.leave()
  const { publicKey, privateKey } = mintWebPushCredentials('mailto:operator@example.com')
  const body = { public_key: publicKey, private_key: privateKey }
  await lethe.operate(`PUT /admin/v1/apps/${lethe.appKey}/channels/web-push`, body)

  const tab = await world.visit()
  assert.equal(await tab.registrationId(), registrationId)
  assert.notEqual(await tab.endpoint(), endpoint)
  await world.push({ registration_id: [registrationId] }, 'New keys')
  await until('the notification', async () => (await browser.notifications()).includes('New keys'))
})

type Counts = { sent: number; delivered: number; impressions: number; clicks: number }

function reached(more: Partial<Counts>): Counts {
  return { sent: 1, delivered: 1, impressions: 0, clicks: 0, ...more }
}

async function counts({ lethe }: World, msgId: string): Promise<Counts> {
  const answer = await lethe.call(`GET /v4/status/detail?message_ids=${msgId}`)
  const { sent, delivered, impressions, clicks } = answer[msgId] as Counts
  return { sent, delivered, impressions, clicks }
}

async function openUrls({ browser }: World): Promise<string[]> {
  return (await browser.pages()).map((page) => page.url())
}
