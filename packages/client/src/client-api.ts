/** The client API of one app over HTTP. Every failure is a `LetheError`; nothing is repeated here. */

import type {
  ClientAppAnswer,
  ClientDeviceAnswer,
  ClientDeviceBody,
  RegistrationAnswer,
  RegistrationBody,
} from '@lethe/protocol/client.schemas.ts'
import type { EventsBody } from '@lethe/protocol/statistics.schemas.ts'
import { LetheError, type LetheErrorReason } from './lethe-error.ts'
import { type Fetch, type FetchInit, type FetchResponse, runtime } from './runtime.ts'

export interface ClientApiOptions {
  readonly appKey: string
  /** Where Lethe is, such as `https://push.example.com`; a path is kept, a slash at the end does not matter. */
  readonly baseUrl: string
  /** Absent: that of the runtime. */
  readonly fetch?: Fetch
}

/** Who calls. */
export interface Credentials {
  readonly registrationId: string
  readonly deviceSecret: string
}

/** After so long a call has failed (ours: the server's own time for a request). */
const TIMEOUT_MS = 30_000

export class ClientApi {
  readonly appKey: string
  /** Of this app, without a slash at the end. */
  readonly appUrl: string
  readonly #fetch: Fetch

  /** @throws TypeError if the app key is empty or the base URL is none of http or https. */
  constructor({ appKey, baseUrl, fetch = (url, init) => runtime.fetch(url, init) }: ClientApiOptions) {
    if (!appKey) throw new TypeError('appKey: the AppKey of the app is needed')
    if (!/^https?:\/\/[^/]/.test(baseUrl)) throw new TypeError('baseUrl: an http or https URL is needed')
    this.appKey = appKey
    this.appUrl = `${baseUrl.replace(/\/+$/, '')}/client/v1/apps/${encodeURIComponent(appKey)}`
    this.#fetch = fetch
  }

  /** Where the user's own socket is opened. */
  get socketUrl(): string {
    return `${this.appUrl.replace(/^http/, 'ws')}/socket`
  }

  readApp(): Promise<ClientAppAnswer> {
    return this.#call('GET', '')
  }

  /** `key`: unguessable, the same for repetitions, which then give the same user and a new secret. */
  register(body: RegistrationBody, key: string): Promise<RegistrationAnswer> {
    return this.#call('POST', '/registrations', { body, headers: { 'idempotency-key': key } })
  }

  readSelf(self: Credentials): Promise<ClientDeviceAnswer> {
    return this.#callAs(self, 'GET')
  }

  /** An empty body only says that the user is there. */
  async changeSelf(self: Credentials, body: ClientDeviceBody): Promise<void> {
    await this.#callAs(self, 'PUT', body)
  }

  /** Resolves also if the user was deleted before. */
  async deleteSelf(self: Credentials): Promise<void> {
    await this.#callAs(self, 'DELETE')
  }

  /** What became of messages. */
  async reportEvents(self: Credentials, { events }: EventsBody): Promise<void> {
    const headers = { authorization: `Bearer ${self.deviceSecret}` }
    await this.#call('POST', `${pathOf(self)}/events`, { body: { events }, headers, keepalive: true })
  }

  /**
   * Asks what became of an id whose secret is not known any more. The answer of the server is always an error: `deleted`,
   * `unknown`, or `unauthorized` while the user is there.
   */
  async askAbout(registrationId: string): Promise<LetheErrorReason | 'there'> {
    try {
      await this.#call('GET', pathOf({ registrationId }))
      return 'there'
    } catch (error) {
      if (!(error instanceof LetheError)) throw error
      return error.reason === 'unauthorized' ? 'there' : error.reason
    }
  }

  #callAs<Answer>(self: Credentials, method: string, body?: object): Promise<Answer> {
    const headers = { authorization: `Bearer ${self.deviceSecret}` }
    return this.#call(method, pathOf(self), { ...(body && { body }), headers })
  }

  async #call<Answer>(method: string, path: string, given: Call = {}): Promise<Answer> {
    const { response, text } = await this.#ask(`${this.appUrl}${path}`, initOf(method, given))
    const answer = parsed(text)
    if (response.status >= 200 && response.status < 300 && answer !== undefined) return answer as Answer
    throw errorOf(response, answer)
  }

  async #ask(url: string, init: Omit<FetchInit, 'signal'>) {
    const controller = new runtime.AbortController()
    const timer = runtime.setTimeout(() => controller.abort(), TIMEOUT_MS)
    try {
      const response = await this.#fetch(url, { ...init, signal: controller.signal })
      return { response, text: await response.text() }
    } catch (error) {
      throw new LetheError('network', `the server could not be reached: ${(error as Error)?.message}`)
    } finally {
      runtime.clearTimeout(timer)
    }
  }
}

interface Call {
  readonly body?: object
  readonly headers?: Record<string, string>
  readonly keepalive?: boolean
}

function initOf(method: string, { body, headers = {}, keepalive }: Call): Omit<FetchInit, 'signal'> {
  return {
    method,
    headers: body ? { ...headers, 'content-type': 'application/json' } : headers,
    ...(body && { body: JSON.stringify(body) }),
    ...(keepalive && { keepalive }),
  }
}

function pathOf({ registrationId }: Pick<Credentials, 'registrationId'>): string {
  return `/registrations/${encodeURIComponent(registrationId)}`
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function errorOf({ status, headers }: FetchResponse, answer: unknown): LetheError {
  const { error } = (answer ?? {}) as { error?: { code?: number; message?: string } }
  const seconds = Number(headers.get('retry-after') ?? Number.NaN)
  return new LetheError(reasonOf(status, error !== undefined), error?.message ?? `HTTP ${status}`, {
    status,
    code: error?.code ?? 0,
    retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : null,
  })
}

/** `isOurs`: whether Lethe itself said so. A proxy that knows no such page must not make a client forget its user. */
function reasonOf(status: number, isOurs: boolean): LetheErrorReason {
  if (!isOurs) return 'server'
  switch (status) {
    case 410:
      return 'deleted'
    case 404:
      return 'unknown'
    case 401:
      return 'unauthorized'
    case 429:
      return 'busy'
    default:
      return status >= 500 ? 'server' : 'refused'
  }
}
