/** Operator API, channels of an app: which are set, and what each needs to speak to its vendor. */
import { type Static, Type } from 'typebox'
import { AppKey, closed, SuccessAnswer, timeField } from './fields.ts'

/** The channels as they are written in paths and answers. The socket needs no credentials and is not among them. */
export const channelWords = ['web-push', 'fcm', 'apns', 'stub'] as const
export type ChannelWord = (typeof channelWords)[number]

export const AppChannelParams = Type.Object(
  {
    app_key: AppKey,
    channel: Type.String({ description: `One of ${channelWords.join(', ')}.` }),
  },
  { description: 'Names one channel of an app.' },
)
export type AppChannelParams = Static<typeof AppChannelParams>

function fact(description: string) {
  return Type.Optional(Type.String({ description }))
}

/** What may be shown of credentials; no secret is ever answered. */
export const ChannelFacts = Type.Object(
  {
    public_key: fact('Web Push: the key that browsers subscribe with, base64url of 65 bytes.'),
    subject: fact('Web Push: where push services reach the operator, a mailto: or https: URL.'),
    project_id: fact('FCM: the project.'),
    client_email: fact('FCM: the service account.'),
    key_id: fact('APNs: the id of the signing key.'),
    team_id: fact('APNs: the team that the key belongs to.'),
    topic: fact('APNs: the bundle id of the app.'),
    endpoint: fact('FCM and APNs: the origin that is called.'),
  },
  { ...closed, description: 'What may be shown of the credentials.' },
)
export type ChannelFacts = Static<typeof ChannelFacts>

/** PUT /admin/v1/apps/{app_key}/channels/… */
export const ChannelAnswer = Type.Object(
  {
    channel: Type.Enum([...channelWords], { description: 'The channel.' }),
    revision: Type.Integer({ minimum: 1, description: 'Rises with every change.' }),
    changed_at: timeField('When the credentials were set.'),
    facts: ChannelFacts,
  },
  { ...closed, description: 'A channel that is set.' },
)
export type ChannelAnswer = Static<typeof ChannelAnswer>

/** GET /admin/v1/apps/{app_key}/channels */
export const ChannelsAnswer = Type.Object(
  { channels: Type.Array(ChannelAnswer, { description: 'The channels that are set.' }) },
  { ...closed, description: 'The channels of the app.' },
)
export type ChannelsAnswer = Static<typeof ChannelsAnswer>

const Endpoint = Type.Optional(
  Type.String({ description: 'An origin to call instead of the vendor, for trying out; https.' }),
)

/** PUT /admin/v1/apps/{app_key}/channels/web-push */
export const WebPushBody = Type.Object(
  {
    public_key: Type.Optional(
      Type.String({ description: 'The public key of the pair, base64url of 65 bytes.' }),
    ),
    private_key: Type.Optional(
      Type.String({ description: 'The private key of the pair, base64url of 32 bytes.' }),
    ),
    subject: Type.Optional(
      Type.String({ description: 'Where push services reach the operator, a mailto: or https: URL.' }),
    ),
  },
  { ...closed, description: 'What to change of the key pair (VAPID, RFC 8292); the rest stays.' },
)
export type WebPushBody = Static<typeof WebPushBody>

/** PUT /admin/v1/apps/{app_key}/channels/fcm; Google adds keys to its file from time to time. */
export const FcmBody = Type.Object(
  {
    type: Type.String({ description: 'service_account.' }),
    project_id: Type.String({ description: 'The project.' }),
    client_email: Type.String({ description: 'The service account.' }),
    private_key: Type.String({ description: 'The private key of the service account, PEM.' }),
    token_uri: Type.String({ description: 'Where Google gives access tokens; https.' }),
    endpoint: Endpoint,
  },
  {
    additionalProperties: true,
    description: 'The JSON file of a service account, as Google gives it.',
  },
)
export type FcmBody = Static<typeof FcmBody>

/** PUT /admin/v1/apps/{app_key}/channels/apns */
export const ApnsBody = Type.Object(
  {
    key: Type.String({ description: 'The text of the .p8 file, PEM.' }),
    key_id: Type.String({ description: 'The id of the key, 10 characters.' }),
    team_id: Type.String({ description: 'The id of the team, 10 characters.' }),
    topic: Type.String({ description: 'The bundle id of the app.' }),
    endpoint: Endpoint,
  },
  { ...closed, description: 'The signing key of a team at Apple, and the app that it is used for.' },
)
export type ApnsBody = Static<typeof ApnsBody>

/** PUT /admin/v1/apps/{app_key}/channels/stub */
export const StubBody = Type.Object({}, { ...closed, description: 'The stub needs nothing.' })
export type StubBody = Static<typeof StubBody>

/** DELETE /admin/v1/apps/{app_key}/channels/{channel} */
export const RemoveChannelQuery = Type.Object(
  {
    confirm: Type.Optional(
      Type.Literal('true', { description: 'Needed for web-push, whose removal cannot be undone.' }),
    ),
  },
  { description: 'Whether it is meant.' },
)
export type RemoveChannelQuery = Static<typeof RemoveChannelQuery>

export const RemoveChannelAnswer = SuccessAnswer
export type RemoveChannelAnswer = Static<typeof RemoveChannelAnswer>
