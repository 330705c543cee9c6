// Chromium without a window: Google's push service and the desktop are fakes on this machine, everything between is real.
import process from 'node:process'
import type { Browser } from 'puppeteer-core'
import type { BrowserSettings, TestBrowser } from './browser.ts'
import { type FakeDesktop, startFakeDesktop } from './desktop/fake-desktop.ts'
import { requireBrowser } from './find-browsers.ts'
import { launchOnFreshProfile } from './profile.ts'
import { type FakeGooglePush, startFakeGooglePush } from './push/fake-google-push.ts'
import { until } from './until.ts'

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
      endpoints: push.endpoints,
      launchAnother: () => launchAt(push, settings),
      close,
    }
  } catch (error) {
    await desktop.stop()
    throw error
  }
}

type Driven = Omit<TestBrowser, 'endpoints' | 'launchAnother' | 'close'>

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

const storageTypes = 'cache_storage,file_systems,indexeddb,local_storage,service_workers,storage_buckets'

async function clear(browser: Browser, origin: string, storageTypes: string): Promise<void> {
  const [page] = await browser.pages()
  const session = await page?.createCDPSession()
  await session?.send('Storage.clearDataForOrigin', { origin, storageTypes })
  await session?.detach()
}
