/**
 * An operation: what one endpoint takes, answers and does, free of any HTTP framework. Rooms export operations from
 * their `*.routes.ts`; `http/routes.ts` gives each its method and path.
 */

import type { Static, TSchema } from 'typebox'
import type { Personal } from './personal.ts'
import type { Reply } from './reply.ts'

export interface OperationSchema {
  readonly params?: TSchema
  readonly query?: TSchema
  readonly body?: TSchema
  readonly headers?: TSchema
  /** Answer bodies by status. Bodies are serialised by them: a key that is not declared does not leave the server. */
  readonly answers: { readonly [status: number]: TSchema }
}

type Parsed<Schema> = Schema extends TSchema ? Static<Schema> : undefined

/** One call of an operation. `caller` is who the authentication found: an app, an operator, or nobody. */
export interface Call<Schema extends OperationSchema = OperationSchema, Caller = unknown> {
  readonly caller: Caller
  readonly params: Parsed<Schema['params']>
  readonly query: Parsed<Schema['query']>
  readonly body: Parsed<Schema['body']>
  /** A request header by its lower-case name; undefined when absent. */
  header(name: string): string | undefined
  /** The caller's network address, seen through trusted proxies only. */
  readonly address: Personal<string, 'where a call came from'>
}

export interface Operation<Caller = unknown, Schema extends OperationSchema = OperationSchema> {
  /** Stable name in the OpenAPI document, for generated clients. */
  readonly id: string
  readonly summary: string
  readonly description?: string
  readonly schema: Schema
  /** Bytes of the longest body that it reads; absent: `bodyBytesMax`. */
  readonly bodyBytesMax?: number
  handle(call: Call<Schema, Caller>): Promise<Reply> | Reply
}

/** Ties a handler to its schema's types. */
export function operation<Caller, const Schema extends OperationSchema>(
  definition: Operation<Caller, Schema>,
): Operation<Caller> {
  return definition as unknown as Operation<Caller>
}
