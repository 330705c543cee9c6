// Somebody who visits the demo and uses it as people do: reads what it shows, fills in, clicks.
import type { Page } from 'puppeteer-core'
import { until } from '../until.ts'
import type { TestBrowser } from './browser.ts'

/** `data-view` of the panel: the visitor's state, and of a registered one the permission. */
export type View =
  | 'asking'
  | 'granted'
  | 'denied'
  | 'unreachable'
  | 'unsupported'
  | 'optedOut'
  | 'deleted'
  | 'unavailable'

export type Scheme = 'light' | 'dark'

export class DemoVisitor {
  readonly page: Page
  /** What the page has complained about so far: exceptions, and whatever its policy refused. */
  readonly complaints: string[] = []
  /** Requests of the page to the client API so far: `PUT /client/v1/…`. */
  readonly calls: string[] = []

  /** Firefox cannot be told by automation which one its user prefers, and is as it is. */
  readonly schemes: readonly Scheme[]

  private constructor(page: Page, { name }: TestBrowser) {
    this.page = page
    this.schemes = name === 'chromium' ? ['light', 'dark'] : ['light']
    page.on('pageerror', (error) => this.complaints.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text())
    })
    page.on('request', (request) => {
      const { pathname } = new URL(request.url())
      if (pathname.startsWith('/client/')) this.calls.push(`${request.method()} ${pathname}`)
    })
  }

  /** In a tab of its own. `before` runs in each document before everything else. */
  static async arrive(browser: TestBrowser, demoUrl: string, before?: string): Promise<DemoVisitor> {
    const visitor = new DemoVisitor(await browser.openPage(), browser)
    if (before !== undefined) await visitor.page.evaluateOnNewDocument(before)
    await visitor.page.goto(demoUrl)
    return visitor
  }

  /** One of `schemes`. */
  async wear(scheme: Scheme): Promise<void> {
    if (this.schemes.length > 1)
      await this.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
  }

  async sees(view: View): Promise<void> {
    await until(`the view ${view}`, async () => (await this.view()) === view).catch(async (error) => {
      throw new Error(`${error.message}; it is ${await this.view()}: ${await this.text('#problem')}`)
    })
  }

  async view(): Promise<string> {
    return String(await this.ask(`document.querySelector('#notifications').dataset.view`))
  }

  /** What is written in an element; empty while it is hidden. */
  async text(selector: string): Promise<string> {
    const read = '(one) => (one.checkVisibility() ? one.innerText : "")'
    return String(await this.ask(`(${read})(document.querySelector(${JSON.stringify(selector)}))`))
  }

  async texts(selector: string): Promise<string[]> {
    const all = `[...document.querySelectorAll(${JSON.stringify(selector)})].map((one) => one.innerText)`
    return (await this.ask(all)) as string[]
  }

  async click(selector: string): Promise<void> {
    const element = await this.page.waitForSelector(selector, { visible: true })
    // At once: the page scrolls smoothly by itself, and a click must not land where the element no longer is.
    const scroll = `scrollIntoView({ behavior: 'instant', block: 'center' })`
    await this.ask(`document.querySelector(${JSON.stringify(selector)}).${scroll}`)
    await element?.click()
  }

  /** Puts a text in the place of what stands in a field. */
  async fill(selector: string, text: string): Promise<void> {
    await this.ask(`document.querySelector(${JSON.stringify(selector)}).value = ''`)
    await this.page.type(selector, text)
  }

  async registrationId(): Promise<string> {
    return this.text('#registration-id')
  }

  async reload(): Promise<void> {
    await this.page.reload()
  }

  ask(expression: string): Promise<unknown> {
    return this.page.evaluate(expression)
  }
}
