// `npm run screenshots [-- --folder <folder>]`: the demo in each of its views, in both browsers, on a phone and on a desk, by day
// and, where the browser can be told, by night. For people to look at; nothing is compared.
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { launchBrowser } from './browsers/browser.ts'
import { DemoVisitor, type View } from './browsers/demo-visitor.ts'
import { type BrowserName, browserNames, complaintOfMissing } from './browsers/find-browsers.ts'
import { startLethe } from './browsers/lethe.ts'
import { until } from './until.ts'

const widths = [
  { name: 'phone', width: 390, height: 844 },
  { name: 'desk', width: 1280, height: 900 },
]

const { folder } = parseArgs({ options: { folder: { type: 'string', default: '.tmp/screenshots' } } }).values
const missing = complaintOfMissing()
if (missing === undefined) {
  mkdirSync(folder, { recursive: true })
  for (const name of browserNames) await photograph(name)
} else {
  process.stderr.write(`${missing}\n`)
  process.exitCode = 1
}

async function photograph(name: BrowserName): Promise<void> {
  await withVisitor(name, false, async (visitor, grant) => {
    await take(visitor, name, 'asking')
    await visitor.page.browserContext().overridePermissions(visitor.page.url(), [])
    await take(visitor, name, 'denied')
    await grant()
    await visitor.sees('granted')
    await visitor.click('[data-tag="tea_mint"]')
    await visitor.click('#push-form button')
    await until('the message', async () => (await visitor.texts('#messages strong')).length > 0)
    await take(visitor, name, 'granted')
    await visitor.click('#opt-out')
    await take(visitor, name, 'optedOut')
    await visitor.click('#delete-paused')
    await picture(visitor, `${name}-question-desk`)
    await visitor.click('#confirm .danger')
    await take(visitor, name, 'deleted')
  })
  await withVisitor(name, true, (visitor) => take(visitor, name, 'unavailable'))
}

type Visit = (visitor: DemoVisitor, grant: () => Promise<void>) => Promise<void>

async function withVisitor(name: BrowserName, blocksSiteData: boolean, visit: Visit): Promise<void> {
  const browser = await launchBrowser(name, { blocksSiteData })
  try {
    const lethe = await startLethe(browser.endpoints)
    try {
      const visitor = await DemoVisitor.arrive(browser, `${lethe.url}/demo/`)
      await visit(visitor, () => browser.grantNotifications(lethe.url))
    } finally {
      await lethe.stop()
    }
  } finally {
    await browser.close()
  }
}

/** The whole page at each width and in each scheme. */
async function take(visitor: DemoVisitor, name: BrowserName, view: View): Promise<void> {
  await visitor.sees(view)
  for (const { name: place, ...size } of widths) {
    await visitor.page.setViewport(size)
    for (const scheme of visitor.schemes) {
      await visitor.wear(scheme)
      await picture(visitor, `${name}-${view}-${place}-${scheme}`)
    }
  }
}

/** From the top, and once nothing moves any more. */
async function picture(visitor: DemoVisitor, name: string): Promise<void> {
  const allFinished =
    'Promise.allSettled(document.getAnimations().map(({ finished }) => finished)).then(() => {})'
  await visitor.ask(`scrollTo({ top: 0, behavior: 'instant' }), ${allFinished}`)
  const file = path.join(folder, `${name}.png`)
  await visitor.page.screenshot({ path: file as `${string}.png`, fullPage: !name.includes('question') })
  process.stdout.write(`${file}\n`)
}
