/**
 * A shop that uses the SDK, its visitor's browser, and the Lethe that both talk to. The shop has an origin of its own: files of
 * the SDK, calls and sockets cross from one origin to another, as they do in production.
 */

import assert from 'node:assert/strict'
import { after } from 'node:test'
import type { Page } from 'puppeteer-core'
import type { BrowserSettings, TestBrowser } from '../../../../tools/browsers/browser.ts'
import { type LetheApp, openApp, type RunningLethe, startLethe } from '../../../../tools/browsers/lethe.ts'
import type { PushEndpoints } from '../../../../tools/browsers/push/push-endpoints.ts'
import { page, type Site, startSite } from '../../../../tools/browsers/site.ts'
import { until } from '../../../../tools/until.ts'
import * as stories from './stories.ts'

export { until }

export type World = {
  readonly browser: TestBrowser
  readonly lethe: LetheApp
  readonly site: Site
  /** The visitor opens the shop in a new tab, which starts the SDK. Resolves once `init` has. */
  visit(options?: VisitOptions): Promise<Tab>
  /** The visitor leaves: no page of the shop is open any more. */
  leave(): Promise<void>
  /** A push by the shop's server, which leads to its offer unless another URL is given; answers the message's id. */
  push(to: object | 'all', title: string, url?: string): Promise<string>
  /** The shop's server deletes a user. */
  deleteUser(registrationId: string): Promise<void>
  /** Live users of the app, as the server has them. */
  users(): Promise<UserRow[]>
  /** Requests that clients have made so far, sockets included. */
  clientCalls(): Promise<number>
}

export type VisitOptions = {
  /** Options of `init` besides the app key. */
  readonly init?: object
  /** The site's own code, which may change the listeners in `on` before `init`. */
  readonly script?: string
  /** Runs in the page before everything else. */
  readonly before?: string
}

export type UserRow = { readonly registrationId: string; readonly endpoint: string | null }

/** An event of the SDK, with what of its detail can be told. */
export type Heard = { readonly name: string; readonly detail: Readonly<Record<string, unknown>> }

export class Tab {
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  /** Evaluates an expression in the page, in which `lethe` is what `init` gave. What it throws, this throws. */
  async ask<Answer>(expression: string): Promise<Answer> {
    return (await this.page.evaluate(expression)) as Answer
  }

  /** The reason of the LetheError with which the call ends; a call that does not fail fails the test. */
  async reasonOf(call: string): Promise<string> {
    const asked = `${call}.then(() => 'it succeeded', (error) => error.reason ?? String(error))`
    return this.ask(asked)
  }

  state(): Promise<string> {
    return this.ask('lethe.state')
  }

  registrationId(): Promise<string> {
    return this.ask('lethe.getRegistrationId()')
  }

  heard(name: string): Promise<Heard[]> {
    return this.ask(`heard.filter(({ name }) => name === ${JSON.stringify(name)})`)
  }

  /** Where the browser's push service takes messages for this site; null while it is not subscribed. */
  endpoint(): Promise<string | null> {
    return this.ask(`navigator.serviceWorker.getRegistration('/')
      .then((registration) => registration?.pushManager.getSubscription())
      .then((subscription) => subscription?.endpoint ?? null)`)
  }
}

/** The same story in each browser, with a world of its own. */
export function inEachBrowser(
  story: string,
  tell: (world: World, atEnd: stories.AtEnd) => Promise<void>,
  settings?: BrowserSettings,
): void {
  stories.inEachBrowser(
    story,
    async (browser, atEnd) => tell(await openWorld(browser, atEnd), atEnd),
    settings,
  )
}

/** Another browser, of somebody else, that visits the same shop. */
export async function anotherVisitor(world: World, atEnd: stories.AtEnd): Promise<World> {
  const browser = await world.browser.launchAnother()
  atEnd(async () => {
    await browser.close()
    // A push service is not told of a browser that nobody starts again.
    browser.endpoints.forgetEverything()
  })
  return worldOf({ ...world, browser })
}

/** An assertion about an answer of the server is made when the event that leads to it may still be on its way. */
export async function eventually<Value>(
  what: string,
  ask: () => Promise<Value>,
  wanted: Value,
): Promise<void> {
  let last: Value | undefined
  const isEqual = async () => {
    last = await ask()
    return isDeepEqual(last, wanted)
  }
  await until(what, isEqual).catch(() => assert.deepEqual(last, wanted, what))
}

function isDeepEqual(left: unknown, right: unknown): boolean {
  try {
    assert.deepEqual(left, right)
    return true
  } catch {
    return false
  }
}

async function openWorld(browser: TestBrowser, atEnd: stories.AtEnd): Promise<World> {
  const lethe = await openApp(await letheOf(browser), 'Shop')
  const site = await startSite({
    '/offer': page(''),
    '/lethe-worker.js': `importScripts('${lethe.url}/sdk/lethe-worker.js')`,
  })
  atEnd(() => site.stop())
  await lethe.operate(`PATCH /admin/v1/apps/${lethe.appKey}`, { settings: { origins: [site.origin] } })
  return worldOf({ browser, lethe, site })
}

/** One server for all stories of a browser, each of which has an app there: to start one takes as long as to tell a short story. */
const servers = new Map<PushEndpoints, Promise<RunningLethe>>()
after(async () => {
  for (const lethe of servers.values()) await (await lethe).stop()
})

function letheOf({ endpoints }: TestBrowser): Promise<RunningLethe> {
  const lethe = servers.get(endpoints) ?? startLethe(endpoints)
  servers.set(endpoints, lethe)
  return lethe
}

type Parts = Pick<World, 'browser' | 'lethe' | 'site'>

function worldOf({ browser, lethe, site }: Parts): World {
  const parts = { browser, lethe, site }
  return {
    ...parts,
    visit: (options = {}) => visit(parts, options),
    leave: async () => {
      for (const open of await browser.pages()) {
        if (open.url().startsWith(site.origin)) await open.goto('about:blank')
      }
    },
    push: async (to, title, url = `${site.origin}/offer`) => {
      const web = { alert: 'Half price ✓', title, url }
      const body = { platform: 'all', notification: { web } }
      return String((await lethe.call('POST /v4/push', { to, body }))['msg_id'])
    },
    deleteUser: async (registrationId) => {
      await lethe.call(`DELETE /v4/devices/${registrationId}`)
    },
    users: () => users(lethe),
    clientCalls: () => clientCalls(lethe),
  }
}

const events = [
  'registered',
  'deleted',
  'message',
  'withdraw',
  'click',
  'permission',
  'unavailable',
  'online',
]

async function visit(
  { browser, lethe, site }: Parts,
  { init = {}, script = '', before }: VisitOptions,
): Promise<Tab> {
  const options = JSON.stringify({ appKey: lethe.appKey, ...init })
  site.files.set(
    '/',
    page(`<script src="${lethe.url}/sdk/lethe.js"></script>
    <script>
      const heard = []
      const hear = (name) => (detail) => heard.push({ name, detail: JSON.parse(JSON.stringify(detail)) })
      const on = Object.fromEntries(${JSON.stringify(events)}.map((name) => [name, hear(name)]))
      ${script}
      var lethe
      const isReady = Lethe.init({ ...${options}, on }).then((started) => {
        lethe = started
      })
    </script>
    <button onclick="lethe.requestPermission()">Tell me about offers</button>`),
  )
  const opened = await browser.openPage()
  if (before !== undefined) await opened.evaluateOnNewDocument(before)
  await opened.goto(site.origin)
  await opened.evaluate('isReady')
  return new Tab(opened)
}

async function users({ database, appKey }: LetheApp): Promise<UserRow[]> {
  const rows = await database.read.kysely
    .selectFrom('device')
    .select(['registration_id', 'token'])
    .where('app_key', '=', appKey)
    .where('state', '=', 'live')
    .orderBy('created_at')
    .execute()
  return rows.map(({ registration_id, token }) => ({ registrationId: registration_id, endpoint: token }))
}

/** Of the metrics of requests: `name{route="/client/…",…} 3`. */
async function clientCalls({ url }: LetheApp): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  return [...metrics.matchAll(/^lethe_http_request_duration_seconds_count\{route="\/client\/.* (\d+)$/gm)]
    .map(([, count]) => Number(count))
    .reduce((sum, count) => sum + count, 0)
}
