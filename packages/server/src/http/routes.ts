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
import type { Operation } from '../kernel/operation.ts'
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
export interface RoutesDeps extends AdminAppsDeps, HealthDeps, MetricsDeps {
  readonly openApi: () => unknown
}

export function createRoutes(d: RoutesDeps): Route[] {
  return [
    // An operator, with the operator token.
    operator('GET', '/admin/v1/apps', listApps(d)),
    operator('POST', '/admin/v1/apps', createApp(d)),
    operator('GET', '/admin/v1/apps/:app_key', showApp(d)),
    operator('PATCH', '/admin/v1/apps/:app_key', changeApp(d)),
    operator('POST', '/admin/v1/apps/:app_key/rotate-secret', rotateSecret(d)),

    // Anybody.
    open('GET', '/healthz', readHealth()),
    open('GET', '/readyz', readReadiness(d)),
    open('GET', '/metrics', readMetrics(d)),
    open('GET', '/openapi.json', readOpenApi(d.openApi)),
  ]
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

/** Admission gives each kind of route its kind of caller, which is why the type may be dropped here. */
function routeOf<Caller>(
  access: Access,
  at: { method: Method; path: string },
  operation: Operation<Caller>,
): Route {
  return { access, ...at, operation: operation as Operation }
}
