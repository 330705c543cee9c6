// A browser's process and the folder of its profile: neither outlives the test, however it ends.
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import puppeteer, { type Browser, type LaunchOptions } from 'puppeteer-core'
import { makeTemporaryFolder } from './temporary-folder.ts'

export type LaunchedBrowser = {
  browser: Browser
  /** Ends the process and removes the profile. */
  end(): Promise<void>
}

/** A browser that is asked to end does so in some tenths of a second. */
const endTimeoutMs = 10_000

/** Starts a browser without a window on a profile of its own, in which these JSON files lie already. */
export async function launchOnFreshProfile(
  options: LaunchOptions,
  files: Readonly<Record<string, object>> = {},
): Promise<LaunchedBrowser> {
  const profile = makeTemporaryFolder('browser')
  try {
    for (const [name, content] of Object.entries(files)) {
      const file = path.join(profile.path, name)
      mkdirSync(path.dirname(file), { recursive: true })
      writeFileSync(file, JSON.stringify(content))
    }
    const browser = await puppeteer.launch({ headless: true, userDataDir: profile.path, ...options })
    const end = async () => {
      await endBrowser(browser)
      profile.remove()
    }
    return { browser, end }
  } catch (error) {
    profile.remove()
    throw error
  }
}

/** Without a page a browser would end. */
export async function leaveOneBlankPage(browser: Browser): Promise<void> {
  const [first, ...others] = await browser.pages()
  for (const page of others) await page.close()
  await first?.goto('about:blank')
}

/** One that does not listen is killed. */
async function endBrowser(browser: Browser): Promise<void> {
  const started = browser.process()
  const timer = new AbortController()
  const late = sleep(endTimeoutMs, 'late' as const, { signal: timer.signal, ref: false })
  const ended = await Promise.race([browser.close().catch(() => 'late' as const), late])
  timer.abort()
  late.catch(() => {})
  if (ended === 'late') started?.kill('SIGKILL')
}
