/** The demo, from the first visit to the last, in real browsers, and each of its states as axe-core sees it. */

import assert from 'node:assert/strict'
import { accessibilityFaults } from '../../../../tools/browsers/accessibility.ts'
import type { BrowserSettings, TestBrowser } from '../../../../tools/browsers/browser.ts'
import { DemoVisitor, type View } from '../../../../tools/browsers/demo-visitor.ts'
import { type RunningLethe, startLethe } from '../../../../tools/browsers/lethe.ts'
import { until } from '../../../../tools/until.ts'
import * as stories from './stories.ts'

type World = { readonly browser: TestBrowser; readonly lethe: RunningLethe; readonly visitor: DemoVisitor }

type Circumstances = {
  /** Runs in each document before everything else. */
  readonly before?: string
  readonly settings?: BrowserSettings
}

/** The same story in each browser, with a server of its own. The page complains of nothing, whatever happens. */
function inEachBrowser(
  story: string,
  tell: (world: World) => Promise<void>,
  { before, settings }: Circumstances = {},
): void {
  stories.inEachBrowser(
    story,
    async (browser, atEnd) => {
      const lethe = await startLethe(browser.endpoints)
      atEnd(() => lethe.stop())
      const visitor = await DemoVisitor.arrive(browser, `${lethe.url}/demo`, before)
      await tell({ browser, lethe, visitor })
      assert.deepEqual(visitor.complaints, [])
    },
    settings,
  )
}

/** A browser that does not tell when a permission changes, as Safari before 16: what is not clicked does not happen. */
const tellsOfNoChange = `Object.defineProperty(navigator, 'permissions', { value: undefined })`

inEachBrowser('a visitor subscribes, is pushed to, is deleted, and stays deleted', wholeStory, {
  before: tellsOfNoChange,
})

async function wholeStory(world: World): Promise<void> {
  const { lethe, visitor } = world
  const id = await subscribeByClick(world)
  await nameThemselves(visitor)
  assert.deepEqual(await lethe.call(`GET /v4/devices/${id}`), {
    tags: ['evening', 'tea_mint'],
    alias: 'customer_17',
  })
  await pushToThemselves(world)
  await seesWell(visitor, 'granted')
  await visitor.click('#delete')
  assert.deepEqual(await accessibilityFaults(visitor.page), [], 'the question whether to delete')
  await visitor.click('#confirm .danger')
  await seesWell(visitor, 'deleted')
  assert.equal(await visitor.text('#deleted-id'), id)
  const left = `document.querySelectorAll('[aria-pressed="true"], #tags li, #messages li').length`
  assert.equal(await visitor.ask(left), 0, 'nothing of the visitor is left in the page')
  await until('the receipt', async () => (await lethe.call(`GET /v4/devices/${id}/erasure`))['receipt'])
  await stayDeleted(visitor)
}

async function subscribeByClick({ browser, lethe, visitor }: World): Promise<string> {
  await seesWell(visitor, 'asking')
  await browser.grantNotifications(lethe.url)
  await visitor.click('#allow')
  await visitor.sees('granted')
  return visitor.registrationId()
}

async function nameThemselves(visitor: DemoVisitor): Promise<void> {
  await visitor.click('[data-tag="tea_mint"]')
  await visitor.fill('#tag', 'evening')
  await visitor.click('#tag-form button')
  await until('both tags', async () => (await visitor.texts('#tags span')).join() === 'evening,tea_mint')
  await visitor.fill('#alias', 'customer_17')
  await visitor.click('#alias-form button')
  await until('the alias', async () => (await visitor.text('#status')) === 'Your alias is customer_17.')
}

async function pushToThemselves({ browser, visitor }: World): Promise<void> {
  await visitor.fill('#push-title', 'The kettle is on')
  await visitor.click('#push-form button')
  await browser.clickNotification('The kettle is on')
  await until('the message', async () => (await visitor.texts('#messages strong')).length > 0)
  assert.deepEqual(await visitor.texts('#messages strong'), ['The kettle is on'])
}

async function stayDeleted(visitor: DemoVisitor): Promise<void> {
  const callsBefore = visitor.calls.length
  await visitor.reload()
  await seesWell(visitor, 'deleted')
  assert.equal(await visitor.text('#deleted-id-line'), '', 'who it was is kept nowhere')
  assert.equal(visitor.calls.length, callsBefore, 'a deleted visitor asks the server nothing')
}

inEachBrowser('who is asked whether to be deleted may stay', async (world) => {
  const { visitor } = world
  const id = await allow(world)
  await visitor.click('#delete')
  await visitor.page.keyboard.press('Escape')
  await visitor.click('#delete')
  await visitor.click('#confirm [value="keep"]')
  await visitor.reload()
  await visitor.sees('granted')
  assert.equal(await visitor.registrationId(), id)
})

inEachBrowser('a deleted visitor who starts over is somebody new', async (world) => {
  const { lethe, visitor } = world
  const id = await allow(world)
  await nameThemselves(visitor)
  await deleteThemselves(visitor)
  await visitor.click('#start-over')
  await visitor.sees('granted')
  const newId = await visitor.registrationId()
  assert.notEqual(newId, id)
  assert.deepEqual(await lethe.call(`GET /v4/devices/${newId}`), { tags: [], alias: '' })
  await until('no tags in the page', async () => (await visitor.text('#no-tags')) !== '')
  assert.equal(await visitor.ask(`document.querySelector('#alias').value`), '')
})

inEachBrowser('a deleted visitor who clears the cookies is somebody new', async (world) => {
  const { visitor } = world
  const id = await allow(world)
  await deleteThemselves(visitor)
  await visitor.click('#clear-cookies')
  assert.match(await visitor.text('#cookies-cleared'), /somebody new/)
  await visitor.reload()
  await visitor.sees('granted')
  assert.notEqual(await visitor.registrationId(), id)
})

inEachBrowser('a pause keeps the visitor', async (world) => {
  const { visitor } = world
  const id = await allow(world)
  await visitor.click('#opt-out')
  await seesWell(visitor, 'optedOut')
  await visitor.reload()
  await visitor.sees('optedOut')
  await visitor.click('#opt-in')
  await visitor.sees('granted')
  assert.equal(await visitor.registrationId(), id)
})

inEachBrowser(
  'who has refused notifications is told how to change that, and is reached in the page',
  async (world) => {
    const { lethe, visitor } = world
    await visitor.sees('asking')
    await visitor.page.browserContext().overridePermissions(lethe.url, [])
    await seesWell(visitor, 'denied')
    await visitor.click('#push-form button')
    await until('the message', async () => (await visitor.texts('#messages strong')).length > 0)
  },
)

inEachBrowser(
  'where the browser keeps nothing the shop is open all the same, and says so',
  async ({ visitor }) => {
    await seesWell(visitor, 'unavailable')
    assert.match(await visitor.text('[data-show="unavailable"]'), /keeps nothing for this page/)
    assert.deepEqual(visitor.calls, [])
  },
  { settings: { blocksSiteData: true } },
)

/** The visitor allows notifications in the settings of the browser, which the page hears of. */
async function allow({ browser, lethe, visitor }: World): Promise<string> {
  await visitor.sees('asking')
  await browser.grantNotifications(lethe.url)
  await visitor.sees('granted')
  return visitor.registrationId()
}

async function deleteThemselves(visitor: DemoVisitor): Promise<void> {
  await visitor.click('#delete')
  await visitor.click('#confirm .danger')
  await visitor.sees('deleted')
}

/** In this view, and without a fault of accessibility, by day and by night. */
async function seesWell(visitor: DemoVisitor, view: View): Promise<void> {
  await visitor.sees(view)
  for (const scheme of visitor.schemes) {
    await visitor.wear(scheme)
    assert.deepEqual(await accessibilityFaults(visitor.page), [], `${view}, ${scheme}`)
  }
}
