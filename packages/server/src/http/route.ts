/** One line of the routing table: who may call which method and path, and the operation that answers. */

import type { Operation } from '../kernel/operation.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Who may call: the customer's server, a user's client, an operator, anybody, or the demo's page, which is no part of the API. */
export type Access = 'server' | 'client' | 'operator' | 'open' | 'demo'

export interface Route {
  readonly access: Access
  readonly method: Method
  /** Parameters are written `:name`; `client` paths have an `:app_key`. */
  readonly path: string
  readonly operation: Operation
}
