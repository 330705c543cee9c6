/** Operator API: how many users an audience has and who they are, before something is done with it. */
import { type Static, Type } from 'typebox'
import { AudienceBody } from './audience.schemas.ts'
import { closed, RegistrationId, Tag } from './fields.ts'
import { type Platform, platforms } from './platform.ts'

/** By what a user is reached: the vendor of its platform, or its own socket. */
export const reachChannels = ['web-push', 'fcm', 'apns', 'hms', 'socket'] as const
export type ReachChannel = (typeof reachChannels)[number]

/** POST /admin/v1/apps/{app_key}/audience/check */
export const AudienceCheckBody = Type.Object(
  { to: AudienceBody },
  { ...closed, description: 'The audience, as a push has it.' },
)
export type AudienceCheckBody = Static<typeof AudienceCheckBody>

function count(description: string) {
  return Type.Integer({ minimum: 0, description })
}

function countsBy<Name extends string>(names: readonly Name[], description: string) {
  const fields = names.map((name) => [name, count(`Users of ${name}.`)])
  return Type.Object(Object.fromEntries(fields) as Record<Name, ReturnType<typeof count>>, {
    ...closed,
    description,
  })
}

const byPlatform = (description: string) => countsBy<Platform>(platforms, description)

/** Figures of an audience that a plan of deletions has as well. */
export const audienceFigures = {
  users: count('Live users who fit, whether they can be reached or not.'),
  live_users: count('All live users of the app.'),
  by_platform: byPlatform('The users by platform.'),
  reachable: Type.Object(
    {
      users: count('Users whom a push to this audience would reach.'),
      by_platform: byPlatform('Those by platform.'),
      by_channel: countsBy(reachChannels, 'Those by what reaches them.'),
    },
    { ...closed, description: 'The users who can be reached.' },
  ),
  fingerprint: Type.String({
    description:
      'Another one as soon as a user comes into the audience or leaves it; tells nothing of who is in it.',
  }),
}

export const AudienceCheckAnswer = Type.Object(
  {
    ...audienceFigures,
    share: Type.Number({ minimum: 0, maximum: 1, description: 'The users as a share of all live users.' }),
    unknown_tags: Type.Array(Tag, {
      description: 'Tags of the audience that no live user holds: most likely misspelt.',
    }),
    sample: Type.Array(
      Type.Object(
        {
          registration_id: RegistrationId,
          platform: Type.Enum([...platforms], { description: 'The platform of the user.' }),
          reachable: Type.Boolean({ description: 'Whether a push would reach the user.' }),
          alias: Type.String({ description: 'The alias; empty when there is none.' }),
          tags: Type.Array(Tag, { description: 'The tags, sorted.' }),
        },
        { ...closed, description: 'One user.' },
      ),
      { description: 'At most ten users, drawn at random.' },
    ),
  },
  { ...closed, description: 'An audience, looked at closely.' },
)
export type AudienceCheckAnswer = Static<typeof AudienceCheckAnswer>
