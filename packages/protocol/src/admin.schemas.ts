/** Operator API, apps: make them, read and change their settings, change their secret. */
import { type Static, Type } from 'typebox'
import { AppKey, closed, timeField } from './fields.ts'
import {
  allowedAddressesMax,
  appKeyCharactersMax,
  appNameCharactersMax,
  masterSecretCharactersMax,
  originsMax,
} from './limits.ts'

/** The largest limit that can be set (ours: the integers that every language and both databases read exactly). */
const limitMax = 2 ** 31 - 1

function limitField(description: string, minimum = 1) {
  return Type.Integer({ minimum, maximum: limitMax, description })
}

/** The limits of an app on the wire; `AppLimits` in `limits.ts` is the same inside. */
export const AppLimitsAnswer = Type.Object(
  {
    tags_per_device: limitField('Tags that one user may carry.'),
    tags_per_app: limitField('Different tags in the app.'),
    devices_per_tag: limitField('Users that may carry one tag.'),
    aliases_per_app: limitField('Aliases in the app.'),
    tag_bytes: limitField('Bytes of UTF-8 in a tag.'),
    alias_bytes: limitField('Bytes of UTF-8 in an alias.'),
    requests_per_second: limitField(
      'Requests per second to the server API, on each node; 0 means no limit.',
      0,
    ),
  },
  { ...closed, description: 'The limits of the app.' },
)
export type AppLimitsAnswer = Static<typeof AppLimitsAnswer>

const AllowedAddresses = Type.Array(
  Type.String({ maxLength: 43, description: 'An IP address, or a range in CIDR notation.' }),
  {
    maxItems: allowedAddressesMax,
    description: 'Addresses from which the server API may be called. Empty: from everywhere.',
  },
)

const Origins = Type.Array(
  Type.String({
    maxLength: 300,
    pattern: '^(?:\\*|(?:https?|capacitor)://(?:[a-z0-9.-]+|\\[[0-9a-f:.]+\\])(?::[0-9]{1,5})?)$',
    description: 'An origin such as https://shop.example, without a path; * for every origin.',
  }),
  {
    maxItems: originsMax,
    description:
      "Origins of the pages that may use the client API, besides the server's own. Apps on phones have none, but for those in a " +
      'web view: capacitor://localhost.',
  },
)

/** Settings to change: what is absent stays as it is, a list replaces the whole list. */
export const AppSettingsBody = Type.Object(
  {
    allowed_addresses: Type.Optional(AllowedAddresses),
    origins: Type.Optional(Origins),
    limits: Type.Optional(
      Type.Partial(AppLimitsAnswer, { ...closed, description: 'Limits to change; the others stay.' }),
    ),
  },
  { ...closed, description: 'Settings to change; the others stay.' },
)
export type AppSettingsBody = Static<typeof AppSettingsBody>

export const AppSettingsAnswer = Type.Object(
  { allowed_addresses: AllowedAddresses, origins: Origins, limits: AppLimitsAnswer },
  { ...closed, description: 'All settings of the app.' },
)
export type AppSettingsAnswer = Static<typeof AppSettingsAnswer>

const AppName = Type.String({
  minLength: 1,
  maxLength: appNameCharactersMax,
  pattern: '^[^\\u0000-\\u001f\\u007f]*$',
  description: 'The name of the app, for people.',
})

// Basic authentication ends the user name at the first colon, and `group-` begins the names of groups of apps.
const appKeyPattern = `^(?!group-)[!-9;-~]{1,${appKeyCharactersMax}}$`
const masterSecretPattern = `^[!-~]{1,${masterSecretCharactersMax}}$`

export const AdminAppParams = Type.Object({ app_key: AppKey }, { description: 'Names the app.' })
export type AdminAppParams = Static<typeof AdminAppParams>

/** POST /admin/v1/apps */
export const CreateAppBody = Type.Object(
  {
    name: AppName,
    app_key: Type.Optional(
      Type.String({
        pattern: appKeyPattern,
        description:
          'The app key to use, printable ASCII without colon. Absent: 24 hex characters are minted.',
      }),
    ),
    master_secret: Type.Optional(
      Type.String({
        pattern: masterSecretPattern,
        description: 'The master secret to use, printable ASCII. Absent: 24 hex characters are minted.',
      }),
    ),
    settings: Type.Optional(AppSettingsBody),
  },
  { ...closed, description: 'A new app.' },
)
export type CreateAppBody = Static<typeof CreateAppBody>

const appFields = {
  app_key: AppKey,
  name: Type.String({ description: 'The name of the app, for people.' }),
  settings: AppSettingsAnswer,
  created_at: timeField('When the app was made.'),
}

const MasterSecret = Type.String({ description: 'The master secret. It is told only here.' })

export const CreateAppAnswer = Type.Object(
  { ...appFields, master_secret: MasterSecret },
  { ...closed, description: 'The new app and its secret.' },
)
export type CreateAppAnswer = Static<typeof CreateAppAnswer>

/** GET and PATCH /admin/v1/apps/{app_key} */
export const AppAnswer = Type.Object(appFields, { ...closed, description: 'An app, without its secret.' })
export type AppAnswer = Static<typeof AppAnswer>

/** GET /admin/v1/apps */
export const AppsAnswer = Type.Object(
  { apps: Type.Array(AppAnswer, { description: 'All apps, the oldest first.' }) },
  { ...closed, description: 'The apps of this server.' },
)
export type AppsAnswer = Static<typeof AppsAnswer>

/** PATCH /admin/v1/apps/{app_key} */
export const ChangeAppBody = Type.Object(
  { name: Type.Optional(AppName), settings: Type.Optional(AppSettingsBody) },
  { ...closed, description: 'What to change; the rest stays.' },
)
export type ChangeAppBody = Static<typeof ChangeAppBody>

/** POST /admin/v1/apps/{app_key}/rotate-secret; it takes no body. */
export const RotateSecretAnswer = Type.Object(
  { app_key: AppKey, master_secret: MasterSecret },
  { ...closed, description: 'The new secret. The old one has no access from now on.' },
)
export type RotateSecretAnswer = Static<typeof RotateSecretAnswer>
