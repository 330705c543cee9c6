// The same story in each browser. One browser tells all the stories of this process, since starting one takes longer than most of
// them; between two stories it forgets everything.
import process from 'node:process'
import { after, type TestContext, test } from 'node:test'
import { type BrowserSettings, launchBrowser, type TestBrowser } from '../../../../tools/browsers/browser.ts'
import { type BrowserName, browserNames, browserVariable } from '../../../../tools/browsers/find-browsers.ts'

/** A browser that nobody has used before. What the story starts it ends by `atEnd`. */
export type Story = (browser: TestBrowser, atEnd: AtEnd) => Promise<void>

/** The steps run after the story however it ends, the last one first, and each of them also where another fails. */
export type AtEnd = (step: () => Promise<unknown>) => void

/** One with settings is started for the story alone. */
export function inEachBrowser(title: string, tell: Story, settings?: BrowserSettings): void {
  const chosen = process.env[browserVariable]
  for (const name of browserNames) {
    if (chosen !== undefined && chosen !== name) continue
    test(`${name}: ${title}`, async (t) => {
      const atEnd = createAtEnd(t)
      if (settings) await tellAlone(await launchBrowser(name, settings), tell, atEnd)
      else await tellInShared(name, tell, atEnd)
    })
  }
}

function createAtEnd(t: TestContext): AtEnd {
  const steps: (() => Promise<unknown>)[] = []
  t.after(async () => {
    const failures: unknown[] = []
    for (const step of steps.reverse()) await step().catch((error) => failures.push(error))
    if (failures.length > 0) throw new AggregateError(failures, 'what the story has started did not end well')
  })
  return (step) => steps.push(step)
}

function tellAlone(browser: TestBrowser, tell: Story, atEnd: AtEnd): Promise<void> {
  atEnd(() => browser.close())
  return tell(browser, atEnd)
}

const shared = new Map<BrowserName, TestBrowser>()
after(async () => {
  for (const browser of shared.values()) await browser.close()
})

async function tellInShared(name: BrowserName, tell: Story, atEnd: AtEnd): Promise<void> {
  const browser = shared.get(name) ?? (await launchBrowser(name))
  shared.set(name, browser)
  let isTold = false
  // After a story that failed nobody knows what the browser is still about to do.
  atEnd(() => (isTold ? browser.forgetEverything().catch(discard) : discard()))
  await tell(browser, atEnd)
  isTold = true

  async function discard(cause?: unknown): Promise<void> {
    shared.delete(name)
    await browser.close()
    if (cause !== undefined) throw cause
  }
}
