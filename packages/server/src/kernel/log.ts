/** The log: an event name and fields. Personal values do not compile as fields; a digest of them does. */

import type { Impersonal } from './personal.ts'

type LogCall = <Fields extends Record<string, unknown>>(
  fields: Fields & Impersonal<Fields>,
  event: string,
) => void

export interface Log {
  debug: LogCall
  info: LogCall
  warn: LogCall
  error: LogCall
}

export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/**
 * What may be said of an error in the log. Drivers put values of rows into their messages, so a message is logged only
 * where it is the program's own; the stack is logged without its message line.
 */
export function errorFields(error: unknown): {
  error: string
  code?: string
  message?: string
  stack?: string
} {
  if (!(error instanceof Error)) return { error: typeof error }
  const code = (error as { code?: unknown }).code
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
  return {
    error: error.name,
    ...(typeof code === 'string' ? { code } : {}),
    ...(OWN_ERRORS.has(error.name) ? { message: error.message } : {}),
    stack: frames.slice(0, STACK_FRAMES_MAX).join('\n'),
  }
}

const OWN_ERRORS = new Set([
  'AssertionFailure',
  'StorageUnavailable',
  'OutcomeUnknown',
  'TypeError',
  'RangeError',
  'ReferenceError',
])

/** Enough to find the place; a bound, so that one fault cannot flood the log. */
const STACK_FRAMES_MAX = 12
