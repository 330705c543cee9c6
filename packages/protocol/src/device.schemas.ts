/** Server API, devices: read, set and delete a user, ask who is online, register vendors' tokens. */
import { type Static, Type } from 'typebox'
import { AliasOrClear, closed, RegistrationId, SuccessAnswer, Tag, TagsChangeOrClear } from './fields.ts'
import { registrationIdsPerStatusMax, tokensPerCallMax } from './limits.ts'

export const DeviceParams = Type.Object(
  { registration_id: Type.String({ description: 'The registration id of one user. Lists are refused.' }) },
  { description: 'Names one user of the app.' },
)
export type DeviceParams = Static<typeof DeviceParams>

/** GET /v4/devices/{registration_id} */
export const DeviceAnswer = Type.Object(
  {
    tags: Type.Array(Tag, { description: 'All tags of the user; empty if there are none.' }),
    alias: Type.String({ description: 'The alias of the user; the empty string if there is none.' }),
  },
  { ...closed, description: 'Tags and alias of a user.' },
)
export type DeviceAnswer = Static<typeof DeviceAnswer>

/** POST /v4/devices/{registration_id} */
export const SetDeviceBody = Type.Object(
  {
    tags: Type.Optional(TagsChangeOrClear),
    alias: Type.Optional(AliasOrClear),
  },
  { ...closed, description: 'What to change. A key that is absent or null changes nothing.' },
)
export type SetDeviceBody = Static<typeof SetDeviceBody>

export const SetDeviceAnswer = SuccessAnswer
export type SetDeviceAnswer = Static<typeof SetDeviceAnswer>

/** DELETE /v4/devices/{registration_id} */
export const DeleteDeviceAnswer = SuccessAnswer
export type DeleteDeviceAnswer = Static<typeof DeleteDeviceAnswer>

/** POST /v4/devices/status */
export const DeviceStatusBody = Type.Object(
  {
    registration_ids: Type.Array(RegistrationId, {
      minItems: 1,
      maxItems: registrationIdsPerStatusMax,
      description: `The users to look at: 1 to ${registrationIdsPerStatusMax}.`,
    }),
  },
  { ...closed, description: 'Whose status to tell.' },
)
export type DeviceStatusBody = Static<typeof DeviceStatusBody>

export const DeviceStatusAnswer = Type.Array(
  Type.Object(
    {
      regid: Type.String({ description: 'The registration id.' }),
      online: Type.Boolean({ description: 'Whether the user was seen within the last 10 minutes.' }),
      last_online_time: Type.Optional(
        Type.String({
          pattern: '^\\d{4}-\\d{2}-\\d{2} \\d{2}:\\d{2}:\\d{2}$',
          description: 'When the user was last seen, as yyyy-MM-dd HH:mm:ss in UTC. Absent while online.',
        }),
      ),
    },
    { ...closed, description: 'The status of one user.' },
  ),
  { description: 'One entry for each known user. Unknown and deleted ids are left out.' },
)
export type DeviceStatusAnswer = Static<typeof DeviceStatusAnswer>

/** POST /v4/devices/token/registration_id */
export const RegisterTokensBody = Type.Object(
  {
    platform: Type.Enum(['android', 'ios'], {
      description: 'The platform of all tokens: android (FCM) or ios (APNs).',
    }),
    tokens: Type.Array(Type.String({ description: "A vendor's push token." }), {
      minItems: 1,
      maxItems: tokensPerCallMax,
      description: `The tokens to register: 1 to ${tokensPerCallMax}. Each is judged by itself.`,
    }),
    apns_production: Type.Optional(
      Type.Boolean({
        description:
          "Whether the tokens belong to Apple's production service. Required for ios, forbidden for android.",
      }),
    ),
  },
  { ...closed, description: 'Tokens that are to have a registration id.' },
)
export type RegisterTokensBody = Static<typeof RegisterTokensBody>

export const RegisterTokensAnswer = Type.Object(
  {
    results: Type.Array(
      Type.Object(
        {
          token: Type.String({ description: 'The token as it was sent.' }),
          registration_id: Type.Optional(
            Type.String({ description: 'The user who holds the token. Absent if the token was refused.' }),
          ),
          is_new: Type.Boolean({ description: 'Whether the user was made by this call.' }),
          code: Type.Integer({ description: '0, or the number of the error.' }),
          message: Type.Optional(
            Type.String({ description: 'Why the token was refused. Absent on success.' }),
          ),
        },
        { ...closed, description: 'What became of one token.' },
      ),
      { description: 'One entry for each token, in the order they were sent.' },
    ),
  },
  { ...closed, description: 'What became of the tokens.' },
)
export type RegisterTokensAnswer = Static<typeof RegisterTokensAnswer>
