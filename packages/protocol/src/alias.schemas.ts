/** Server API, aliases: who holds one, and taking it away. */
import { type Static, Type } from 'typebox'
import { closed, PlatformsQuery, SuccessAnswer } from './fields.ts'

export const AliasParams = Type.Object(
  { alias: Type.String({ description: 'The alias, percent-encoded in UTF-8.' }) },
  { description: 'Names one alias of the app.' },
)
export type AliasParams = Static<typeof AliasParams>

/** GET and DELETE /v4/aliases/{alias} */
export const AliasQuery = Type.Object(
  { platform: Type.Optional(PlatformsQuery) },
  { description: 'The platforms on which the holder of the alias counts.' },
)
export type AliasQuery = Static<typeof AliasQuery>

export const AliasAnswer = Type.Object(
  {
    registration_ids: Type.Array(Type.String({ description: 'A registration id.' }), {
      description: 'The user who holds the alias; empty if nobody does. Never more than one.',
    }),
  },
  { ...closed, description: 'Who holds the alias.' },
)
export type AliasAnswer = Static<typeof AliasAnswer>

export const DeleteAliasAnswer = SuccessAnswer
export type DeleteAliasAnswer = Static<typeof DeleteAliasAnswer>
