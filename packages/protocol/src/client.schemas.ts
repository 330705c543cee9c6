/** Client API: what a user's own browser or phone sends and gets, without the master secret. */
import { type Static, Type } from 'typebox'
import {
  Alias,
  AliasOrClear,
  AppKey,
  closed,
  factField,
  localeField,
  SuccessAnswer,
  Tag,
  TagsChangeOrClear,
  timeField,
} from './fields.ts'
import { endpointCharactersMax, tagsPerDeviceCallMax, tokenCharactersMax } from './limits.ts'
import { notificationPermissions } from './notification-permission.ts'
import { platforms } from './platform.ts'

export const ClientAppParams = Type.Object({ app_key: AppKey }, { description: 'Names the app.' })
export type ClientAppParams = Static<typeof ClientAppParams>

export const ClientDeviceParams = Type.Object(
  {
    app_key: AppKey,
    registration_id: Type.String({ description: 'The registration id of the user who calls.' }),
  },
  { description: 'Names the app and the user who calls.' },
)
export type ClientDeviceParams = Static<typeof ClientDeviceParams>

export const SubscriptionBody = Type.Object(
  {
    endpoint: Type.String({
      maxLength: endpointCharactersMax,
      description: 'The address of the push service: https, without credentials and fragment.',
    }),
    expirationTime: Type.Optional(
      Type.Number({ description: 'Accepted since browsers may send it; not kept. Milliseconds since 1970.' }),
    ),
    keys: Type.Object(
      {
        p256dh: Type.String({
          maxLength: 100,
          description: 'The public key of the browser, base64url, 65 bytes.',
        }),
        auth: Type.String({
          maxLength: 30,
          description: 'The shared secret of the browser, base64url, 16 bytes.',
        }),
      },
      { ...closed, description: 'The keys of the subscription.' },
    ),
  },
  { ...closed, description: "A Web Push subscription, as the browser's toJSON() gives it." },
)
export type SubscriptionBody = Static<typeof SubscriptionBody>

const facts = {
  os: Type.Optional(factField('The operating system and its version.')),
  browser: Type.Optional(factField('The browser and its version.')),
  model: Type.Optional(factField('The model of the device.')),
  app_version: Type.Optional(factField('The version of the app or site.')),
  sdk_version: Type.Optional(factField('The version of the SDK.')),
  language: Type.Optional(localeField('The language of the user, a BCP 47 tag such as zh-Hans-CN.')),
  timezone: Type.Optional(localeField('The time zone of the user, an IANA name such as Asia/Shanghai.')),
  notification_permission: Type.Optional(
    Type.Enum([...notificationPermissions], { description: 'Whether the user allows notifications.' }),
  ),
}

const channel = {
  subscription: Type.Optional(SubscriptionBody),
  token: Type.Optional(
    Type.String({ maxLength: tokenCharactersMax, description: "The vendor's push token; not on the web." }),
  ),
  apns_production: Type.Optional(
    Type.Boolean({
      description: "Whether the token belongs to Apple's production service; only with a token on ios.",
    }),
  ),
}

/** POST /client/v1/apps/{app_key}/registrations */
export const RegistrationBody = Type.Object(
  {
    platform: Type.Enum([...platforms], { description: 'The platform of the user.' }),
    ...channel,
    ...facts,
    tags: Type.Optional(
      Type.Array(Tag, { maxItems: tagsPerDeviceCallMax, description: 'Tags to begin with.' }),
    ),
    alias: Type.Optional(Alias),
  },
  {
    ...closed,
    description:
      'A new user. Without a subscription (web) or token (other platforms) the user exists but cannot be reached yet.',
  },
)
export type RegistrationBody = Static<typeof RegistrationBody>

export const RegistrationAnswer = Type.Object(
  {
    registration_id: Type.String({ description: 'The id of the new user. It is never issued again.' }),
    device_secret: Type.String({ description: 'Proves later calls of this user. It is told only here.' }),
  },
  { ...closed, description: 'The new user.' },
)
export type RegistrationAnswer = Static<typeof RegistrationAnswer>

function known(description: string) {
  return Type.Union([Type.String({ description }), Type.Null()], {
    description: `${description} Null if unknown.`,
  })
}

/** GET /client/v1/apps/{app_key}/registrations/{registration_id} */
export const ClientDeviceAnswer = Type.Object(
  {
    registration_id: Type.String({ description: 'The id of the user.' }),
    platform: Type.Enum([...platforms], { description: 'The platform of the user.' }),
    tags: Type.Array(Tag, { description: 'All tags of the user.' }),
    alias: Type.String({ description: 'The alias of the user; the empty string if there is none.' }),
    os: known('The operating system and its version.'),
    browser: known('The browser and its version.'),
    model: known('The model of the device.'),
    app_version: known('The version of the app or site.'),
    sdk_version: known('The version of the SDK.'),
    language: known('The language of the user, a BCP 47 tag.'),
    timezone: known('The time zone of the user, an IANA name.'),
    notification_permission: Type.Union([Type.Enum([...notificationPermissions]), Type.Null()], {
      description: 'Whether the user allows notifications. Null if unknown.',
    }),
    created_at: timeField('When the user was registered.'),
    last_seen_at: timeField('When the user last called.'),
    reachable: Type.Boolean({
      description: 'Whether there is a subscription or token by which the user gets pushes.',
    }),
  },
  { ...closed, description: 'Everything that is kept about the user who calls, except keys and secrets.' },
)
export type ClientDeviceAnswer = Static<typeof ClientDeviceAnswer>

/** PUT /client/v1/apps/{app_key}/registrations/{registration_id} */
export const ClientDeviceBody = Type.Object(
  {
    ...channel,
    ...facts,
    tags: Type.Optional(TagsChangeOrClear),
    alias: Type.Optional(AliasOrClear),
  },
  { ...closed, description: 'What has changed. An empty object only says that the user is there.' },
)
export type ClientDeviceBody = Static<typeof ClientDeviceBody>

export const ClientDeviceSetAnswer = SuccessAnswer
export type ClientDeviceSetAnswer = Static<typeof ClientDeviceSetAnswer>

/** DELETE /client/v1/apps/{app_key}/registrations/{registration_id} */
export const ClientDeviceDeleteAnswer = SuccessAnswer
export type ClientDeviceDeleteAnswer = Static<typeof ClientDeviceDeleteAnswer>

/** GET /client/v1/apps/{app_key} */
export const ClientAppAnswer = Type.Object(
  {
    app_key: AppKey,
    vapid_public_key: Type.Union([Type.String({ description: 'Base64url of 65 bytes.' }), Type.Null()], {
      description:
        'The key that a browser subscribes with (applicationServerKey). Null if the app has no web push.',
    }),
  },
  { ...closed, description: 'What anyone may know about the app.' },
)
export type ClientAppAnswer = Static<typeof ClientAppAnswer>
