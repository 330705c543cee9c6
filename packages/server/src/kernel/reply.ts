/** What an operation answers, before any HTTP framework sees it. */

import { type ErrorName, errorBody, errors } from '@lethe/protocol/errors.ts'

export interface Reply {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export function answer(body: unknown, headers?: Record<string, string>): Reply {
  return { status: 200, body, ...(headers ? { headers } : {}) }
}

export function created(body: unknown): Reply {
  return { status: 201, body }
}

/** The catalogue's error of that name; `message` says more than the catalogue's own sentence where it can. */
export function refuse(name: ErrorName, message?: string, headers?: Record<string, string>): Reply {
  return { status: errors[name].status, body: errorBody(name, message), ...(headers ? { headers } : {}) }
}

/** The body of every mutation that has nothing to tell: exactly the documented one. */
export const SUCCESS = { success: true } as const
