/**
 * What the receipt of an erasure says: the claims of a compact JWS, signed with Ed25519. It names no user: whoever knows
 * the registration id and the app's erasure key can compute the digest, and nobody else can. Signing and verifying are
 * left to the server and to the verifier, who is always given the keys and never takes them from the receipt.
 */
import { type Static, Type } from 'typebox'
import { AppKey, closed, timeField } from './fields.ts'

/** The `typ` in the header of the JWS, so that no other token of the same key passes for a receipt. */
export const receiptType = 'lethe-receipt+jwt'

export const digestAlgorithm = 'HMAC-SHA-256'

/** What a receipt says of one user, and a manifest of many together. */
export const receiptFields = {
  removed: Type.Record(
    Type.String(),
    Type.Integer({ minimum: 0, description: 'Rows removed from the table.' }),
    {
      description: 'Rows removed, by table.',
    },
  ),
  columns: Type.Record(
    Type.String(),
    Type.Array(Type.String({ description: 'The name of a column.' }), {
      description: 'Columns of the table.',
    }),
    { description: 'The personal columns that the removed rows had, by table.' },
  ),
  verified: Type.Object(
    {
      tables: Type.Array(Type.String({ description: 'The name of a table.' }), {
        description: 'Tables of the live database that were looked through after the removal.',
      }),
      rows_left: Type.Literal(0, {
        description: 'Rows of the user that were found: none, or there is no receipt.',
      }),
    },
    { ...closed, description: 'The second look.' },
  ),
  remains: Type.Array(
    Type.Object(
      {
        what: Type.String({ description: 'What remains, in words.' }),
        until: Type.String({ description: 'Until when, in words or as a time in ISO 8601.' }),
        personal: Type.Boolean({ description: 'Whether it can be led back to the user.' }),
      },
      { ...closed, description: 'One thing that remains.' },
    ),
    { description: 'What an erasure leaves and until when: aggregates, tombstone, backups, vendors.' },
  ),
  told: Type.Array(Type.String({ description: 'Who, in words.' }), {
    description: 'Who was told of the erasure.',
  }),
}

export const ReceiptClaims = Type.Object(
  {
    iss: Type.String({ description: 'The server that erased: its public address.' }),
    jti: Type.String({ description: 'The id of the erasure.' }),
    iat: Type.Integer({
      minimum: 0,
      description: 'When the receipt was signed, in seconds since 1970 (RFC 7519).',
    }),
    app_key: AppKey,
    registration_id_digest: Type.Object(
      {
        alg: Type.Literal(digestAlgorithm, { description: 'The keyed digest that was used.' }),
        key_version: Type.Integer({ minimum: 1, description: "The version of the app's erasure key." }),
        value: Type.String({ description: 'The digest of the registration id, base64url without padding.' }),
      },
      { ...closed, description: 'Who was erased, readable only with the erasure key of the app.' },
    ),
    hidden_at: timeField('When the user was hidden: the moment of the deletion.'),
    removed_at: timeField('When the last row was gone.'),
    erased_at: timeField('When a second look had found nothing left.'),
    ...receiptFields,
  },
  { ...closed, description: 'The claims of the receipt of an erasure.' },
)
export type ReceiptClaims = Static<typeof ReceiptClaims>
