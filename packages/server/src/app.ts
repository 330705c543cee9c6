/** Wires the rooms: everything that runs is made here, from deps that the outside gives. Tests and the simulator start here too. */

import path from 'node:path'
import { accepted } from '@lethe/protocol/parsed.ts'
import { ensureOperatorToken } from './admin/operator-token.ts'
import { checkSecretKey } from './admin/server-facts.ts'
import type { App } from './apps/app.ts'
import { type ChannelForms, mintMissingWebPush } from './apps/channel-credentials.ts'
import { createApp as createConfiguredApp, createFirstApp } from './apps/create-app.ts'
import { type AppDirectory, createAppDirectory } from './apps/find-app.ts'
import { createSeal } from './apps/seal.ts'
import { AUDIT_DAYS_DEFAULT, startAuditWork } from './audit/audit-work.ts'
import { parseApnsCredentials } from './channels/apns/credentials.ts'
import type { Channel, ChannelName } from './channels/channel.ts'
import { parseFcmCredentials } from './channels/fcm/credentials.ts'
import { type Channels, openChannels } from './channels/open-channels.ts'
import type { Outbound } from './channels/outbound/outbound.ts'
import { createSocketChannel } from './channels/socket/socket-channel.ts'
import { createSocketHub, type SocketHub, type SocketUser } from './channels/socket/socket-hub.ts'
import { mintWebPushCredentials, parseWebPushCredentials } from './channels/web-push/credentials.ts'
import type { Settings } from './config.ts'
import { Allowances } from './erasure/allowances.ts'
import { startBulkWork } from './erasure/bulk/bulk-work.ts'
import { holdDeletions } from './erasure/bulk/hold-deletions.ts'
import { Plans } from './erasure/bulk/plan-deletion.ts'
import { Census } from './erasure/census.ts'
import { readDeletions } from './erasure/erasure.store.ts'
import { erasureWarnings } from './erasure/erasure-health.ts'
import { erasureMetrics } from './erasure/erasure-metrics.ts'
import {
  type ErasureWorkDeps,
  FENCE_TOPIC,
  PAST_FENCE_TOPIC,
  startErasureWork,
} from './erasure/erasure-work.ts'
import { type GuardWorkDeps, startGuardWork } from './erasure/guard-work.ts'
import { type Ledger, type LedgerStorage, noLedger } from './erasure/ledger/ledger.ts'
import { type OpenLedgerDeps, openLedger } from './erasure/ledger/open-ledger.ts'
import { loadSigningKeys } from './erasure/signing-keys.ts'
import { type Admissions, createAdmissions } from './http/admit.ts'
import { createHttpMetrics, type HttpMetrics } from './http/metrics.ts'
import { createDemoRoutes, createRoutes } from './http/routes.ts'
import { createHttpServer, type HttpServer } from './http/server.ts'
import { createSocketServer } from './http/socket-server.ts'
import { demoFolder, type StaticFolder, sdkFolder } from './http/static-folder.ts'
import type { Clock } from './kernel/clock.ts'
import type { Log } from './kernel/log.ts'
import type { Random } from './kernel/random.ts'
import { AppChannels, type MakeChannel } from './push/app-channels.ts'
import { MessageIds } from './push/message-ids.ts'
import { SocketPresence } from './push/socket-presence.ts'
import { type Sending, startSending } from './push/start-sending.ts'
import { type Db, personalColumns, tables } from './schema.ts'
import { eventTokenOf } from './statistics/event-token.ts'
import { readCatalogue } from './storage/catalogue.ts'
import { checkSchema } from './storage/check-schema.ts'
import { OutcomeUnknown, StorageUnavailable } from './storage/errors.ts'
import { units } from './units.ts'

export interface AppDeps {
  readonly database: Db
  /** The 32 bytes that seal what the database keeps. */
  readonly secretKey: Uint8Array
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly settings: Partial<
    Pick<
      Settings,
      | 'appKey'
      | 'masterSecret'
      | 'operatorToken'
      | 'publicUrl'
      | 'trustedProxies'
      | 'rateLimit'
      | 'allowPrivateNetwork'
      | 'transactionLeaseMs'
      | 'demo'
      | 'auditDays'
    >
  >
  readonly version: string
  /** Where the package of the web SDK is, for its files and those of the demo; absent: none are served. */
  readonly webSdkFolder?: string
  /** Where erasures stand outside the database; the product has one always, a test may do without. */
  readonly ledger?: Ledger
  /** PEM of a certificate authority that requests to the outside trust besides the usual ones: that of fakes. */
  readonly trustedCa?: string
  /** Stands before requests to the outside; a test with real browsers leads them to its fakes. */
  readonly leadOutbound?: (outbound: Outbound) => Outbound
  /** Makes the channels of an app; a test gives others. */
  readonly makeChannel?: MakeChannel
  /** The unit that removes rows; a test gives one with a step missing. */
  readonly removeDevices?: typeof units.removeDevices
}

/** Work in the background. */
export interface Worker {
  /** Resolves once what is under way is done. */
  stop(): Promise<void>
}

export interface RunningApp {
  readonly http: HttpServer
  readonly workers: readonly Worker[]
  /** Ends requests first, then the work in the background. The database is left to who opened it. */
  stop(): Promise<void>
}

/** What a first start has minted. It is told now or never: the database has digests only. */
export interface FirstStart {
  readonly app?: { readonly appKey: string; readonly masterSecret: string } | undefined
  readonly operatorToken?: string | undefined
}

/** The default of the setting: see `config.ts`. */
const LEASE_MS = 10_000

/**
 * Nobody's, until `lethe channel set … web-push --subject` gives a real one. Of a domain that exists: Apple's push service
 * refuses everything that is signed in the name of localhost (https://github.com/web-push-libs/web-push/issues/947).
 */
const SUBJECT_DEFAULT = 'mailto:operator@example.com'

export { holdCalls } from './http/holding-server.ts'
export type { Ledger }

/** The program of SQLite's writer thread. */
export const writerThread = new URL('./writer-thread.ts', import.meta.url)

/** The tables that tell something about users. */
export const personalTables: readonly string[] = Object.keys(personalColumns)

/**
 * Checks the database and makes what a new one needs. Several nodes may do this at once.
 * @throws Error with a sentence for the operator when this server must not work on this database.
 */
export async function prepareDatabase(deps: AppDeps): Promise<FirstStart> {
  const { database, settings } = deps
  checkSchema(tables, await readCatalogue(database.read as never, database.engine))
  const seal = createSeal(deps.secretKey, deps.random)
  await checkSecretKey(deps, seal.fingerprint)
  const making = { ...deps, seal, channelForms: channelFormsOf(settings) }
  const { appKey, masterSecret } = settings
  const made = appKey
    ? await createConfiguredApp(making, { name: appKey, appKey, masterSecret })
    : await createFirstApp(making, { name: 'First app' })
  await mintMissingWebPush(making)
  return {
    app: made && { appKey: made.row.app_key, masterSecret: made.masterSecret },
    operatorToken: await ensureOperatorToken(deps, settings.operatorToken),
  }
}

export type LedgerPlace = Pick<
  OpenLedgerDeps,
  'place' | 'lostAt' | 'warnings' | 'onReplay' | 'onOlderDatabase'
> & {
  readonly storage: LedgerStorage
}

/**
 * Opens the ledger of this node, after `prepareDatabase` and before `createApp`. What a restored database has brought back is
 * erased again before it resolves, and deletions of many users that were confirmed in it wait for an operator.
 * @throws Error with a sentence for the operator when this server must not work with this ledger.
 */
export async function prepareLedger(deps: AppDeps, at: LedgerPlace): Promise<Ledger> {
  const { database, clock } = deps
  const apps = createAppDirectory({ database, seal: createSeal(deps.secretKey, deps.random), clock })
  const onReplay = async (erasureCount: number) => {
    await at.onReplay(erasureCount)
    await holdDeletions(deps)
  }
  return openLedger({ ...deps, ...at, apps, onReplay })
}

/** Starts the background work and answers requests from `http.listen` on. */
export async function createApp(deps: AppDeps): Promise<RunningApp> {
  const { database, settings, clock } = deps
  const seal = createSeal(deps.secretKey, deps.random)
  const apps = createAppDirectory({ database, seal, clock })
  const metrics = createHttpMetrics()
  const auditDays = settings.auditDays ?? AUDIT_DAYS_DEFAULT
  const signingKeys = await loadSigningKeys({ ...deps, seal })
  const erasure = {
    ...deps,
    apps,
    signingKeys,
    personalColumns,
    metrics: erasureMetrics(metrics.registry),
    allowances: new Allowances(deps),
    census: new Census(database),
    removeDevices: deps.removeDevices ?? units.removeDevices,
    lookAgain: units.lookAgain,
    issuer: settings.publicUrl ?? 'lethe',
    leaseMs: settings.transactionLeaseMs ?? LEASE_MS,
    ledger: deps.ledger ?? noLedger,
    onHidden: (user: SocketUser) => hub.closeDeleted(user),
  }
  const admissions = admissionsOf({ ...deps, apps, metrics })
  const parts = await startChannels({ ...deps, apps, metrics, leaseMs: erasure.leaseMs })
  const { hub, channels, sending } = parts
  const plans = new Plans(deps)
  const push = {
    database,
    channels,
    messageIds: new MessageIds(database),
    takeCalls: admissions.takeCalls,
    metrics: sending.metrics,
  }
  const http: HttpServer = await createHttpServer({
    ...deps,
    routes: [
      ...createRoutes({
        ...deps,
        seal,
        apps,
        channelForms: channelFormsOf(settings),
        erasure,
        bulk: { ...deps, apps, plans },
        push,
        registry: metrics.registry,
        ping: () => database.ping(),
        warnings: [() => erasureWarnings(deps), async () => erasure.ledger.warnings()],
        auditDays,
        readDeletions: (page) => readDeletions(database.read, page),
        openApi: () => http.openApi(),
      }),
      ...(settings.demo ? createDemoRoutes({ apps, push }) : []),
    ],
    staticFolders: staticFoldersOf(deps),
    admissions,
    nameFailure,
    metrics,
    trustedProxies: settings.trustedProxies ?? [],
    takeUpgrade: createSocketServer((socket, appKey) => hub.accept(socket, appKey)),
  })
  const workers = [plans, ...startWorkers({ ...erasure, auditDays }), sending]
  return {
    http,
    workers,
    stop: () => stopInOrder({ parts, http, workers }),
  }
}

async function stopInOrder({
  parts,
  http,
  workers,
}: {
  parts: SendingParts
  http: HttpServer
  workers: readonly Worker[]
}): Promise<void> {
  // First, since the HTTP server waits for connections that were upgraded.
  await parts.stop()
  await http.close()
  await Promise.all(workers.map((worker) => worker.stop()))
  await parts.vendors.close()
}

function startWorkers(
  deps: ErasureWorkDeps & GuardWorkDeps & { allowances: Allowances; auditDays: number },
): Worker[] {
  return [
    startBulkWork(deps),
    startErasureWork(deps),
    startGuardWork(deps),
    deps.allowances,
    startAuditWork(deps),
  ]
}

function admissionsOf({
  apps,
  metrics,
  database,
  clock,
  settings,
}: AppDeps & { apps: AppDirectory; metrics: HttpMetrics }): Admissions {
  return createAdmissions({
    apps,
    database,
    clock,
    rateLimit: settings.rateLimit,
    publicOrigin: settings.publicUrl === undefined ? undefined : new URL(settings.publicUrl).origin,
    onRateLimited: metrics.countRateLimited,
  })
}

function staticFoldersOf({ webSdkFolder, settings }: AppDeps): StaticFolder[] {
  if (webSdkFolder === undefined) return []
  const sdk = sdkFolder(path.join(webSdkFolder, 'dist'))
  return settings.demo ? [sdk, demoFolder(path.join(webSdkFolder, 'demo'))] : [sdk]
}

interface SendingParts {
  readonly vendors: Channels
  readonly hub: SocketHub
  readonly channels: AppChannels
  readonly sending: Sending
  /** Closes users' sockets, and takes no more. */
  stop(): Promise<void>
}

/** Channels, users' own sockets, and the work of sending over both. */
async function startChannels(
  deps: AppDeps & { apps: AppDirectory; metrics: HttpMetrics; leaseMs: number },
): Promise<SendingParts> {
  const { apps, metrics, settings } = deps
  const vendors = openChannels({ ...deps, allowPrivateNetwork: settings.allowPrivateNetwork ?? false })
  const presence: SocketPresence = new SocketPresence({ ...deps, apps, sender: () => sending.sender })
  const hub = createSocketHub({
    ...deps,
    authenticate: (user, secret) => presence.authenticate(user, secret),
    onConnected: (user) => presence.open(user),
    onDisconnected: (user) => presence.close(user),
    onEvent: (user, report) => presence.report(user, report),
  })
  const makeVendor = deps.makeChannel ?? ((app, name) => makeChannel(vendors, app, name))
  const channels = new AppChannels((app, name) =>
    name === 'socket' ? (createSocketChannel({ hub }, app) as Channel) : makeVendor(app, name),
  )
  const topics = { fence: FENCE_TOPIC, pastFence: PAST_FENCE_TOPIC }
  const sending = await startSending({ ...deps, apps, channels, topics, registry: metrics.registry }, hub)
  const stop = async () => {
    presence.stop()
    await hub.stop()
  }
  return { vendors, hub, channels, sending, stop }
}

function makeChannel(vendors: Channels, app: App, name: ChannelName): Channel {
  const credentials = app.channels.get(name)?.credentials
  if (name === 'socket' || !credentials) throw new Error(`an app has no channel ${name}`)
  return vendors.make(name, {
    credentials,
    eventTokenFor: (registrationId, msgId) => eventTokenOf(app, { registrationId, msgId }),
  })
}

/** How each channel reads its credentials. A push service reaches the operator at the server's own address where it has one. */
function channelFormsOf({ publicUrl }: AppDeps['settings']): ChannelForms {
  const subject = publicUrl?.startsWith('https://') ? new URL(publicUrl).origin : SUBJECT_DEFAULT
  return {
    parsers: {
      webPush: parseWebPushCredentials,
      fcm: parseFcmCredentials,
      apns: parseApnsCredentials,
      stub: () => accepted({}),
    },
    mintWebPush: () => mintWebPushCredentials(subject),
  }
}

function nameFailure(error: unknown) {
  if (error instanceof StorageUnavailable) return 'storageUnavailable'
  return error instanceof OutcomeUnknown ? 'outcomeUnknown' : undefined
}
