// Chromium without a window: Google's push service and the desktop are fakes on this machine, everything between is real.
import process from 'node:process'
import type { Browser, CDPSession } from 'puppeteer-core'
import { until } from '../until.ts'
import type { BrowserSettings, TestBrowser } from './browser.ts'
import { type FakeDesktop, startFakeDesktop } from './desktop/fake-desktop.ts'
import { requireBrowser } from './find-browsers.ts'
import { launchOnFreshProfile, leaveOneBlankPage } from './profile.ts'
import { type FakeGooglePush, startFakeGooglePush } from './push/fake-google-push.ts'
import type { PushEndpoints } from './push/push-endpoints.ts'

/** As root, which containers often are, its sandbox does not start. */
const sandboxFlags = process.getuid?.() === 0 ? ['--no-sandbox'] : []

/** Settings > Privacy > Third-party cookies > sites not allowed to save data: 2 stands for "block". */
const blocking = { profile: { default_content_setting_values: { cookies: 2 } } }

export async function launchChromium(settings: BrowserSettings): Promise<TestBrowser> {
  const push = await startFakeGooglePush()
  try {
    const browser = await launchAt(push, settings)
    return { ...browser, close: () => browser.close().finally(() => push.stop()) }
  } catch (error) {
    await push.stop()
    throw error
  }
}

async function launchAt(push: FakeGooglePush, settings: BrowserSettings): Promise<TestBrowser> {
  const desktop = await startFakeDesktop()
  try {
    const launched = await launchOnFreshProfile(
      {
        executablePath: requireBrowser('chromium'),
        args: [...sandboxFlags, ...push.flags],
        env: { ...process.env, DBUS_SESSION_BUS_ADDRESS: desktop.address },
      },
      settings.blocksSiteData ? { 'Default/Preferences': blocking } : {},
    )
    const close = () => launched.end().finally(() => desktop.stop())
    return {
      ...driven(launched.browser, desktop),
      forgetEverything: createForgetting(launched.browser, desktop, push.endpoints),
      endpoints: push.endpoints,
      launchAnother: () => launchAt(push, settings),
      close,
    }
  } catch (error) {
    await desktop.stop()
    throw error
  }
}

type Driven = Omit<TestBrowser, 'endpoints' | 'forgetEverything' | 'launchAnother' | 'close'>

function driven(browser: Browser, desktop: FakeDesktop): Driven {
  return {
    name: 'chromium',
    openPage: () => browser.newPage(),
    pages: () => browser.pages(),
    grantNotifications: (origin) =>
      browser.defaultBrowserContext().overridePermissions(origin, ['notifications']),
    clearCookies: async () => browser.deleteCookie(...(await browser.cookies())),
    clearStorage: (origin) => clear(browser, origin, storageTypes),
    clearSiteData: (origin) => clear(browser, origin, 'all'),
    notifications: async () => desktop.shown.map(({ title }) => title),
    clickNotification: async (title) => {
      const { id } = await until(`a notification "${title}"`, () =>
        desktop.shown.find((notification) => notification.title === title),
      )
      desktop.click(id)
    },
  }
}

function createForgetting(
  browser: Browser,
  desktop: FakeDesktop,
  endpoints: PushEndpoints,
): () => Promise<void> {
  const origins = visitedOrigins(browser)
  return async () => {
    await leaveOneBlankPage(browser)
    await browser.defaultBrowserContext().clearPermissionOverrides()
    for (const origin of origins) await clear(browser, origin, 'all')
    await clearHttpCache(browser)
    await browser.deleteCookie(...(await browser.cookies()))
    origins.clear()
    await until('no subscription is left', () => endpoints.count === 0)
    endpoints.forgetEverything()
    desktop.dismissAll()
  }
}

/** Of pages and workers, from now on. Chromium's automation clears nothing else than one origin after another. */
function visitedOrigins(browser: Browser): Set<string> {
  const origins = new Set<string>()
  for (const event of ['targetcreated', 'targetchanged'] as const) {
    browser.on(event, (target) => {
      const { origin, protocol } = new URL(target.url() || 'about:blank')
      if (protocol.startsWith('http')) origins.add(origin)
    })
  }
  return origins
}

const storageTypes = 'cache_storage,file_systems,indexeddb,local_storage,service_workers,storage_buckets'

function clear(browser: Browser, origin: string, storageTypes: string): Promise<void> {
  return askChromium(browser, (session) =>
    session.send('Storage.clearDataForOrigin', { origin, storageTypes }),
  )
}

function clearHttpCache(browser: Browser): Promise<void> {
  return askChromium(browser, (session) => session.send('Network.clearBrowserCache'))
}

async function askChromium(browser: Browser, ask: (session: CDPSession) => Promise<void>): Promise<void> {
  const [page] = await browser.pages()
  const session = await page?.createCDPSession()
  if (!session) throw new Error('no page is open')
  await ask(session)
  await session.detach()
}
