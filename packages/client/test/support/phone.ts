/** A phone with an app: what survives when the app is killed, and what when it is removed and installed again. */

import { randomBytes } from 'node:crypto'
import { AppClient, type AppClientEvents, type Fetch } from '../../src/index.ts'

export class Phone {
  readonly stored = new Map<string, string>()
  readonly heard: string[] = []
  /** As `METHOD path`, below the app. */
  readonly calls: string[] = []
  token = newToken()
  isOffline = false
  /** Called instead of handing an answer on: the answer is lost. */
  loseAnswer: (() => boolean) | undefined
  readonly #server: { readonly url: string; readonly appKey: string }

  constructor(server: { readonly url: string; readonly appKey: string }) {
    this.#server = server
  }

  /** The app is opened: a process of its own, which knows only what was stored. */
  open(): AppClient {
    const client = new AppClient({
      appKey: this.#server.appKey,
      baseUrl: this.#server.url,
      platform: 'android',
      token: async () => this.token,
      facts: () => ({ model: 'Pixel 9', language: 'de', timezone: 'Europe/Berlin' }),
      fetch: this.#fetch,
      storage: {
        get: async (key) => this.stored.get(key) ?? null,
        set: async (key, value) => void this.stored.set(key, value),
        remove: async (key) => void this.stored.delete(key),
      },
    })
    for (const name of ['registered', 'deleted', 'refused'] satisfies (keyof AppClientEvents)[])
      client.on(name, () => this.heard.push(name))
    return client
  }

  /** The app is removed and installed again: the vendor gives it another token. */
  reinstall(): void {
    this.stored.clear()
    this.token = newToken()
  }

  readonly #fetch: Fetch = async (url, init) => {
    if (this.isOffline) throw new TypeError('fetch failed')
    this.calls.push(`${init.method} ${new URL(url).pathname.split('/').slice(5).join('/')}`)
    const response = await fetch(url, init as RequestInit)
    if (this.loseAnswer?.()) throw new TypeError('fetch failed')
    return response
  }
}

function newToken(): string {
  return `token-${randomBytes(20).toString('hex')}`
}
