/** The errors of the fake, in the bodies that Google sends. */

import type { Violation } from './fake-message.ts'

export interface FakeReply {
  readonly status: number
  readonly body: object
  readonly headers?: Readonly<Record<string, string>>
}

export interface FakeError {
  readonly status: number
  readonly word: string
  readonly message: string
  /** FCM's own code. */
  readonly fcmCode?: string
  readonly retryAfterSeconds?: number
}

export function errorReply(
  { status, word, message, fcmCode, retryAfterSeconds }: FakeError,
  more: object[] = [],
): FakeReply {
  const details = [...more, ...(fcmCode ? [{ '@type': FCM_ERROR, errorCode: fcmCode }] : [])]
  return {
    status,
    body: { error: { code: status, message, status: word, ...(details.length > 0 && { details }) } },
    ...(retryAfterSeconds !== undefined && { headers: { 'retry-after': String(retryAfterSeconds) } }),
  }
}

export function violationReply({ field, description }: Violation): FakeReply {
  const badRequest = { '@type': BAD_REQUEST, fieldViolations: [{ field, description }] }
  return errorReply(
    { ...FAKE_ERRORS.INVALID_ARGUMENT, message: description },
    field === undefined ? [] : [badRequest],
  )
}

/** The answers of Google's page of error codes. */
export const FAKE_ERRORS = {
  INVALID_ARGUMENT: {
    status: 400,
    word: 'INVALID_ARGUMENT',
    message: 'Request contains an invalid argument.',
    fcmCode: 'INVALID_ARGUMENT',
  },
  UNREGISTERED: {
    status: 404,
    word: 'NOT_FOUND',
    message: 'Requested entity was not found.',
    fcmCode: 'UNREGISTERED',
  },
  SENDER_ID_MISMATCH: {
    status: 403,
    word: 'PERMISSION_DENIED',
    message: 'SenderId mismatch',
    fcmCode: 'SENDER_ID_MISMATCH',
  },
  QUOTA_EXCEEDED: {
    status: 429,
    word: 'RESOURCE_EXHAUSTED',
    message: 'Resource has been exhausted (e.g. check quota).',
    fcmCode: 'QUOTA_EXCEEDED',
  },
  UNAVAILABLE: {
    status: 503,
    word: 'UNAVAILABLE',
    message: 'The service is currently unavailable.',
    fcmCode: 'UNAVAILABLE',
  },
  INTERNAL: {
    status: 500,
    word: 'INTERNAL',
    message: 'Internal error encountered.',
    fcmCode: 'INTERNAL',
  },
  THIRD_PARTY_AUTH_ERROR: {
    status: 401,
    word: 'UNAUTHENTICATED',
    message: 'Request is missing required authentication credential.',
    fcmCode: 'THIRD_PARTY_AUTH_ERROR',
  },
  PERMISSION_DENIED: {
    status: 403,
    word: 'PERMISSION_DENIED',
    message: 'The caller does not have permission',
  },
  NOT_FOUND: {
    status: 404,
    word: 'NOT_FOUND',
    message: 'Requested entity was not found.',
  },
  UNAUTHENTICATED: {
    status: 401,
    word: 'UNAUTHENTICATED',
    message: 'Request had invalid authentication credentials.',
  },
} as const satisfies Record<string, FakeError>

const FCM_ERROR = 'type.googleapis.com/google.firebase.fcm.v1.FcmError'
const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest'
