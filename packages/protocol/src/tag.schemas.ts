/** Server API, tags: list, set, delete, count, look up, and how much of the limits is used. */
import { type Static, Type } from 'typebox'
import {
  closed,
  PlatformsQuery,
  queryListField,
  RegistrationIdsChange,
  SuccessAnswer,
  Tag,
} from './fields.ts'

export const TagParams = Type.Object(
  { tag: Type.String({ description: 'The tag, percent-encoded in UTF-8.' }) },
  { description: 'Names one tag of the app.' },
)
export type TagParams = Static<typeof TagParams>

/** GET /v4/tags */
export const TagsAnswer = Type.Object(
  { tags: Type.Array(Tag, { description: 'The tags that at least one user carries.' }) },
  { ...closed, description: 'The tags of the app.' },
)
export type TagsAnswer = Static<typeof TagsAnswer>

/** POST /v4/tags/{tag} */
export const SetTagBody = Type.Object(
  { registration_ids: RegistrationIdsChange },
  { ...closed, description: 'Who gets the tag and who loses it.' },
)
export type SetTagBody = Static<typeof SetTagBody>

export const SetTagAnswer = SuccessAnswer
export type SetTagAnswer = Static<typeof SetTagAnswer>

/** DELETE /v4/tags/{tag} */
export const DeleteTagQuery = Type.Object(
  { platform: Type.Optional(PlatformsQuery) },
  { description: 'From whom to take the tag.' },
)
export type DeleteTagQuery = Static<typeof DeleteTagQuery>

export const DeleteTagAnswer = SuccessAnswer
export type DeleteTagAnswer = Static<typeof DeleteTagAnswer>

/** GET /v4/tags_count and GET /v4/tags/quota-info */
export const TagsQuery = Type.Object(
  {
    tags: Type.Optional(queryListField('The tags to look at, repeated or joined by commas: at most 1000.')),
    platform: Type.Optional(PlatformsQuery),
  },
  { description: 'Which tags, and on which platforms.' },
)
export type TagsQuery = Static<typeof TagsQuery>

export const TagsCountAnswer = Type.Object(
  {
    tagsCount: Type.Record(Type.String(), Type.Integer({ description: 'Users who carry the tag.' }), {
      description:
        'For each tag that was asked about, the number of its users; 0 for a tag that nobody carries.',
    }),
  },
  { ...closed, description: 'How many users carry the tags.' },
)
export type TagsCountAnswer = Static<typeof TagsCountAnswer>

/** GET /v4/tags/{tag}/registration_ids/{registration_id} */
export const TagOfDeviceParams = Type.Object(
  {
    tag: Type.String({ description: 'The tag, percent-encoded in UTF-8.' }),
    registration_id: Type.String({ description: 'The registration id of one user.' }),
  },
  { description: 'Names one tag and one user.' },
)
export type TagOfDeviceParams = Static<typeof TagOfDeviceParams>

export const TagOfDeviceAnswer = Type.Object(
  { result: Type.Boolean({ description: 'Whether the user carries the tag.' }) },
  { ...closed, description: 'Whether a user carries a tag.' },
)
export type TagOfDeviceAnswer = Static<typeof TagOfDeviceAnswer>

/** GET /v4/tags/quota-info. The words are the documented ones, camelCase unlike the rest of the API. */
export const TagQuotaAnswer = Type.Object(
  {
    data: Type.Object(
      {
        totalTagQuota: Type.Integer({ description: 'Tags that the app may have.' }),
        useTagQuota: Type.Integer({ description: 'Tags that the app has.' }),
        totalAliasQuota: Type.Integer({ description: 'Aliases that the app may have.' }),
        useAliasQuota: Type.Integer({ description: 'Aliases that the app has.' }),
        tagUidQuotaDetail: Type.Optional(
          Type.Array(
            Type.Object(
              {
                tagName: Type.String({ description: 'The tag.' }),
                totalUidQuota: Type.Integer({ description: 'Users that may carry the tag.' }),
                useUidQuota: Type.Integer({
                  description: 'Users that carry it, on the platforms asked about.',
                }),
              },
              { ...closed, description: 'One tag.' },
            ),
            { description: 'One entry for each tag that was asked about. Absent when none was.' },
          ),
        ),
      },
      { ...closed, description: 'The limits and their use.' },
    ),
  },
  { ...closed, description: 'How much of the limits on tags and aliases is used.' },
)
export type TagQuotaAnswer = Static<typeof TagQuotaAnswer>
