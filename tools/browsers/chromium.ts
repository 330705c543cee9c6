// Chromium without a window: Google's push service and the desktop are fakes on this machine, everything between is real.
import process from 'node:process'
import type { TestBrowser } from './browser.ts'
import { startFakeDesktop } from './desktop/fake-desktop.ts'
import { requireBrowser } from './find-browsers.ts'
import { launchOnFreshProfile } from './profile.ts'
import { startFakeGooglePush } from './push/fake-google-push.ts'
import { until } from './until.ts'

/** As root, which containers often are, its sandbox does not start. */
const sandboxFlags = process.getuid?.() === 0 ? ['--no-sandbox'] : []

export async function launchChromium(): Promise<TestBrowser> {
  const executablePath = requireBrowser('chromium')
  const [push, desktop] = await Promise.all([startFakeGooglePush(), startFakeDesktop()])
  const stopFakes = () => Promise.all([push.stop(), desktop.stop()])
  const launched = await launchOnFreshProfile({
    executablePath,
    args: [...sandboxFlags, ...push.flags],
    env: { ...process.env, DBUS_SESSION_BUS_ADDRESS: desktop.address },
  }).catch(async (error: unknown) => {
    await stopFakes()
    throw error
  })
  const { browser, end } = launched
  return {
    name: 'chromium',
    endpoints: push.endpoints,
    openPage: () => browser.newPage(),
    pages: () => browser.pages(),
    grantNotifications: (origin) =>
      browser.defaultBrowserContext().overridePermissions(origin, ['notifications']),
    clearCookies: async () => browser.deleteCookie(...(await browser.cookies())),
    clearSiteData: async (origin) => {
      const session = await browser.target().createCDPSession()
      await session.send('Storage.clearDataForOrigin', { origin, storageTypes: 'all' })
      await session.detach()
    },
    notifications: async () => desktop.shown.map(({ title }) => title),
    clickNotification: async (title) => {
      const { id } = await until(`a notification "${title}"`, () =>
        desktop.shown.find((notification) => notification.title === title),
      )
      desktop.click(id)
    },
    close: async () => {
      await end()
      await stopFakes()
    },
  }
}
