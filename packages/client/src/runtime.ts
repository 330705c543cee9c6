/** What the client asks of the place where it runs. Browsers, React Native, Capacitor and Node have all of it. */

export type FetchResponse = {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  text(): Promise<string>
}

export type FetchInit = {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body?: string
  readonly signal: unknown
  readonly keepalive?: boolean
}

export type Fetch = (url: string, init: FetchInit) => Promise<FetchResponse>

/** The part of a WebSocket that is used. */
export type SocketLike = {
  onopen: (() => void) | null
  onmessage: ((event: { readonly data: unknown }) => void) | null
  onclose: ((event: { readonly code: number }) => void) | null
  onerror: ((event: unknown) => void) | null
  send(text: string): void
  close(code?: number): void
}

export type OpenSocket = (url: string) => SocketLike

type Timer = { readonly timer: unique symbol }

type Runtime = {
  fetch: Fetch
  readonly WebSocket: new (url: string) => SocketLike
  readonly AbortController: new () => { readonly signal: unknown; abort(): void }
  readonly crypto?: {
    randomUUID?(): string
    getRandomValues?(bytes: Uint8Array): unknown
  }
  setTimeout(run: () => void, ms: number): Timer
  clearTimeout(timer: Timer | undefined): void
}

/** The global object. Its functions are called on it, as browsers insist. */
export const runtime = globalThis as unknown as Runtime

export type { Timer }

/**
 * 128 random bits in hexadecimal, for keys that nobody may guess.
 *
 * @throws Error where there is no cryptographic randomness (React Native without `react-native-get-random-values`).
 */
export function randomKey(): string {
  const bytes = new Uint8Array(16)
  const { crypto } = runtime
  if (!crypto?.getRandomValues) throw new Error('crypto.getRandomValues is missing: add a polyfill')
  crypto.getRandomValues(bytes)
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
