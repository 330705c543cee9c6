/**
 * Who gets in: authentication, rate limits and origins, decided before a body is read. What is in memory is decided at
 * once, without a promise, since this runs on every request.
 */

import {
  authenticateOperator,
  BEARER_CHALLENGE,
  type OperatorAuthenticationDeps,
} from '../admin/authenticate-operator.ts'
import {
  type App,
  type AppDirectory,
  type Authentication,
  authenticateApp,
  BASIC_CHALLENGE,
} from '../apps/authenticate-app.ts'
import { networkOf } from '../kernel/address-list.ts'
import type { Clock } from '../kernel/clock.ts'
import { type Reply, refuse } from '../kernel/reply.ts'
import { corsHeaders, judgeOrigin, preflightHeaders } from './cors.ts'
import { type Rate, RateLimiter } from './rate-limit.ts'
import type { Access } from './route.ts'

/** What admission looks at of a request. */
export interface Incoming {
  readonly headers: {
    readonly authorization?: string | undefined
    readonly origin?: string | undefined
    readonly host?: string | undefined
  }
  readonly params: unknown
  readonly ip: string
}

type Headers = Readonly<Record<string, string>>

export type Admission =
  | { readonly kind: 'admitted'; readonly caller: unknown; readonly headers?: Headers }
  | { readonly kind: 'refused'; readonly reply: Reply; readonly headers?: Headers }

export type Admit = (incoming: Incoming) => Admission | Promise<Admission>

export interface AdmitDeps {
  readonly apps: AppDirectory
  readonly database: OperatorAuthenticationDeps['database']
  readonly clock: Clock
  /** Calls per second of each app, instead of the app's own limit; 0 switches every rate limit off. */
  readonly rateLimit: number | undefined
  /** The origin under which this server is known, beside the one by which it was called. */
  readonly publicOrigin: string | undefined
  readonly onRateLimited: (kind: Access | 'failure') => void
}

export interface Admissions {
  /** Takes so many further calls of the server API from the app's rate limit: for a call that costs several. Tells how many there were. */
  takeCalls(app: App, count: number): number
  readonly by: Readonly<Record<Access, Admit>>
  /** Answers the question that a browser asks before a call of the client API. */
  preflight(incoming: Incoming, methods: readonly string[]): Promise<Reply>
}

/** A page makes a few calls per visit; behind one address of a carrier or an office sit many visitors (ours). */
const CLIENT_RATE: Rate = { perSecond: 20, burst: 40 }
/** People who try out the demo press a button now and then (ours). */
const DEMO_RATE: Rate = { perSecond: 2, burst: 20 }
/** Wrong credentials by address: enough for a misconfigured server to be noticed, too few to guess (ours). */
const FAILURE_RATE: Rate = { perSecond: 10, burst: 100 }

export function createAdmissions(deps: AdmitDeps): Admissions {
  const limits = new Limits(deps)
  return {
    takeCalls: (app, count) => limits.takeCalls(app, count),
    by: {
      open: () => NOBODY,
      server: (incoming) => admitServer(deps, limits, incoming),
      client: (incoming) => admitClient(deps, limits, incoming),
      operator: (incoming) => admitOperator(deps, limits, incoming),
      demo: (incoming) => limits.ofDemo(incoming) ?? NOBODY,
    },
    preflight: async (incoming, methods) => {
      const app = await deps.apps.find(appKeyOf(incoming))
      if (!app) return refuse('appUnknown')
      const { origin } = incoming.headers
      const verdict = verdictOf(deps, incoming, app)
      if (verdict === 'refused') return refuse('originNotAllowed')
      const headers = origin === undefined ? {} : preflightHeaders(origin, methods)
      return { status: 204, body: undefined, headers: { ...headers, allow: methods.join(', ') } }
    },
  }
}

const NOBODY: Admission = { kind: 'admitted', caller: undefined }

function admitServer(deps: AdmitDeps, limits: Limits, incoming: Incoming): Admission | Promise<Admission> {
  const blocked = limits.ofFailures(incoming)
  if (blocked) return blocked
  const credentials = { authorization: incoming.headers.authorization, address: incoming.ip }
  const found = authenticateApp(deps, credentials)
  const admit = (authentication: Authentication): Admission => {
    if (authentication.kind === 'app') return limits.ofApp(authentication.app)
    if (authentication.error === 'addressNotAllowed') return refused(refuse('addressNotAllowed'))
    if (authentication.error === 'credentialsWrong') limits.countFailure(incoming)
    return refused(refuse(authentication.error, undefined, { 'www-authenticate': BASIC_CHALLENGE }))
  }
  return found instanceof Promise ? found.then(admit) : admit(found)
}

function admitClient(deps: AdmitDeps, limits: Limits, incoming: Incoming): Admission | Promise<Admission> {
  const found = deps.apps.find(appKeyOf(incoming))
  const admit = (app: App | undefined): Admission => {
    if (!app) return limits.ofClient(incoming, '') ?? refused(refuse('appUnknown'))
    const { origin } = incoming.headers
    const verdict = verdictOf(deps, incoming, app)
    if (verdict === 'refused') return refused(refuse('originNotAllowed'))
    const headers = origin === undefined ? {} : { headers: corsHeaders(origin) }
    const limited = limits.ofClient(incoming, app.appKey)
    return { ...(limited ?? { kind: 'admitted', caller: app }), ...headers }
  }
  return found instanceof Promise ? found.then(admit) : admit(found)
}

async function admitOperator(deps: AdmitDeps, limits: Limits, incoming: Incoming): Promise<Admission> {
  const blocked = limits.ofFailures(incoming)
  if (blocked) return blocked
  const authentication = await authenticateOperator(deps, incoming.headers.authorization)
  if (authentication.kind === 'operator') return { kind: 'admitted', caller: authentication }
  if (authentication.error === 'operatorTokenWrong') limits.countFailure(incoming)
  return refused(refuse(authentication.error, undefined, { 'www-authenticate': BEARER_CHALLENGE }))
}

function refused(reply: Reply): Admission {
  return { kind: 'refused', reply }
}

function appKeyOf({ params }: Incoming): string {
  return (params as { readonly app_key?: string }).app_key ?? ''
}

function verdictOf({ publicOrigin }: AdmitDeps, { headers }: Incoming, app: App) {
  const origins = app.settings.origins
  const all = publicOrigin === undefined ? origins : [...origins, publicOrigin]
  return judgeOrigin({ origin: headers.origin, host: headers.host, origins: all })
}

/** The rate limits, and the answer to who has passed one. */
class Limits {
  readonly #deps: AdmitDeps
  readonly #byApp: RateLimiter
  readonly #byClient: RateLimiter
  readonly #byDemo: RateLimiter
  readonly #byFailures: RateLimiter
  readonly #isOff: boolean

  constructor(deps: AdmitDeps) {
    this.#deps = deps
    this.#byApp = new RateLimiter(deps.clock)
    this.#byClient = new RateLimiter(deps.clock)
    this.#byDemo = new RateLimiter(deps.clock)
    this.#byFailures = new RateLimiter(deps.clock)
    this.#isOff = deps.rateLimit === 0
  }

  ofApp(app: App): Admission {
    const perSecond = this.#deps.rateLimit ?? app.settings.limits.requestsPerSecond
    const waitSeconds = this.#byApp.take(app.appKey, { perSecond, burst: perSecond })
    return waitSeconds === 0 ? { kind: 'admitted', caller: app } : this.#limited('server', waitSeconds)
  }

  takeCalls(app: App, count: number): number {
    const perSecond = this.#deps.rateLimit ?? app.settings.limits.requestsPerSecond
    return this.#byApp.takeSome(app.appKey, count, { perSecond, burst: perSecond })
  }

  ofClient({ ip }: Incoming, appKey: string): Admission | undefined {
    if (this.#isOff) return undefined
    const waitSeconds = this.#byClient.take(`${networkOf(ip)} ${appKey}`, CLIENT_RATE)
    return waitSeconds === 0 ? undefined : this.#limited('client', waitSeconds)
  }

  ofDemo({ ip }: Incoming): Admission | undefined {
    if (this.#isOff) return undefined
    const waitSeconds = this.#byDemo.take(networkOf(ip), DEMO_RATE)
    return waitSeconds === 0 ? undefined : this.#limited('demo', waitSeconds)
  }

  ofFailures({ ip }: Incoming): Admission | undefined {
    if (this.#isOff || this.#byFailures.isEmpty) return undefined
    const waitSeconds = this.#byFailures.peek(networkOf(ip), FAILURE_RATE)
    return waitSeconds === 0 ? undefined : this.#limited('failure', waitSeconds)
  }

  countFailure({ ip }: Incoming): void {
    this.#byFailures.take(networkOf(ip), FAILURE_RATE)
  }

  #limited(kind: Access | 'failure', waitSeconds: number): Admission {
    this.#deps.onRateLimited(kind)
    return refused(refuse('rateLimited', undefined, { 'retry-after': String(waitSeconds) }))
  }
}
