/** The index of everything that Lethe answers to: every method and path on one line, grouped by who may call. */

import type { Operator } from '../admin/authenticate-operator.ts'
import {
  type AdminAppsDeps,
  changeApp,
  createApp,
  listApps,
  rotateSecret,
  showApp,
} from '../apps/apps.admin.routes.ts'
import type { App } from '../apps/authenticate-app.ts'
import {
  type AdminChannelsDeps,
  listChannels,
  removeChannel,
  setApns,
  setFcm,
  setStub,
  setWebPush,
} from '../apps/channels.admin.routes.ts'
import { type AdminAudienceDeps, checkAudienceOfApp } from '../audience/audience.admin.routes.ts'
import { type AdminAuditDeps, listAudit } from '../audit/audit.admin.routes.ts'
import { openSocket } from '../channels/socket/socket.routes.ts'
import { type DemoDeps, pushFromDemo, readDemoConfig } from '../demo/demo.routes.ts'
import { deleteAlias, readAlias } from '../devices/alias.routes.ts'
import { changeSelf, readApp, readSelf, register } from '../devices/client.routes.ts'
import {
  type DevicesDeps,
  readDevice,
  readDeviceStatus,
  registerDeviceTokens,
  setDevice,
} from '../devices/device.routes.ts'
import {
  countTags,
  deleteTag,
  listTags,
  readTagOfDevice,
  readTagQuota,
  setTag,
} from '../devices/tag.routes.ts'
import {
  addDeletionLines,
  cancelDeletion,
  confirmDeletion,
  type DeletionsDeps,
  freezeDeletion,
  listDeletions,
  listManifests,
  pauseDeletion,
  planDeletion,
  resumeDeletion,
  showDeletion,
} from '../erasure/bulk/deletions.admin.routes.ts'
import {
  deleteDevice,
  deleteNobody,
  deleteSelf,
  type ErasureDeps,
  readErasureById,
  readErasureOfDevice,
  readSigningKeySet,
} from '../erasure/erasure.routes.ts'
import { type AdminErasuresDeps, listErasures, showErasure } from '../erasure/erasures.admin.routes.ts'
import {
  type AdminGuardDeps,
  closeGuard,
  openGuard,
  setGuard,
  showGuard,
} from '../erasure/guard.admin.routes.ts'
import type { Operation } from '../kernel/operation.ts'
import {
  createPush,
  type PushDeps,
  pushToAliases,
  pushToRegistrationIds,
  validatePush,
  withdrawPush,
} from '../push/push.routes.ts'
import type { Db } from '../schema.ts'
import { reportEvents } from '../statistics/events.routes.ts'
import {
  readMessageLifecycle,
  readMessageRows,
  readMessageStatistics,
  readUserStatistics,
} from '../statistics/statistics.routes.ts'
import {
  type HealthDeps,
  type MetricsDeps,
  readHealth,
  readMetrics,
  readOpenApi,
  readReadiness,
} from './health.routes.ts'
import type { Access, Method, Route } from './route.ts'

/** What the operations of all rooms use. */
export interface RoutesDeps
  extends DevicesDeps,
    AdminAppsDeps,
    AdminChannelsDeps,
    AdminAudienceDeps,
    AdminErasuresDeps,
    AdminAuditDeps,
    HealthDeps,
    MetricsDeps {
  readonly database: Db
  readonly erasure: ErasureDeps & AdminGuardDeps
  readonly bulk: DeletionsDeps
  readonly push: PushDeps
  readonly openApi: () => unknown
}

export function createRoutes(d: RoutesDeps): Route[] {
  return [
    // The customer's server, with app key and master secret.
    server('POST', '/v4/devices/status', readDeviceStatus(d)),
    server('POST', '/v4/devices/token/registration_id', registerDeviceTokens(d)),
    server('GET', '/v4/devices/:registration_id', readDevice(d)),
    server('POST', '/v4/devices/:registration_id', setDevice(d)),
    server('DELETE', '/v4/devices/:registration_id', deleteDevice(d.erasure)),
    server('DELETE', '/v4/devices', deleteNobody()),
    server('GET', '/v4/devices/:registration_id/erasure', readErasureOfDevice(d)),
    server('GET', '/v4/erasures/:erasure_id', readErasureById(d)),
    server('GET', '/v4/tags', listTags(d)),
    server('GET', '/v4/tags/quota-info', readTagQuota(d)),
    server('POST', '/v4/tags/:tag', setTag(d)),
    server('DELETE', '/v4/tags/:tag', deleteTag(d)),
    server('GET', '/v4/tags/:tag/registration_ids/:registration_id', readTagOfDevice(d)),
    server('GET', '/v4/tags_count', countTags(d)),
    server('GET', '/v4/aliases/:alias', readAlias(d)),
    server('DELETE', '/v4/aliases/:alias', deleteAlias(d)),

    server('POST', '/v4/push', createPush(d)),
    server('POST', '/v4/push/validate', validatePush(d)),
    server('POST', '/v4/batch/push/regid', pushToRegistrationIds(d)),
    server('POST', '/v4/batch/push/alias', pushToAliases(d)),
    server('DELETE', '/v4/push/withdraw/:msg_id', withdrawPush(d)),

    server('GET', '/v4/status/detail', readMessageStatistics(d, 'readMessageStatistics')),
    server('GET', '/v4/messages/details', readMessageStatistics(d, 'readMessagesDetails')),
    server('GET', '/v4/status/message', readMessageLifecycle(d)),
    server('GET', '/v4/status/batch/message', readMessageRows(d)),
    server('GET', '/v4/status/users', readUserStatistics(d)),

    // A user's own client, with its device secret.
    client('GET', '/client/v1/apps/:app_key', readApp()),
    client('POST', '/client/v1/apps/:app_key/registrations', register(d)),
    client('GET', '/client/v1/apps/:app_key/registrations/:registration_id', readSelf(d)),
    client('PUT', '/client/v1/apps/:app_key/registrations/:registration_id', changeSelf(d)),
    client('DELETE', '/client/v1/apps/:app_key/registrations/:registration_id', deleteSelf(d.erasure)),
    client('POST', '/client/v1/apps/:app_key/registrations/:registration_id/events', reportEvents(d)),
    client('GET', '/client/v1/apps/:app_key/socket', openSocket()),

    ...operatorRoutes(d),

    // Anybody.
    open('GET', '/healthz', readHealth()),
    open('GET', '/readyz', readReadiness(d)),
    open('GET', '/metrics', readMetrics(d)),
    open('GET', '/openapi.json', readOpenApi(d.openApi)),
    open('GET', '/.well-known/jwks.json', readSigningKeySet(d.erasure.signingKeys)),
  ]
}

/** An operator, with the operator token. */
function operatorRoutes(d: RoutesDeps): Route[] {
  return [
    operator('GET', '/admin/v1/apps', listApps(d)),
    operator('POST', '/admin/v1/apps', createApp(d)),
    operator('GET', '/admin/v1/apps/:app_key', showApp(d)),
    operator('PATCH', '/admin/v1/apps/:app_key', changeApp(d)),
    operator('POST', '/admin/v1/apps/:app_key/rotate-secret', rotateSecret(d)),
    operator('GET', '/admin/v1/apps/:app_key/channels', listChannels(d)),
    operator('PUT', '/admin/v1/apps/:app_key/channels/web-push', setWebPush(d)),
    operator('PUT', '/admin/v1/apps/:app_key/channels/fcm', setFcm(d)),
    operator('PUT', '/admin/v1/apps/:app_key/channels/apns', setApns(d)),
    operator('PUT', '/admin/v1/apps/:app_key/channels/stub', setStub(d)),
    operator('DELETE', '/admin/v1/apps/:app_key/channels/:channel', removeChannel(d)),
    operator('POST', '/admin/v1/apps/:app_key/audience/check', checkAudienceOfApp(d)),
    operator('GET', '/admin/v1/apps/:app_key/deletions', listDeletions(d.bulk)),
    operator('POST', '/admin/v1/apps/:app_key/deletions', planDeletion(d.bulk)),
    operator('GET', '/admin/v1/apps/:app_key/deletions/:deletion_id', showDeletion(d.bulk)),
    operator('POST', '/admin/v1/apps/:app_key/deletions/:deletion_id/lines', addDeletionLines(d.bulk)),
    operator('POST', '/admin/v1/apps/:app_key/deletions/:deletion_id/freeze', freezeDeletion(d.bulk)),
    operator('POST', '/admin/v1/apps/:app_key/deletions/:deletion_id/confirm', confirmDeletion(d.bulk)),
    operator('POST', '/admin/v1/apps/:app_key/deletions/:deletion_id/pause', pauseDeletion(d.bulk)),
    operator('POST', '/admin/v1/apps/:app_key/deletions/:deletion_id/resume', resumeDeletion(d.bulk)),
    operator('POST', '/admin/v1/apps/:app_key/deletions/:deletion_id/cancel', cancelDeletion(d.bulk)),
    operator('GET', '/admin/v1/apps/:app_key/deletions/:deletion_id/manifests', listManifests(d.bulk)),
    operator('GET', '/admin/v1/apps/:app_key/guard', showGuard(d.erasure)),
    operator('PATCH', '/admin/v1/apps/:app_key/guard', setGuard(d.erasure)),
    operator('POST', '/admin/v1/apps/:app_key/guard/opening', openGuard(d.erasure)),
    operator('DELETE', '/admin/v1/apps/:app_key/guard/opening', closeGuard(d.erasure)),
    operator('GET', '/admin/v1/apps/:app_key/erasures', listErasures(d)),
    operator('GET', '/admin/v1/apps/:app_key/erasures/:erasure_id', showErasure(d)),
    operator('GET', '/admin/v1/audit', listAudit(d)),
  ]
}

/** What the page of the demo calls. It is not in the OpenAPI document. */
export function createDemoRoutes(d: DemoDeps): Route[] {
  return [demo('GET', '/demo/config.json', readDemoConfig(d)), demo('POST', '/demo/push', pushFromDemo(d))]
}

/** The customer's server, with app key and master secret. */
export function server(method: Method, path: string, operation: Operation<App>): Route {
  return routeOf('server', { method, path }, operation)
}

/** A user's client. It proves itself with its device secret, which the operation looks at. */
export function client(method: Method, path: string, operation: Operation<App>): Route {
  return routeOf('client', { method, path }, operation)
}

function operator(method: Method, path: string, operation: Operation<Operator>): Route {
  return routeOf('operator', { method, path }, operation)
}

function open(method: Method, path: string, operation: Operation): Route {
  return routeOf('open', { method, path }, operation)
}

/** The page of the demo. Whoever proves something there does so to the operation. */
export function demo(method: Method, path: string, operation: Operation): Route {
  return routeOf('demo', { method, path }, operation)
}

/** Admission gives each kind of route its kind of caller, which is why the type may be dropped here. */
function routeOf<Caller>(
  access: Access,
  at: { method: Method; path: string },
  operation: Operation<Caller>,
): Route {
  return { access, ...at, operation: operation as Operation }
}
