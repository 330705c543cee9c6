/** Operator API, erasures: those of an app, the newest first, or the open ones. */
import { type Static, Type } from 'typebox'
import { ErasureParams, erasureStates } from './erasure.schemas.ts'
import { AppKey, closed, timeField } from './fields.ts'

/** Erasures of one page. Ours. */
export const erasuresPerPage = 100

export const erasureOrigins = ['server', 'device', 'sweep', 'bulk'] as const

/** GET /admin/v1/apps/{app_key}/erasures/{erasure_id} */
export const AdminErasureParams = Type.Object(
  { app_key: AppKey, ...ErasureParams.properties },
  { description: 'Names one erasure of an app.' },
)
export type AdminErasureParams = Static<typeof AdminErasureParams>

/** GET /admin/v1/apps/{app_key}/erasures */
export const ErasuresQuery = Type.Object(
  {
    open: Type.Optional(
      Type.Literal('true', {
        description: 'Only those that are not finished, the oldest first. They have one page.',
      }),
    ),
    before: Type.Optional(
      Type.String({ pattern: '^[0-9a-f]{32}$', description: 'The `next` of the page before.' }),
    ),
    registration_id: Type.Optional(
      Type.String({ description: 'Only the erasure of the user who had this registration id.' }),
    ),
  },
  { ...closed, description: 'Which erasures.' },
)
export type ErasuresQuery = Static<typeof ErasuresQuery>

const optionalTime = (description: string) =>
  Type.Union([timeField(description), Type.Null()], { description: `${description} Null before that.` })

export const ErasureItem = Type.Object(
  {
    erasure_id: Type.String({ description: 'The id of the erasure. It says nothing about the user.' }),
    state: Type.Enum([...erasureStates], { description: 'How far it is.' }),
    origin: Type.Enum([...erasureOrigins], {
      description:
        "Who asked: the app's server, the user's own device, the sweep of users who lost their token and did not come back, or a bulk deletion.",
    }),
    deletion_id: Type.Union([Type.String(), Type.Null()], {
      description: 'The bulk deletion that it belongs to; null for others.',
    }),
    hidden_at: timeField('When the user was hidden.'),
    removed_at: optionalTime('When the last row was gone.'),
    erased_at: optionalTime('When it was verified.'),
    attempts: Type.Integer({ minimum: 0, description: 'How often the work was begun.' }),
  },
  { ...closed, description: 'An erasure, without its receipt.' },
)
export type ErasureItem = Static<typeof ErasureItem>

export const ErasuresAnswer = Type.Object(
  {
    erasures: Type.Array(ErasureItem, { description: 'The erasures.' }),
    next: Type.Union([Type.String(), Type.Null()], {
      description: 'What `before` of the next page is to be; null when this is the last.',
    }),
  },
  { ...closed, description: 'Erasures of the app.' },
)
export type ErasuresAnswer = Static<typeof ErasuresAnswer>
