/**
 * Who the user of this browser is, and how the browser tells that it shall forget. The cookie holds the registration id,
 * or the deleted mark; the database holds the same and the device secret. People clear cookies to be forgotten, so a cookie
 * that is missing before its time means: a new user. One that has run out does not, nor one that was never taken.
 */

import { cookieNameOf, databaseNameOf } from '../names.ts'
import { Store, type StoredConfig, type StoredUser, type StoredWho } from '../store.ts'

export type Recalled =
  | StoredWho
  /** The cookie alone is left: its secret is lost, and whether the user was deleted is for the server to say. */
  | { readonly kind: 'id'; readonly registrationId: string }
  | { readonly kind: 'nobody' }

const DAY_MS = 86_400_000

/** Safari keeps cookies that scripts set so long at most, and no browser need say for how long it keeps one. */
const SURELY_KEPT_MS = 7 * DAY_MS

/** Stands in the cookie of a browser whose user was deleted. No registration id has this character. */
const DELETED = '!'

export class Memory {
  readonly #cookieName: string
  readonly #cookieMs: number
  readonly #store: Store

  /** `cookieDays`: for so long a visitor who does not come is remembered. */
  constructor({ appKey, cookieDays }: { readonly appKey: string; readonly cookieDays: number }) {
    this.#cookieName = cookieNameOf(appKey)
    this.#cookieMs = cookieDays * DAY_MS
    this.#store = new Store(databaseNameOf(appKey))
  }

  /** @throws DOMException where the browser keeps nothing. */
  async recall(): Promise<Recalled> {
    const who = await this.#store.read('who')
    const cookie = this.#readCookie()
    if (who) {
      const isCleared = !cookie && who.cookieExpiresAt !== null && Date.now() < who.cookieExpiresAt
      if (!isCleared) return who
      await this.#store.clear()
    }
    if (cookie === DELETED) return { kind: 'deleted', cookieExpiresAt: null }
    return cookie && !who ? { kind: 'id', registrationId: cookie } : { kind: 'nobody' }
  }

  /** Cookie first: killed in between, the browser has a cookie too many rather than one too few, which would look like clearing. */
  async keep(user: Omit<StoredUser, 'cookieExpiresAt'>): Promise<void> {
    const cookieExpiresAt = await this.#writeCookie(user.registrationId)
    await this.#store.write('who', { ...user, cookieExpiresAt })
    await this.#store.write('key', undefined)
  }

  /** Takes away everything but the mark that says that somebody was deleted here. */
  async keepDeletedMark(): Promise<void> {
    const cookieExpiresAt = await this.#writeCookie(DELETED)
    await this.#store.clear()
    await this.#store.write('who', { kind: 'deleted', cookieExpiresAt })
  }

  /** Takes away everything. */
  async forget(): Promise<void> {
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser that has Web Push
    document.cookie = `${this.#cookieName}=; path=/; max-age=0`
    await this.#store.clear()
  }

  async keepConfig(config: StoredConfig): Promise<void> {
    await this.#store.write('config', config)
  }

  /** The key under which a registration is repeated until its answer has arrived. */
  async registrationKey(make: () => string): Promise<string> {
    const kept = await this.#store.read('key')
    const key = kept ?? make()
    if (!kept) await this.#store.write('key', key)
    return key
  }

  #readCookie(): string | undefined {
    const prefix = `${this.#cookieName}=`
    const found = document.cookie.split('; ').find((cookie) => cookie.startsWith(prefix))
    return found?.slice(prefix.length) || undefined
  }

  /** Answers until when it is kept for sure; null: the browser takes no cookies. */
  async #writeCookie(value: string): Promise<number | null> {
    const now = Date.now()
    const secure = location.protocol === 'https:' ? '; secure' : ''
    const maxAge = Math.round(this.#cookieMs / 1000)
    // biome-ignore lint/suspicious/noDocumentCookie: as above
    document.cookie = `${this.#cookieName}=${value}; path=/; max-age=${maxAge}; samesite=lax${secure}`
    if (this.#readCookie() !== value) return null
    const expires = await grantedExpiry(this.#cookieName)
    return expires ?? now + Math.min(this.#cookieMs, SURELY_KEPT_MS)
  }
}

/** As the browser tells it, where it does. */
async function grantedExpiry(name: string): Promise<number | undefined> {
  try {
    const { cookieStore } = globalThis as unknown as { cookieStore?: Pick<CookieStore, 'get'> }
    const cookie = (await cookieStore?.get(name)) as { expires?: number | null } | null | undefined
    return cookie?.expires ?? undefined
  } catch {
    return undefined
  }
}
