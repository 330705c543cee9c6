// Firefox without a window: Mozilla's push service is a fake on this machine, everything else is real. Its notifications are
// windows of its own, which are found and clicked from its chrome scope (the code of the browser itself).
import type { Browser } from 'puppeteer-core'
import { until } from '../until.ts'
import type { BrowserSettings, TestBrowser } from './browser.ts'
import { requireBrowser } from './find-browsers.ts'
import { launchOnFreshProfile, leaveOneBlankPage } from './profile.ts'
import { type FakeMozillaPush, startFakeMozillaPush } from './push/fake-mozilla-push.ts'
import type { PushEndpoints } from './push/push-endpoints.ts'

export async function launchFirefox(settings: BrowserSettings): Promise<TestBrowser> {
  const push = await startFakeMozillaPush()
  try {
    const browser = await launchAt(push, settings)
    return { ...browser, close: () => browser.close().finally(() => push.stop()) }
  } catch (error) {
    await push.stop()
    throw error
  }
}

async function launchAt(push: FakeMozillaPush, settings: BrowserSettings): Promise<TestBrowser> {
  const { browser, end } = await launchOnFreshProfile({
    browser: 'firefox',
    executablePath: requireBrowser('firefox'),
    args: ['--remote-allow-system-access'],
    extraPrefsFirefox: { ...preferences(push.url), ...(settings.blocksSiteData && blocking) },
  })
  return {
    name: 'firefox',
    endpoints: push.endpoints,
    openPage: () => browser.newPage(),
    pages: () => browser.pages(),
    grantNotifications: (origin) =>
      browser.defaultBrowserContext().overridePermissions(origin, ['notifications']),
    clearCookies: async () => browser.deleteCookie(...(await browser.cookies())),
    clearStorage: async (origin) => {
      await runInChrome(browser, clearStorage(new URL(origin).hostname))
    },
    clearSiteData: async (origin) => {
      await runInChrome(browser, clearSite(new URL(origin).hostname))
    },
    notifications: async () => (await runInChrome(browser, alertTitles)) as string[],
    clickNotification: async (title) => {
      await until(`a notification "${title}"`, () => runInChrome(browser, clickAlert(title)))
    },
    forgetEverything: () => forgetEverything(browser, push.endpoints),
    launchAnother: () => launchAt(push, settings),
    close: end,
  }
}

async function forgetEverything(browser: Browser, endpoints: PushEndpoints): Promise<void> {
  await leaveOneBlankPage(browser)
  await browser.defaultBrowserContext().clearPermissionOverrides()
  await runInChrome(browser, clearAll)
  await until('no subscription is left', () => endpoints.count === 0)
  endpoints.forgetEverything()
  await until('no notification is left', () => runInChrome(browser, dismissAlerts))
}

/** The connection must be set by name, since automation switches it off. */
function preferences(pushUrl: string): Readonly<Record<string, string | number | boolean>> {
  return {
    'dom.push.serverURL': pushUrl,
    'dom.push.testing.allowInsecureServerURL': true,
    'dom.push.connection.enabled': true,
    'dom.push.retryBaseInterval': 200,
    'alerts.useSystemBackend': false,
    // Automation lets every page believe that it has the focus; then a worker could not bring one to the front.
    'focusmanager.testmode': false,
    'network.captive-portal-service.enabled': false,
    'network.connectivity-service.enabled': false,
  }
}

/** Settings > Privacy > Cookies > Block all. */
const blocking = { 'network.cookie.cookieBehavior': 2 }

/** Those that are open for their visitor: one that is still loading takes no clicks yet (toolkit/components/alerts/alert.js). */
const activeAlerts = `const titleOf = ({ document }) => document.getElementById('alertTitleLabel').getAttribute('value')
  const alerts = [...Services.wm.getEnumerator('alert:alert')].filter(({ gIsActive }) => gIsActive)`

const alertTitles = `${activeAlerts}
  return alerts.map(titleOf)`

/** Answers whether there was none. */
const dismissAlerts = `const alerts = [...Services.wm.getEnumerator('alert:alert')]
  for (const alert of alerts) alert.close()
  return alerts.length === 0`

/** A click on the window of the notification is where Firefox's own way begins. Answers whether it was there. */
function clickAlert(title: string): string {
  return `${activeAlerts}
  const alert = alerts.find((alert) => titleOf(alert) === ${JSON.stringify(title)})
  alert?.document.getElementById('alertBox').click()
  return alert !== undefined`
}

function clearStorage(host: string): string {
  return `const { clearData } = Services
  const flags = Ci.nsIClearDataService.CLEAR_DOM_STORAGES
  await new Promise((done) => clearData.deleteDataFromSite(${JSON.stringify(host)}, {}, true, flags, done))`
}

/** Of all sites, permissions and caches included. */
const clearAll = `const { clearData } = Services
  await new Promise((done) => clearData.deleteData(Ci.nsIClearDataService.CLEAR_ALL, done))`

/** What "Clear cookies and site data" in the panel of the address bar does. */
function clearSite(host: string): string {
  return `const { SiteDataManager } = ChromeUtils.importESModule('resource:///modules/SiteDataManager.sys.mjs')
  await SiteDataManager.remove(${JSON.stringify(host)})`
}

/** The part of puppeteer's BiDi connection that it does not declare: `moz:scope` gives the windows of the browser itself. */
type BidiConnection = { send(method: string, parameters: object): Promise<{ result: unknown }> }
type Tree = { contexts: { context: string }[] }
type Evaluation =
  | { type: 'success'; result: RemoteValue }
  | { type: 'exception'; exceptionDetails: { text: string } }
type RemoteValue = { type: string; value?: unknown }

/** Runs the body of an async function in the chrome scope. Answers plain values and lists of them. */
async function runInChrome(browser: Browser, body: string): Promise<unknown> {
  const { connection } = browser as unknown as { connection: BidiConnection }
  const tree = await connection.send('browsingContext.getTree', { 'moz:scope': 'chrome', maxDepth: 0 })
  const [window] = (tree.result as Tree).contexts
  const answer = await connection.send('script.callFunction', {
    functionDeclaration: `async () => { ${body} }`,
    awaitPromise: true,
    target: { context: window?.context },
  })
  const evaluation = answer.result as Evaluation
  if (evaluation.type === 'exception') throw new Error(evaluation.exceptionDetails.text)
  return plain(evaluation.result)
}

function plain({ type, value }: RemoteValue): unknown {
  return type === 'array' ? (value as RemoteValue[]).map(plain) : value
}
