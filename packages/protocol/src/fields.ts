/**
 * Fields that several schemas share, each described once. Patterns stand in bodies only: a path parameter is parsed by
 * its route, which then answers with the right number. Lengths of tags and aliases are settings of an app and are checked
 * by the parsers, not here. No request schema knows null: null means "not given" and is taken out before.
 */
import { Type } from 'typebox'
import {
  factCharactersMax,
  localeCharactersMax,
  registrationIdsPerTagCallMax,
  tagsPerDeviceCallMax,
} from './limits.ts'
import { registrationIdPattern } from './registration-id.ts'

/** Refuses keys that are not declared: a misspelt key must not be ignored silently. */
export const closed = { additionalProperties: false } as const

export const RegistrationId = Type.String({
  pattern: registrationIdPattern,
  description: 'The registration id of a user: 1 to 64 characters of A-Z a-z 0-9 _ -.',
})

export const Tag = Type.String({
  description:
    'A tag: at most 40 bytes of letters, digits and _@!#$&*+=.| in UTF-8. Upper and lower case differ.',
})

export const Alias = Type.String({
  description: 'An alias: the same characters and length as a tag. Within an app one alias names one user.',
})

export const AliasOrClear = Type.String({
  description:
    'The new alias; the empty string removes it. An alias that another user holds moves to this one.',
})

export const AppKey = Type.String({ description: 'The app key, by which an app is named.' })

/** A time in answers. */
export function timeField(description: string) {
  return Type.String({
    format: 'date-time',
    description: `${description} ISO 8601 in UTC, with milliseconds.`,
  })
}

/** A text that a client says about its device. No control characters: PostgreSQL stores no NUL, and logs no lines. */
export function factField(description: string) {
  return Type.String({
    maxLength: factCharactersMax,
    pattern: '^[^\\u0000-\\u001f\\u007f]*$',
    description: `${description} At most ${factCharactersMax} characters; empty means unknown.`,
  })
}

export function localeField(description: string) {
  return Type.String({ maxLength: localeCharactersMax, description })
}

export const TagsChange = Type.Object(
  {
    add: Type.Optional(Type.Array(Tag, { maxItems: tagsPerDeviceCallMax, description: 'Tags to add.' })),
    remove: Type.Optional(
      Type.Array(Tag, {
        maxItems: tagsPerDeviceCallMax,
        description: 'Tags to remove. A tag in both lists is removed.',
      }),
    ),
  },
  { ...closed, description: 'Tags to add and to remove; the others stay.' },
)

export const TagsChangeOrClear = Type.Union(
  [TagsChange, Type.Literal('', { description: 'The empty string removes all tags.' })],
  { description: 'Tags to add and remove, or the empty string to remove all.' },
)

export const RegistrationIdsChange = Type.Object(
  {
    add: Type.Optional(
      Type.Array(RegistrationId, {
        maxItems: registrationIdsPerTagCallMax,
        description: 'Users who get the tag.',
      }),
    ),
    remove: Type.Optional(
      Type.Array(RegistrationId, {
        maxItems: registrationIdsPerTagCallMax,
        description: 'Users who lose the tag. A user in both lists loses it.',
      }),
    ),
  },
  { ...closed, description: 'Users who get and who lose the tag.' },
)

const queryList = { description: 'Repeated, or one value joined by commas.' }

/** A parameter of a query that may be repeated. */
export function queryListField(description: string) {
  return Type.Union([Type.String(queryList), Type.Array(Type.String(queryList), queryList)], { description })
}

export const PlatformsQuery = queryListField(
  'Platforms to look at: web, android, ios, hmos, repeated or joined by commas. Absent, empty and all mean every one.',
)

/** The answer of calls that change something and have nothing to tell. */
export const SuccessAnswer = Type.Object(
  { success: Type.Literal(true, { description: 'Always true: a failure is an error answer.' }) },
  { ...closed, description: 'The call was accepted.' },
)
