/** The errors of the fake: Apple's reasons, each with the status that it comes with. */

export interface FakeReply {
  readonly status: number
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
}

export interface FakeError {
  readonly reason: FakeReason
  /** Milliseconds since the epoch: since when the token is dead. */
  readonly timestamp?: number
  readonly retryAfterSeconds?: number
}

export function errorReply({ reason, timestamp, retryAfterSeconds }: FakeError): FakeReply {
  return {
    status: FAKE_REASONS[reason],
    body: { reason, ...(timestamp !== undefined && { timestamp }) },
    ...(retryAfterSeconds !== undefined && { headers: { 'retry-after': String(retryAfterSeconds) } }),
  }
}

/** Apple, "Handling notification responses from APNs". The last of 403 is what Apple says in place of the one before. */
export const FAKE_REASONS = {
  BadCollapseId: 400,
  BadDeviceToken: 400,
  BadExpirationDate: 400,
  BadMessageId: 400,
  BadPriority: 400,
  BadTopic: 400,
  DeviceTokenNotForTopic: 400,
  DuplicateHeaders: 400,
  IdleTimeout: 400,
  InvalidPushType: 400,
  MissingDeviceToken: 400,
  MissingTopic: 400,
  PayloadEmpty: 400,
  TopicDisallowed: 400,
  BadCertificate: 403,
  BadCertificateEnvironment: 403,
  ExpiredProviderToken: 403,
  Forbidden: 403,
  InvalidProviderToken: 403,
  MissingProviderToken: 403,
  UnrelatedKeyIdInToken: 403,
  BadEnvironmentKeyIdInToken: 403,
  BadEnvironmentKeyInToken: 403,
  BadPath: 404,
  MethodNotAllowed: 405,
  ExpiredToken: 410,
  Unregistered: 410,
  PayloadTooLarge: 413,
  TooManyProviderTokenUpdates: 429,
  TooManyRequests: 429,
  InternalServerError: 500,
  ServiceUnavailable: 503,
  Shutdown: 503,
} as const

export type FakeReason = keyof typeof FAKE_REASONS
