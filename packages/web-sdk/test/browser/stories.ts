// The same story in each browser. One browser tells all the stories of this process that want its settings, since starting one
// takes longer than most of them; between two stories it forgets everything.
import process from 'node:process'
import { after, type TestContext, test } from 'node:test'
import { type BrowserSettings, launchBrowser, type TestBrowser } from '../../../../tools/browsers/browser.ts'
import { type BrowserName, browserNames, browserVariable } from '../../../../tools/browsers/find-browsers.ts'

/** A browser that nobody has used before. What the story starts it ends by `atEnd`. */
export type Story = (browser: TestBrowser, atEnd: AtEnd) => Promise<void>

/** The steps run after the story however it ends, the last one first, and each of them also where another fails. */
export type AtEnd = (step: () => Promise<unknown>) => void

/** One browser for all stories that want the same settings. */
export function inEachBrowser(title: string, tell: Story, settings?: BrowserSettings): void {
  const chosen = process.env[browserVariable]
  for (const name of browserNames) {
    if (chosen !== undefined && chosen !== name) continue
    test(`${name}: ${title}`, async (t) => {
      await tellInShared({ name, settings }, tell, createAtEnd(t))
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

type Wanted = { readonly name: BrowserName; readonly settings: BrowserSettings | undefined }

const shared = new Map<string, TestBrowser>()
after(async () => {
  for (const browser of shared.values()) await browser.close()
})

async function tellInShared(wanted: Wanted, tell: Story, atEnd: AtEnd): Promise<void> {
  const key = JSON.stringify(wanted)
  const browser = shared.get(key) ?? (await launchBrowser(wanted.name, wanted.settings))
  shared.set(key, browser)
  let isTold = false
  // After a story that failed nobody knows what the browser is still about to do.
  atEnd(() => (isTold ? browser.forgetEverything().catch(discard) : discard()))
  await tell(browser, atEnd)
  isTold = true

  async function discard(cause?: unknown): Promise<void> {
    shared.delete(key)
    await browser.close()
    if (cause !== undefined) throw cause
  }
}
