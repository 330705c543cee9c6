/** Server API, erasures: how far the erasure of a deleted user is, and its receipt. These paths are Lethe's own. */
import { type Static, Type } from 'typebox'
import { closed, timeField } from './fields.ts'

export const erasureStates = ['accepted', 'removing', 'verifying', 'erased'] as const
export type ErasureState = (typeof erasureStates)[number]

/** GET /v4/erasures/{erasure_id} */
export const ErasureParams = Type.Object(
  {
    erasure_id: Type.String({ description: 'The id that the header Lethe-Erasure of the deletion carried.' }),
  },
  { description: 'Names one erasure of the app.' },
)
export type ErasureParams = Static<typeof ErasureParams>

/** GET /v4/erasures/{erasure_id} and GET /v4/devices/{registration_id}/erasure */
export const ErasureAnswer = Type.Object(
  {
    erasure_id: Type.String({ description: 'The id of the erasure. It says nothing about the user.' }),
    state: Type.Enum([...erasureStates], {
      description:
        'accepted: hidden from everything; removing: rows are being taken away; verifying: they are gone and are ' +
        'being looked for once more; erased: nothing was found, and the receipt is signed.',
    }),
    hidden_at: timeField('When the user was hidden: the moment of the deletion.'),
    removed_at: Type.Union([timeField('When the last row was gone.'), Type.Null()], {
      description: 'When the last row of the user was gone; null before that.',
    }),
    erased_at: Type.Union([timeField('When it was verified.'), Type.Null()], {
      description: 'When a second look had found nothing left and the receipt was signed; null before that.',
    }),
    attempts: Type.Integer({
      minimum: 0,
      description: 'How often the work was begun. A failing erasure is tried again until it succeeds.',
    }),
    removed: Type.Union(
      [
        Type.Record(Type.String(), Type.Integer({ description: 'Rows removed from the table.' }), {
          description: 'Rows removed, by table.',
        }),
        Type.Null(),
      ],
      { description: 'Rows removed, by table; null before the removal is done.' },
    ),
    receipt: Type.Union([Type.String({ description: 'A compact JWS.' }), Type.Null()], {
      description:
        'The signed receipt, a compact JWS (see /.well-known/jwks.json); null before the state is erased. For a user of a bulk ' +
        'deletion it is the manifest that stands for the receipts of up to a thousand.',
    }),
  },
  { ...closed, description: 'How far an erasure is.' },
)
export type ErasureAnswer = Static<typeof ErasureAnswer>
