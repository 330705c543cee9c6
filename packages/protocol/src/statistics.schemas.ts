/** Statistics: what became of messages, how many users there are by day, and the events that clients report. */
import { type Static, Type } from 'typebox'
import { closed, queryListField, SuccessAnswer } from './fields.ts'
import type { Platform } from './platform.ts'
import {
  eventsPerReportMax,
  eventTokenCharactersMax,
  messagesPerStatisticsMax,
  registrationIdsPerStatisticsMax,
} from './statistics-limits.ts'

/** The channels of each platform, by the keys under which the statistics of a message count them; the first is our own. */
export const channelKeys = {
  android: ['engageLab_android', 'xiaomi', 'huawei', 'honor', 'meizu', 'oppo', 'vivo', 'fcm'],
  ios: ['engageLab_ios', 'apns'],
  hmos: ['engageLab_hmos', 'harmonyos'],
  web: ['engageLab_web', 'chrome', 'safari', 'firefox', 'edge', 'opera'],
} as const satisfies Record<Platform, readonly string[]>

/**
 * What became of a message at a user, as it stands in answers. EngageLab documents no list: `sent`, `delivered` and `failed` are
 * what the official SDKs test with; the names of the last two are ours.
 */
export const lifecycleStatuses = ['sent', 'failed', 'delivered', 'shown', 'clicked'] as const

const MessageIdsQuery = queryListField(
  `The ids of messages, repeated or joined by commas: 1 to ${messagesPerStatisticsMax}.`,
)

/** GET /v4/status/detail, GET /v4/messages/details and GET /v4/status/batch/message */
export const MessagesQuery = Type.Object(
  { message_ids: Type.Optional(MessageIdsQuery) },
  { description: 'Which messages.' },
)
export type MessagesQuery = Static<typeof MessagesQuery>

const counter = (description: string) => Type.Integer({ minimum: 0, description })
const targets = counter('Users to whom it was to be sent.')
const clicks = counter('Users who clicked it.')
const reached = {
  sent: counter('Users for whom a channel has taken it.'),
  delivered: counter('Users whose client has it.'),
  impressions: counter('Users to whom it was shown.'),
}

const ChannelCounters = Type.Object(
  { targets, ...reached, clicks },
  { ...closed, description: 'The counters of one channel.' },
)
export type ChannelCounters = Static<typeof ChannelCounters>

function subOf<const Keys extends readonly string[]>(keys: Keys) {
  const properties = Object.fromEntries(keys.map((key) => [key, ChannelCounters]))
  return Type.Object(properties as { [Key in Keys[number]]: typeof ChannelCounters }, {
    ...closed,
    description: 'Counters by channel.',
  })
}

const KindCounters = Type.Object(
  {
    target: targets,
    targets,
    ...reached,
    click: clicks,
    clicks,
    sub_android: subOf(channelKeys.android),
    sub_ios: subOf(channelKeys.ios),
    sub_hmos: subOf(channelKeys.hmos),
    sub_web: subOf(channelKeys.web),
  },
  { ...closed, description: 'Counters; both spellings are there, since SDKs differ.' },
)
export type KindCounters = Static<typeof KindCounters>

export const MessageStatisticsAnswer = Type.Record(
  Type.String(),
  Type.Object(
    {
      targets,
      ...reached,
      clicks,
      pushContent: Type.Optional(
        Type.Object(
          { platform: Type.Array(Type.String(), { description: 'The platforms of the push.' }) },
          {
            additionalProperties: true,
            description:
              'What was said, with the key `notification` or `message`. Absent once it is forgotten: with the last user whom the push named.',
          },
        ),
      ),
      sub: Type.Object(
        { notification: Type.Optional(KindCounters), message: Type.Optional(KindCounters) },
        { ...closed, description: 'Counters under the kind of the push.' },
      ),
    },
    { ...closed, description: 'The statistics of one message.' },
  ),
  { description: 'By message id. Ids that are unknown, of another app, or too old are left out.' },
)
export type MessageStatisticsAnswer = Static<typeof MessageStatisticsAnswer>

const lifecycle = {
  status: Type.Enum([...lifecycleStatuses], {
    description: 'The last thing that is known to have happened.',
  }),
  error_message: Type.Optional(Type.String({ description: 'Why it failed, in the word of the vendor.' })),
  itime: Type.Integer({ description: 'When that was, in seconds since 1970.' }),
  channel: Type.String({ description: 'The channel, by its key in the statistics of a message.' }),
}

/** GET /v4/status/message */
export const MessageLifecycleQuery = Type.Object(
  {
    message_id: Type.Optional(Type.String({ description: 'The id of the message.' })),
    registration_ids: Type.Optional(
      queryListField(
        `Registration ids, repeated or joined by commas: 1 to ${registrationIdsPerStatisticsMax}, as far as they fit into the head of a request, 16 kB.`,
      ),
    ),
  },
  { description: 'Which message, and at whom.' },
)
export type MessageLifecycleQuery = Static<typeof MessageLifecycleQuery>

export const MessageLifecycleAnswer = Type.Record(
  Type.String(),
  Type.Object(lifecycle, { ...closed, description: 'What became of the message at one user.' }),
  { description: 'By registration id. Ids that are unknown, deleted, or no target are left out.' },
)
export type MessageLifecycleAnswer = Static<typeof MessageLifecycleAnswer>

/** GET /v4/status/batch/message */
export const MessageRowsAnswer = Type.Array(
  Type.Object(
    {
      message_id: Type.String({ description: 'The id of the message.' }),
      registration_id: Type.String({ description: 'The user.' }),
      ...lifecycle,
    },
    { ...closed, description: 'What became of one message at one user.' },
  ),
  { description: 'Message by message, as they were asked for, and within one by registration id.' },
)
export type MessageRowsAnswer = Static<typeof MessageRowsAnswer>

/** GET /v4/status/users */
export const UserStatisticsQuery = Type.Object(
  {
    time_unit: Type.Optional(Type.String({ description: 'DAY or MONTH, in any case.' })),
    start: Type.Optional(
      Type.String({ description: 'The first day, yyyy-MM-dd, or month, yyyy-MM; in UTC.' }),
    ),
    duration: Type.Optional(Type.String({ description: 'How many days (1 to 60) or months (1 or 2).' })),
  },
  { description: 'Which days or months.' },
)
export type UserStatisticsQuery = Static<typeof UserStatisticsQuery>

const UserCounters = Type.Object(
  {
    new: counter('Users who were registered.'),
    active: counter('Users who were there: in a month, each counts once for each of its days.'),
    online: counter('The same as active.'),
  },
  { ...closed, description: 'The users of one platform.' },
)

export const UserStatisticsAnswer = Type.Object(
  {
    TimeUnit: Type.Enum(['DAY', 'MONTH'], { description: 'What each item is about.' }),
    start: Type.String({ description: 'The first day or month.' }),
    duration: Type.Integer({ description: 'How many items there are.' }),
    items: Type.Array(
      Type.Object(
        {
          time: Type.String({ description: 'The day or month.' }),
          android: UserCounters,
          ios: UserCounters,
          hmos: UserCounters,
          web: UserCounters,
        },
        { ...closed, description: 'One day or month.' },
      ),
      { description: 'Every day or month that was asked for, in their order.' },
    ),
  },
  { ...closed, description: 'How many users came and were there. Deletions do not change what was counted.' },
)
export type UserStatisticsAnswer = Static<typeof UserStatisticsAnswer>

/** What a client may report of a message. Each includes those before it. */
export const messageEvents = ['delivered', 'shown', 'clicked'] as const
export type MessageEvent = (typeof messageEvents)[number]

/** POST /client/v1/apps/{app_key}/registrations/{registration_id}/events */
export const EventsBody = Type.Object(
  {
    events: Type.Array(
      Type.Object(
        {
          msg_id: Type.String({ pattern: '^[1-9][0-9]{0,15}$', description: 'The id of the message.' }),
          event: Type.Enum([...messageEvents], {
            description:
              'What happened. Who clicked has also been shown it, and who was shown it has got it.',
          }),
        },
        { ...closed, description: 'One event.' },
      ),
      {
        minItems: 1,
        maxItems: eventsPerReportMax,
        description: `What happened: 1 to ${eventsPerReportMax} events.`,
      },
    ),
    token: Type.Optional(
      Type.String({
        maxLength: eventTokenCharactersMax,
        description:
          'The event_token that came with the message, for a worker without the device secret. It counts only without the header ' +
          'Authorization, and all events are then of that message.',
      }),
    ),
  },
  { ...closed, description: 'What became of messages at the user who calls.' },
)
export type EventsBody = Static<typeof EventsBody>

export const EventsAnswer = SuccessAnswer
export type EventsAnswer = Static<typeof EventsAnswer>
