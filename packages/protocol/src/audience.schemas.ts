/**
 * Server API: whom a push is for. Every key is declared and the object is closed, so that a misspelt key is refused and
 * never widens an audience. How the keys combine is decided by the server's room `audience/`.
 */
import { type Static, Type } from 'typebox'
import { Alias, closed, RegistrationId, Tag } from './fields.ts'

/** Tags in each of the three lists (JPush v3; the v4 documents are silent). */
export const tagsPerAudienceMax = 20

/** Aliases of one audience (documented). */
export const aliasesPerAudienceMax = 1000

/** Registration ids of one audience (documented). */
export const registrationIdsPerAudienceMax = 1000

/** Characters of what is accepted in shape alone: the id of a segment and of a live activity (ours: a UUID has 36). */
const otherIdCharactersMax = 128

function tagList(description: string) {
  return Type.Optional(
    Type.Array(Tag, {
      maxItems: tagsPerAudienceMax,
      description: `${description} At most ${tagsPerAudienceMax}; an empty list counts as absent.`,
    }),
  )
}

const AudienceKeys = Type.Object(
  {
    tag: tagList('Users who carry at least one of these tags.'),
    tag_and: tagList('Users who carry all of these tags.'),
    tag_not: tagList('Users who carry none of these tags.'),
    alias: Type.Optional(
      Type.Array(Alias, {
        maxItems: aliasesPerAudienceMax,
        description: `Users who hold one of these aliases. At most ${aliasesPerAudienceMax}; an empty list counts as absent.`,
      }),
    ),
    registration_id: Type.Optional(
      Type.Array(RegistrationId, {
        maxItems: registrationIdsPerAudienceMax,
        description: `These users. At most ${registrationIdsPerAudienceMax}; an empty list counts as absent.`,
      }),
    ),
    seg: Type.Optional(
      Type.Object(
        { id: Type.String({ maxLength: otherIdCharactersMax, description: 'The id of the segment.' }) },
        { ...closed, description: 'A segment made in a console. Not supported yet: refused by name.' },
      ),
    ),
    live_activity_id: Type.Optional(
      Type.String({
        maxLength: otherIdCharactersMax,
        description: 'The users of a live activity. Not supported yet: refused by name.',
      }),
    ),
  },
  { ...closed, description: 'Users who fit every key that is given; at least one key.' },
)

/** `to` of POST /v4/push and /v4/push/validate. */
export const AudienceBody = Type.Union(
  [Type.Literal('all', { description: 'Every user who can be reached.' }), AudienceKeys],
  { description: 'Whom the push is for: all, or an object whose keys are combined by intersection.' },
)
export type AudienceBody = Static<typeof AudienceBody>
