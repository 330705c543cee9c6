/** Server API, sending: push, validate, batch and withdraw, for apps and for the web alike. */
import { type Static, type TSchema, Type } from 'typebox'
import { closed } from './fields.ts'
import { LiveActivityBody, MessageBody, VoipBody } from './message.schemas.ts'
import { freeObject, NotificationBody } from './notification.schemas.ts'
import {
  customArgsCharactersMax,
  fromCharactersMax,
  itemsPerBatchMax,
  requestIdCharactersMax,
} from './push-limits.ts'
import { PushOptionsBody } from './push-options.schemas.ts'

const PlatformField = Type.Union(
  [
    Type.String({ description: 'all, or one of web, android, ios, hmos.' }),
    Type.Array(Type.String({ description: 'A platform.' }), { description: 'Several platforms.' }),
  ],
  {
    description:
      'The platforms that get the push: all, one of web, android, ios and hmos, or a list of them.',
  },
)

const CustomArgs = Type.Union([Type.String({ description: 'A text.' }), freeObject('Any JSON object.')], {
  description: `Data of the caller for callbacks; never sent to a device. At most ${customArgsCharactersMax} characters, an object as JSON.`,
})

/** `body` of a push: what is sent where, and how. */
export const PushContentBody = Type.Object(
  {
    platform: PlatformField,
    notification: Type.Optional(NotificationBody),
    message: Type.Optional(MessageBody),
    live_activity: Type.Optional(LiveActivityBody),
    voip: Type.Optional(VoipBody),
    options: Type.Optional(PushOptionsBody),
  },
  { ...closed, description: 'What is sent: exactly one of notification, message, live_activity and voip.' },
)
export type PushContentBody = Static<typeof PushContentBody>

const envelope = {
  from: Type.Optional(
    Type.String({ maxLength: fromCharactersMax, description: 'The name of the business that sends.' }),
  ),
  body: PushContentBody,
  request_id: Type.Optional(
    Type.String({ maxLength: requestIdCharactersMax, description: "The caller's id, echoed in the answer." }),
  ),
  custom_args: Type.Optional(CustomArgs),
  options: Type.Optional(PushOptionsBody),
  scheduleId: Type.Optional(
    Type.String({ description: 'Accepted since SDKs repeat the id of a schedule here; not used.' }),
  ),
}

/** POST /v4/push and /v4/push/validate. `audience` is the schema of `to`, which a subject of its own describes. */
export function pushBody<Audience extends TSchema>(audience: Audience) {
  return Type.Object(
    { to: audience, ...envelope },
    {
      ...closed,
      description: 'A push. The options belong into body; beside it they are accepted if body has none.',
    },
  )
}

/** A push without its audience. */
const PushEnvelope = Type.Object(envelope, { description: 'A push without its audience.' })
export type PushEnvelope = Static<typeof PushEnvelope>

const BatchItemBody = Type.Object(
  {
    target: Type.String({
      description: 'A registration id or an alias, as the path says. Each only once in a call.',
    }),
    platform: PlatformField,
    notification: Type.Optional(NotificationBody),
    message: Type.Optional(MessageBody),
    options: Type.Optional(PushOptionsBody),
    custom_args: Type.Optional(CustomArgs),
  },
  { ...closed, description: 'A push to one user.' },
)
export type BatchItemBody = Static<typeof BatchItemBody>

/** POST /v4/batch/push/regid and /v4/batch/push/alias */
export const BatchPushBody = Type.Object(
  {
    requests: Type.Array(BatchItemBody, {
      minItems: 1,
      maxItems: itemsPerBatchMax,
      description: `The pushes: 1 to ${itemsPerBatchMax}. Each is judged by itself.`,
    }),
  },
  { ...closed, description: 'Pushes to one user each.' },
)
export type BatchPushBody = Static<typeof BatchPushBody>

const RequestId = Type.Optional(
  Type.String({ description: 'The request_id that was sent. Absent if none was.' }),
)

export const PushAnswer = Type.Object(
  {
    request_id: RequestId,
    msg_id: Type.String({
      pattern: '^[1-9][0-9]{0,15}$',
      description: 'The id of the message, a decimal number.',
    }),
  },
  { ...closed, description: 'The push was accepted.' },
)
export type PushAnswer = Static<typeof PushAnswer>

/** SDKs decode a validation as they decode a push, so it answers with an id that no message has. */
export const ValidatePushAnswer = Type.Object(
  {
    request_id: RequestId,
    msg_id: Type.Literal('0', { description: 'Always "0": nothing was sent.' }),
  },
  { ...closed, description: 'The push would be accepted.' },
)
export type ValidatePushAnswer = Static<typeof ValidatePushAnswer>

const target = Type.String({ description: 'The target as it was sent.' })

const BatchItemAnswer = Type.Union(
  [
    Type.Object(
      {
        target,
        success: Type.Literal(true, { description: 'The push was accepted.' }),
        msg_id: Type.Integer({
          minimum: 1,
          description: 'The id of the message: a number, unlike in a single push.',
        }),
      },
      { ...closed, description: 'An accepted push.' },
    ),
    Type.Object(
      {
        target,
        success: Type.Literal(false, { description: 'The push was refused.' }),
        error: Type.Object(
          {
            code: Type.Integer({ description: 'The number of the error.' }),
            message: Type.String({ description: 'What went wrong, for people to read.' }),
          },
          { ...closed, description: 'The error.' },
        ),
      },
      { ...closed, description: 'A refused push.' },
    ),
  ],
  { description: 'What became of one push.' },
)
export type BatchItemAnswer = Static<typeof BatchItemAnswer>

export const BatchPushAnswer = Type.Object(
  {
    results: Type.Record(Type.String(), BatchItemAnswer, {
      description: 'One entry for each target, by target.',
    }),
    rate_limit_info: Type.Optional(
      Type.Object(
        {
          rate_limit_occurred: Type.Boolean({
            description: 'Whether the rate limit refused any of the pushes.',
          }),
          message: Type.String({ description: 'What that means, for people to read.' }),
        },
        { ...closed, description: 'Absent if the rate limit refused nothing.' },
      ),
    ),
  },
  { ...closed, description: 'What became of the pushes.' },
)
export type BatchPushAnswer = Static<typeof BatchPushAnswer>

export const WithdrawPushParams = Type.Object(
  { msg_id: Type.String({ description: 'The id of the message to take back.' }) },
  { description: 'Names one message of the app.' },
)
export type WithdrawPushParams = Static<typeof WithdrawPushParams>

/** DELETE /v4/push/withdraw/{msg_id} */
export const WithdrawPushAnswer = Type.Object(
  {
    request_id: Type.String({ description: 'Always empty: the call carries none.' }),
    msg_id: Type.String({ description: 'The id of the message that was taken back.' }),
  },
  { ...closed, description: 'The message was taken back.' },
)
export type WithdrawPushAnswer = Static<typeof WithdrawPushAnswer>
