/**
 * The catalogue of every error that Lethe answers with: its number, its HTTP status and its words. It is keyed by name,
 * because one number can carry several statuses. Which case leads to which error is decided by the rooms.
 *
 * The numbers are those of the EngageLab Push API v4. Where its table and its page of HTTP statuses contradict each
 * other (23008 and 23009 are listed as 400), the page of statuses wins: 429 and 403. Numbers from 29000 up are Lethe's.
 */
import { type Static, Type } from 'typebox'

/** One line of the catalogue. `message` is what callers read; `meaning` is what the reference page says about it. */
export type ErrorEntry = {
  readonly code: number
  readonly status: number
  readonly message: string
  readonly meaning: string
}

export const errors = {
  overrideInvalid: {
    code: 1003,
    status: 400,
    message: 'the message to override does not exist or is older than a day',
    meaning:
      '`override_msg_id` names no message of the app of the last day, or one that was withdrawn. Nothing was sent. The number is the documented one.',
  },
  registrationIdUnknown: {
    code: 20101,
    status: 400,
    message: 'registration id is unknown to this app',
    meaning: 'The id was never one of this app, belongs to another app, or its user was deleted.',
  },
  registrationIdUnknownToClient: {
    code: 20101,
    status: 404,
    message: 'registration id is unknown to this app',
    meaning: 'Client API: the id was never one of this app. The SDK drops it and registers afresh.',
  },
  userDeleted: {
    code: 20101,
    status: 410,
    message: 'the user with this registration id was deleted',
    meaning: 'Client API: the user was deleted for good. The SDK drops the id; it is never issued again.',
  },
  pathUnknown: {
    code: 21001,
    status: 404,
    message: 'this path does not exist',
    meaning: 'No endpoint has this path.',
  },
  methodNotAllowed: {
    code: 21001,
    status: 405,
    message: 'this path does not answer to this method',
    meaning: 'The path exists, but not with this HTTP method; the header Allow names those it has.',
  },
  upgradeRequired: {
    code: 21001,
    status: 426,
    message: 'this path answers to WebSocket only',
    meaning:
      'Client API: the request does not ask for a WebSocket of version 13, or a proxy on the way did not pass that on.',
  },
  parameterMissing: {
    code: 21002,
    status: 400,
    message: 'a required parameter is missing',
    meaning: 'A required parameter is absent or null; the message names it.',
  },
  parameterInvalid: {
    code: 21003,
    status: 400,
    message: 'the value of a parameter is not valid',
    meaning:
      'A value breaks a rule or passes a limit; the message names the parameter, the limit and the value.',
  },
  oneRegistrationIdPerRequest: {
    code: 21003,
    status: 400,
    message: 'one registration id per request: 1 to 64 characters of A-Z a-z 0-9 _ -',
    meaning: 'The path holds no id, a list, a wildcard or something too long. Nothing was read or changed.',
  },
  credentialsWrong: {
    code: 21004,
    status: 401,
    message: 'verification failed: the credentials are wrong',
    meaning: 'AppKey and master secret, or the device secret, do not fit.',
  },
  operatorTokenWrong: {
    code: 21004,
    status: 401,
    message: 'verification failed: the operator token is wrong',
    meaning: 'Operator API: the bearer token is not the operator token. An app has no access here.',
  },
  bodyTooLarge: {
    code: 21005,
    status: 400,
    message: 'the body is too large',
    meaning: 'The body has more bytes than this endpoint reads; the message names the limit.',
  },
  contentTooLarge: {
    code: 21005,
    status: 400,
    message: 'the notification or message is too large',
    meaning: 'What one platform gets has too many bytes; the message names the part and the limit.',
  },
  appUnknown: {
    code: 21008,
    status: 404,
    message: 'no app has this app key',
    meaning: 'The app key in the path belongs to no app of this server.',
  },
  targetNone: {
    code: 21011,
    status: 400,
    message: 'no user who can be reached fits the audience',
    meaning:
      'The audience is empty on these platforms: nobody fits, or those who do have no channel. Nothing was sent.',
  },
  parameterUnknown: {
    code: 21015,
    status: 400,
    message: 'the body holds a parameter that this endpoint does not know',
    meaning: 'An unexpected key; the message names it. A misspelt key is never silently ignored.',
  },
  parameterType: {
    code: 21016,
    status: 400,
    message: 'a parameter has the wrong type',
    meaning: 'A value of the wrong JSON type; the message names the parameter and the type it needs.',
  },
  bodyNotJson: {
    code: 21016,
    status: 400,
    message: 'the body is not valid JSON',
    meaning: 'The body could not be read as JSON in UTF-8.',
  },
  contentTypeUnsupported: {
    code: 21016,
    status: 400,
    message: 'the content type must be application/json',
    meaning: 'The body was sent with another content type.',
  },
  storageUnavailable: {
    code: 21030,
    status: 503,
    message: 'storage is not available: nothing was changed',
    meaning: 'The database could not be reached or refused the write. Repeating the call later is safe.',
  },
  outcomeUnknown: {
    code: 21030,
    status: 503,
    message: 'may have been accepted; repeat the call',
    meaning:
      'The connection broke during the commit and its outcome could not be found out. Repeat the call.',
  },
  liveActivityNotAlone: {
    code: 21054,
    status: 400,
    message: 'live_activity cannot be pushed together with other content',
    meaning: 'A push has one kind of content; this one has a live activity and another.',
  },
  voipNotAlone: {
    code: 21057,
    status: 400,
    message: 'voip cannot be pushed together with other content',
    meaning: 'A push has one kind of content; this one has a call and another.',
  },
  notificationWithMessage: {
    code: 21306,
    status: 401,
    message: 'notification and message cannot be pushed together',
    meaning: 'A push has one kind of content; send two. The status is the documented one.',
  },
  cidInvalid: {
    code: 23003,
    status: 400,
    message: 'cid has the wrong format',
    meaning: 'The `cid` is empty, too long or has other characters than A-Z a-z 0-9 _ -.',
  },
  bigPushDurationInvalid: {
    code: 23006,
    status: 400,
    message: 'big_push_duration is out of range',
    meaning: 'A push is spread over 0 to 1440 minutes.',
  },
  rateLimited: {
    code: 23008,
    status: 429,
    message: 'too many requests',
    meaning: 'The rate limit was passed; the header Retry-After says after how many seconds to come back.',
  },
  addressNotAllowed: {
    code: 23009,
    status: 403,
    message: 'this address is not on the list of allowed addresses of the app',
    meaning: 'The app answers its server API to listed addresses only, and the caller has another one.',
  },
  originNotAllowed: {
    code: 23009,
    status: 403,
    message: 'this origin is not on the list of origins of the app',
    meaning: 'Client API: the page that calls has an origin that the operator has not listed.',
  },
  credentialsMissing: {
    code: 27001,
    status: 401,
    message: 'verification information is missing',
    meaning: 'The header Authorization is absent or empty, or cannot be read.',
  },
  unforeseen: {
    code: 27002,
    status: 500,
    message: 'unknown error',
    meaning: 'A fault of the server. Its log has the reason; the answer never has.',
  },
  distributionWithoutAlert: {
    code: 27008,
    status: 401,
    message: 'a distribution is chosen and the notification has no alert',
    meaning:
      'Options of `third_party_channel` say how to deliver a text that is not there. The status is the documented one.',
  },
  distributionInvalid: {
    code: 27009,
    status: 401,
    message: 'the distribution is empty or not valid',
    meaning:
      'A distribution in `third_party_channel` is none of the known words. The status is the documented one.',
  },
  deletionGuarded: {
    code: 29001,
    status: 403,
    message: 'the deletion guard of this app has stopped this: nobody was deleted',
    meaning:
      'More users than its budget of 24 hours would be deleted one by one; the message says the figures. An operator can open ' +
      'the guard for a number of deletions, or delete in bulk.',
  },
  userChanged: {
    code: 29002,
    status: 412,
    message: 'the user has changed since it was looked at: nobody was deleted',
    meaning:
      'The header If-Match names another version of the user: its tags, its alias or facts of its device have changed. Look again, ' +
      'and delete with the new ETag if that is still meant.',
  },
  erasureUnknown: {
    code: 29003,
    status: 404,
    message: 'no erasure of this app has this id',
    meaning: 'The erasure id, or the registration id that was asked about, has no erasure in this app.',
  },
  deletionUnknown: {
    code: 29010,
    status: 404,
    message: 'no deletion of this app has this id',
    meaning: 'Operator API: the id names no bulk deletion of the app.',
  },
  deletionStateWrong: {
    code: 29011,
    status: 409,
    message: 'the deletion is in a state in which this cannot be done',
    meaning:
      'Operator API: it was confirmed already, is not running, or has ended; the message tells the state. Nothing was changed.',
  },
  confirmationTokenWrong: {
    code: 29012,
    status: 403,
    message: 'this is not the confirmation token of the plan',
    meaning: 'Operator API: the token belongs to another plan, or was copied wrongly. Nobody is deleted.',
  },
  confirmationExpired: {
    code: 29013,
    status: 409,
    message: 'the plan was not confirmed in time: plan again',
    meaning: 'Operator API: more than ten minutes have passed since the list was frozen. Nobody is deleted.',
  },
  confirmationCountWrong: {
    code: 29014,
    status: 409,
    message: 'the count is not that of the plan',
    meaning:
      'Operator API: the count that was typed is not the number of users on the list. Nobody is deleted.',
  },
  confirmationNameWrong: {
    code: 29015,
    status: 409,
    message: 'every user of the app would be deleted: give the name of the app as well',
    meaning: 'Operator API: the name of the app is missing or wrong. Nobody is deleted.',
  },
  audienceChanged: {
    code: 29016,
    status: 409,
    message: 'the audience has changed since it was checked: check it again',
    meaning: 'Operator API: the fingerprint is not that of the audience as it is now. Nothing is planned.',
  },
} as const satisfies Record<string, ErrorEntry>

export type ErrorName = keyof typeof errors

/** The body of every error: the nested form, the one form that all SDKs decode. */
export const ErrorBody = Type.Object(
  {
    error: Type.Object(
      {
        code: Type.Integer({ description: 'The number of the error.' }),
        message: Type.String({ description: 'What went wrong, for people to read.' }),
      },
      { description: 'The error.' },
    ),
  },
  { description: 'An error answer.' },
)
export type ErrorBody = Static<typeof ErrorBody>

/**
 * The body that answers the named error. `message` replaces the catalogue's words where the case has better ones, such
 * as a limit and a value. An unforeseen error always says exactly "unknown error": its reason is for the log alone.
 */
export function errorBody(name: ErrorName, message?: string): ErrorBody {
  const entry: ErrorEntry = errors[name]
  const words = name === 'unforeseen' ? entry.message : (message ?? entry.message)
  return { error: { code: entry.code, message: words } }
}
