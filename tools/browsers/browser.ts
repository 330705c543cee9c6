// What tests do with a real browser, whichever it is: visit pages, clear as its own menus clear, and see and click the
// notifications that its user sees.
import type { Page } from 'puppeteer-core'
import { launchChromium } from './chromium.ts'
import type { BrowserName } from './find-browsers.ts'
import { launchFirefox } from './firefox.ts'
import type { PushEndpoints } from './push/push-endpoints.ts'

export type TestBrowser = {
  readonly name: BrowserName
  /** Of the fake push service that this browser subscribes at. */
  readonly endpoints: PushEndpoints
  /** A new tab. */
  openPage(): Promise<Page>
  /** Of all tabs. */
  pages(): Promise<Page[]>
  /** The visitor has allowed notifications for this origin. */
  grantNotifications(origin: string): Promise<void>
  /** Cookies alone, of all sites. */
  clearCookies(): Promise<void>
  /** Everything of the site but its cookies, which browsers do by themselves when they are short of space. */
  clearStorage(origin: string): Promise<void>
  /** "Cookies and site data", as the browser's own menu clears them. */
  clearSiteData(origin: string): Promise<void>
  /** Titles of the notifications that the visitor sees now, whoever shows them: the system or the browser itself. */
  notifications(): Promise<string[]>
  /** The visitor clicks the notification of this title, once it is there. */
  clickNotification(title: string): Promise<void>
  /**
   * As if nobody had ever used it: tabs, notifications, permissions, cookies, data of sites, caches and subscriptions are gone.
   * Fails where something stays.
   */
  forgetEverything(): Promise<void>
  /** The browser of another visitor, on a profile of its own, at the same push service. */
  launchAnother(): Promise<TestBrowser>
  /** Ends the browser, removes its profile, and ends the push service that was started for it. */
  close(): Promise<void>
}

export type BrowserSettings = {
  /** In its settings the visitor has forbidden all sites to keep anything: no cookies, no databases, no workers. */
  readonly blocksSiteData: boolean
}

/** A fresh profile without a window, which reaches nothing but this machine. */
export function launchBrowser(
  name: BrowserName,
  settings: BrowserSettings = { blocksSiteData: false },
): Promise<TestBrowser> {
  switch (name) {
    case 'firefox':
      return launchFirefox(settings)
    case 'chromium':
      return launchChromium(settings)
  }
}
