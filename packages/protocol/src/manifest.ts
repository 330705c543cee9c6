/**
 * What a manifest says: the claims of a compact JWS that stands for the receipts of at most a thousand erasures of one bulk
 * deletion. Like a receipt it names no user, is signed with Ed25519, and is verified with keys that come from elsewhere.
 */
import { type Static, Type } from 'typebox'
import { AppKey, closed, timeField } from './fields.ts'
import { digestAlgorithm, receiptFields } from './receipt.ts'

/** The `typ` in the header of the JWS. */
export const manifestType = 'lethe-manifest+jwt'

/** Erasures of one manifest (ours: some 50 kB). */
export const erasuresPerManifestMax = 1_000

function span(description: string) {
  return Type.Object(
    { first: timeField('The first of them.'), last: timeField('The last of them.') },
    { ...closed, description },
  )
}

export const ManifestClaims = Type.Object(
  {
    iss: Type.String({ description: 'The server that erased: its public address.' }),
    jti: Type.String({ description: 'The id of the manifest.' }),
    iat: Type.Integer({
      minimum: 0,
      description: 'When the manifest was signed, in seconds since 1970 (RFC 7519).',
    }),
    app_key: AppKey,
    deletion_id: Type.String({ description: 'The bulk deletion that an operator confirmed.' }),
    registration_id_digests: Type.Object(
      {
        alg: Type.Literal(digestAlgorithm, { description: 'The keyed digest that was used.' }),
        key_version: Type.Integer({ minimum: 1, description: "The version of the app's erasure key." }),
        values: Type.Array(
          Type.String({ description: 'The digest of a registration id, base64url without padding.' }),
          { minItems: 1, maxItems: erasuresPerManifestMax, description: 'The digests, sorted.' },
        ),
      },
      { ...closed, description: 'Who was erased, readable only with the erasure key of the app.' },
    ),
    hidden_at: span('When the users were hidden: the moments of their deletion.'),
    removed_at: span('When the last rows of the users were gone.'),
    erased_at: span('When second looks had found nothing left.'),
    ...receiptFields,
  },
  { ...closed, description: 'The claims of a manifest.' },
)
export type ManifestClaims = Static<typeof ManifestClaims>
