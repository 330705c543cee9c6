/**
 * The HTTP server, and the only file that knows the framework: it turns requests into calls of operations and replies into
 * answers. Hooks are few and synchronous where they can be, since a deletion passes all of them 15,000 times a second.
 */

import { isUtf8 } from 'node:buffer'
import { existsSync } from 'node:fs'
import { type IncomingMessage, ServerResponse } from 'node:http'
import path from 'node:path'
import { fastifyStatic } from '@fastify/static'
import swagger from '@fastify/swagger'
import { bodyBytesMax } from '@lethe/protocol/limits.ts'
import {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  type InjectOptions,
  type LightMyRequestResponse,
} from 'fastify'
import { errorFields, type Log } from '../kernel/log.ts'
import type { Call } from '../kernel/operation.ts'
import type { Address } from '../kernel/personal.ts'
import type { Random } from '../kernel/random.ts'
import { type Reply, refuse } from '../kernel/reply.ts'
import type { Admission, Admissions } from './admit.ts'
import { type Check, cleanInput, compileCheck, type Fault } from './check-input.ts'
import { type LastAnswers, watchLastAnswers } from './last-answers.ts'
import type { HttpMetrics, Observe } from './metrics.ts'
import { openApiFrame, schemaOf } from './openapi.ts'
import {
  createMethodsOf,
  JSON_TYPE,
  type NameFailure,
  refusalOfConnection,
  refusalOfFramework,
  refusalOfHead,
  refusalOfPath,
} from './refusals.ts'
import type { Route } from './route.ts'
import type { StaticFolder } from './static-folder.ts'
import { afterBody } from './unread-body.ts'

export interface HttpServerDeps {
  readonly routes: readonly Route[]
  readonly admissions: Pick<Admissions, 'by' | 'preflight'>
  readonly nameFailure: NameFailure
  readonly metrics: Pick<HttpMetrics, 'observerOf'>
  readonly log: Log
  readonly random: Random
  /** Proxies whose word about the caller's address is taken: addresses, ranges, or `loopback` and the like. */
  readonly trustedProxies: readonly string[]
  /** Stands in the OpenAPI document. */
  readonly version: string
  /** Takes over what an operation has answered 101 Switching Protocols; absent: no protocol is changed. */
  readonly takeUpgrade?: (upgrade: Upgrade) => void
  /** Folders whose files are handed out; absent: none. */
  readonly staticFolders?: readonly StaticFolder[]
}

/** A request whose connection is no longer one of HTTP. */
export interface Upgrade {
  readonly request: IncomingMessage
  /** What came on the connection behind the request. */
  readonly head: Buffer
  /** Who calls, as the admission found. */
  readonly caller: unknown
}

export interface HttpServer {
  /** Resolves with the address once connections are accepted. */
  listen(at: { host: string; port: number }): Promise<string>
  /** Sends a request without a socket; for tests. */
  inject(request: InjectOptions | string): Promise<LightMyRequestResponse>
  openApi(): unknown
  /** Accepts nothing more, finishes what runs, and cuts what has not ended after ten seconds. */
  close(): Promise<void>
}

export async function createHttpServer(deps: HttpServerDeps): Promise<HttpServer> {
  const app = createFramework(deps)
  const lastAnswers = watchLastAnswers(app.server)
  await app.register(swagger, { openapi: openApiFrame(deps.version) })
  for (const route of deps.routes) addRoute(app, deps, route)
  addPreflights(app, deps)
  const missing = await addStaticFolders(app, deps)
  addNotFound(app, deps, missing)
  if (deps.takeUpgrade) addUpgrades(app)
  await app.ready()
  return {
    listen: async (at) => {
      const address = await app.listen(at)
      // Not before: where the server cannot start, that alone is worth a line.
      for (const one of missing) deps.log.warn({ path: one.path, reason: one.missing }, 'http.folder-missing')
      return address
    },
    inject: (request) => app.inject(request),
    openApi: () => app.swagger(),
    close: () => close(app, lastAnswers),
  }
}

/** A whole request, body included, arrives within this time, or it is not waited for (ours). */
const REQUEST_TIMEOUT_MS = 30_000
/** Longer than the idle time of the usual load balancers, so that they and not we end a connection (ours). */
const KEEP_ALIVE_MS = 72_000
/** Node's limit on the head of a request: a path parameter of any length reaches its operation's own check. */
const HEAD_BYTES_MAX = 16 * 1024
/** Ours: a slow answer is worth a line. */
const SLOW_MS = 1_000
const CLOSE_MS = 10_000

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls, once admitted. */
    caller: unknown
  }
}

function createFramework(deps: HttpServerDeps): FastifyInstance {
  const { random, trustedProxies } = deps
  const nextId = createIds(random)
  const app = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    return503OnClosing: false,
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    genReqId: nextId,
    // A missing Host is refused below, in JSON; Node would answer it without a body.
    http: { maxHeaderSize: HEAD_BYTES_MAX, requireHostHeader: false, shouldUpgradeCallback: isForWebSocket },
    routerOptions: {
      ignoreTrailingSlash: true,
      ignoreDuplicateSlashes: true,
      maxParamLength: HEAD_BYTES_MAX,
    },
    frameworkErrors: (error, request, reply) => {
      setCommonHeaders(request, reply)
      send(reply, refusalOfFramework(error) ?? refuse('unforeseen'))
    },
    clientErrorHandler: (error, socket) => {
      if (socket.writable && error.code !== 'ECONNRESET') socket.end(refusalOfConnection(error, nextId()))
      else socket.destroy()
    },
  })
  // Operations check their own input, so that the answer has the documented number and never quotes a value.
  app.setValidatorCompiler(() => () => true)
  app.decorateRequest('caller', undefined)
  app.addHook('onRequest', (request, reply, done) => {
    setCommonHeaders(request, reply)
    const refusal = refusalOfHead(request.raw)
    if (refusal) send(reply, refusal)
    else done()
  })
  // An expectation that nobody here meets is ignored (RFC 9110, 10.1.1); Node would answer it without a body.
  app.server.on('checkExpectation', app.routing)
  addBodyParsers(app)
  app.setErrorHandler(createErrorAnswer(deps))
  return app
}

type AnswerError = (error: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply

function createErrorAnswer({ routes, log, nameFailure }: HttpServerDeps): AnswerError {
  const methodsOf = createMethodsOf(routes)
  return (error, request, reply) => {
    // Methods that the framework does not know come past every hook.
    if (!reply.hasHeader('x-request-id')) setCommonHeaders(request, reply)
    const known = isNotFound(error, request)
      ? refusalOfPath(methodsOf(request.url))
      : refusalOfFramework(error, request.routeOptions.bodyLimit)
    if (known) return send(reply, known)
    const name = nameFailure(error)
    const fields = { ...errorFields(error), route: request.routeOptions.url ?? '', requestId: request.id }
    if (name) log.warn(fields, 'http.unavailable')
    else log.error(fields, 'http.failed')
    return send(reply, refuse(name ?? 'unforeseen'))
  }
}

/** Where no operation is, nothing else can be wrong with a request. */
function isNotFound(error: unknown, request: FastifyRequest): boolean {
  return request.is404 || (error as { code?: unknown } | null)?.code === 'FST_ERR_NOT_FOUND'
}

/** Random ids, cut from blocks: one call of the generator for 256 of them. */
function createIds(random: Random): () => string {
  const idBytes = 16
  let block = Buffer.alloc(0)
  let at = 0
  return () => {
    if (at >= block.length) {
      block = Buffer.from(random.bytes(idBytes * 256))
      at = 0
    }
    at += idBytes
    return block.toString('hex', at - idBytes, at)
  }
}

function setCommonHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', request.id)
  reply.header('x-content-type-options', 'nosniff')
  reply.header('cache-control', 'no-store')
}

/** Stand for a body that could not be read: whether that matters is for the route to say. */
const NOT_JSON = Symbol('a body that is not JSON')
const OTHER_TYPE = Symbol('a body of another content type')

function addBodyParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  // Official SDKs send this content type on every call, with and without a body.
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body.length === 0 ? undefined : parseJson(body as Buffer))
  })
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body.length === 0 ? undefined : OTHER_TYPE)
  })
}

function parseJson(body: Buffer): unknown {
  if (!isUtf8(body)) return NOT_JSON
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return NOT_JSON
  }
}

function addRoute(app: FastifyInstance, deps: HttpServerDeps, route: Route): void {
  const admit = deps.admissions.by[route.access]
  const check = createCheck(route)
  const observe = deps.metrics.observerOf(route.path, route.method)
  app.route({
    method: route.method,
    url: route.path,
    bodyLimit: route.operation.bodyBytesMax ?? bodyBytesMax,
    schema: schemaOf(route),
    onRequest: (request, reply, done) => {
      const admission = admit(request)
      if (!(admission instanceof Promise)) settle(admission, { request, reply, done })
      else admission.then((settled) => settle(settled, { request, reply, done }), done)
    },
    onResponse: createObserver(deps, observe, route.path),
    handler: (request, reply) => {
      const fault = check(request)
      if (fault) return void send(reply, refuse(fault.error, fault.message))
      const result = route.operation.handle(callOf(request))
      const answer = (settled: Reply) =>
        settled.status === SWITCHING_PROTOCOLS ? giveUpgrade(deps, request, reply) : send(reply, settled)
      if (!(result instanceof Promise)) return void answer(result)
      result.then(answer, (error) => reply.send(asError(error)))
    },
  })
}

function settle(
  admission: Admission,
  { request, reply, done }: { request: FastifyRequest; reply: FastifyReply; done: () => void },
): void {
  if (admission.headers) reply.headers(admission.headers)
  if (admission.kind === 'refused') {
    send(reply, admission.reply)
    return
  }
  request.caller = admission.caller
  done()
}

/** Everything that can be wrong with the input of a route before its operation sees it. */
function createCheck({ operation: { schema } }: Route): (request: FastifyRequest) => Fault | undefined {
  const checkQuery: Check | undefined = schema.query && compileCheck(schema.query, 'query')
  const checkBody: Check | undefined = schema.body && compileCheck(schema.body, 'body')
  return (request) =>
    faultOfParams(request.params) ??
    (checkQuery && (cleanInput(request.query) ?? checkQuery(request.query))) ??
    (checkBody && faultOfBody(request, checkBody))
}

/** Percent-decoding gives well-formed text, so U+0000 is all that can be wrong. */
function faultOfParams(params: unknown): Fault | undefined {
  for (const [name, value] of Object.entries(params as Record<string, string>)) {
    if (value.includes('\0'))
      return { error: 'parameterInvalid', message: `${name}: a text may not hold U+0000` }
  }
  return undefined
}

function faultOfBody(request: FastifyRequest, check: Check): Fault | undefined {
  const { body } = request
  if (body === NOT_JSON) return { error: 'bodyNotJson', message: 'the body is not valid JSON in UTF-8' }
  if (body === OTHER_TYPE) {
    return { error: 'contentTypeUnsupported', message: 'the content type must be application/json' }
  }
  // Neither a missing body nor `null` gives any parameter.
  request.body = body ?? {}
  return cleanInput(request.body) ?? check(request.body)
}

function callOf(request: FastifyRequest): Call<never> {
  const call = {
    caller: request.caller,
    params: request.params,
    query: request.query,
    body: request.body,
    header: (name: string) => {
      const value = request.headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    },
    get address() {
      return request.ip as Address
    },
  }
  return call as unknown as Call<never>
}

function send(reply: FastifyReply, { status, body, headers }: Reply): FastifyReply {
  reply.code(status)
  if (headers) reply.headers(headers)
  if (status < 400) return reply.send(body)
  reply.type(JSON_TYPE).serializer(JSON.stringify)
  afterBody(reply.request.raw, () => reply.send(body))
  return reply
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('something that is not an error was thrown')
}

function createObserver({ log }: HttpServerDeps, observe: Observe, route: string) {
  return (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    const milliseconds = reply.elapsedTime
    observe(reply.statusCode, milliseconds)
    if (milliseconds > SLOW_MS) {
      const fields = { route, method: request.method, status: reply.statusCode, requestId: request.id }
      log.warn({ ...fields, milliseconds: Math.round(milliseconds) }, 'http.slow')
    }
    done()
  }
}

/** A browser asks before it calls from a page; the answer needs no credentials. */
function addPreflights(app: FastifyInstance, deps: HttpServerDeps): void {
  const methodsOf = createMethodsOf(deps.routes)
  const paths = deps.routes.filter(({ access }) => access === 'client').map(({ path }) => path)
  for (const path of new Set(paths)) {
    app.route({
      method: 'OPTIONS',
      url: path,
      schema: { hide: true },
      onResponse: createObserver(deps, deps.metrics.observerOf(path, 'OPTIONS'), path),
      handler: async (request, reply) =>
        send(reply, await deps.admissions.preflight(request, methodsOf(path))),
    })
  }
}

/** Others are answered as if they had not asked, as RFC 9110 (7.8) wants it. */
function isForWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket'
}

const SWITCHING_PROTOCOLS = 101

/** What came behind requests for a WebSocket that are not answered yet. */
const heads = new WeakMap<IncomingMessage, Buffer>()

/** Such requests go the way of all others, and are admitted or refused like them. After any answer but 101 the connection ends. */
function addUpgrades(app: FastifyInstance): void {
  app.server.on('upgrade', (request: IncomingMessage, _socket, head: Buffer) => {
    const { socket } = request
    heads.set(request, head)
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(socket)
    response.on('finish', () => socket.end())
    socket.on('error', destroySelf)
    app.routing(request, response)
  })
}

function giveUpgrade({ takeUpgrade }: HttpServerDeps, request: FastifyRequest, reply: FastifyReply): void {
  const head = heads.get(request.raw)
  if (!head || !takeUpgrade) {
    send(reply, refuse('upgradeRequired', undefined, { connection: 'close, upgrade', upgrade: 'websocket' }))
    return
  }
  const { socket } = request.raw
  reply.hijack()
  reply.raw.detachSocket(socket)
  socket.off('error', destroySelf)
  takeUpgrade({ request: request.raw, head, caller: request.caller })
}

function destroySelf(this: { destroy(): void }): void {
  this.destroy()
}

/** Those that are there are served; the others are returned. */
async function addStaticFolders(app: FastifyInstance, deps: HttpServerDeps): Promise<StaticFolder[]> {
  const missing: StaticFolder[] = []
  for (const one of deps.staticFolders ?? []) {
    if (!existsSync(one.folder)) missing.push(one)
    else {
      await app.register((scope, _options, done) => {
        addStaticFolder(scope, deps, one)
        done()
      })
    }
  }
  return missing
}

function addStaticFolder(
  scope: FastifyInstance,
  deps: HttpServerDeps,
  { path: prefix, folder, index, headersOf }: StaticFolder,
): void {
  const answerError = createErrorAnswer(deps)
  const observe = deps.metrics.observerOf(`${prefix}/*`, 'GET')
  scope.addHook('onResponse', createObserver(deps, observe, `${prefix}/*`))
  // A path that leads out of the folder or is written in a strange way is no file of ours.
  scope.setErrorHandler((error, request, reply) =>
    isRefusalOfPath(error) ? send(reply, refuse('pathUnknown')) : answerError(error, request, reply),
  )
  void scope.register(fastifyStatic, {
    root: folder,
    prefix: `${prefix}/`,
    index: false,
    dotfiles: 'ignore',
    acceptRanges: false,
    cacheControl: false,
    setHeaders: (reply, file) => void reply.headers(headersOf(path.basename(file))),
  })
  if (index === undefined) return
  scope.get(prefix, { schema: { hide: true } }, (request, reply) => {
    const [called = '', query] = request.url.split('?', 2)
    if (called.endsWith('/')) return reply.sendFile(index)
    // Links of the page, and the scope of its worker, are relative to the folder; and so is this, as a proxy may have put it elsewhere.
    const there = `${path.posix.basename(called)}/`
    return reply.redirect(query === undefined ? there : `${there}?${query}`, 308)
  })
}

/** The plugin's own, by their statuses. */
function isRefusalOfPath(error: unknown): boolean {
  const { statusCode = 500 } = error as { statusCode?: number }
  return statusCode >= 400 && statusCode < 500
}

function addNotFound(app: FastifyInstance, deps: HttpServerDeps, missing: readonly StaticFolder[]): void {
  const methodsOf = createMethodsOf(deps.routes)
  const observe = deps.metrics.observerOf('unknown', 'any')
  const folderOf = (url: string, folders: readonly StaticFolder[] = []) =>
    folders.find((one) => url === one.path || url.startsWith(`${one.path}/`))
  const refusalOf = ({ url, method }: FastifyRequest): Reply => {
    const methods = methodsOf(url)
    const isRead = method === 'GET' || method === 'HEAD'
    if (methods.length > 0) return refusalOfPath(methods)
    if (!isRead && folderOf(url, deps.staticFolders)) return refusalOfPath(['GET', 'HEAD'])
    const folder = folderOf(url, missing)
    return folder ? refuse('pathUnknown', folder.missing) : refusalOfPath([])
  }
  app.setNotFoundHandler((request, reply) => {
    const refusal = refusalOf(request)
    observe(refusal.status, reply.elapsedTime)
    return send(reply, refusal)
  })
}

async function close(app: FastifyInstance, lastAnswers: LastAnswers): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), CLOSE_MS)
  lastAnswers.endWithThem()
  try {
    await app.close()
  } finally {
    clearTimeout(cut)
  }
}
