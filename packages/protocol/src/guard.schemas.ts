/** Operator API, deletion guard of an app: read it, open it for a number of deletions, set it. */
import { type Static, Type } from 'typebox'
import { AppKey, closed, timeField } from './fields.ts'

/** Design section 5: of the users, so many in a hundred may be deleted one by one within 24 hours, and so many in any case. */
export const guardShareDefault = 10
export const guardMinimumDefault = 100
/** Ours: the most that an operator can open it for, and the longest time. */
export const guardDeletionsMax = 1_000_000_000
export const guardSecondsMax = 7 * 86_400

const count = (description: string) => Type.Integer({ minimum: 0, description })

export const GuardOpeningAnswer = Type.Object(
  {
    deletions: count('How many deletions it was opened for, beside the budget.'),
    used: count('How many of them are used.'),
    opened_at: timeField('When it was opened.'),
    until: timeField('When it closes.'),
  },
  { ...closed, description: 'An opening of the guard.' },
)
export type GuardOpeningAnswer = Static<typeof GuardOpeningAnswer>

/** GET and PATCH /admin/v1/apps/{app_key}/guard, POST and DELETE …/guard/opening */
export const GuardAnswer = Type.Object(
  {
    app_key: AppKey,
    is_on: Type.Boolean({ description: 'Whether the guard stops anything.' }),
    share_percent: Type.Integer({ minimum: 0, maximum: 100, description: 'Share of the users, in percent.' }),
    minimum: count('Deletions that are let through whatever the share is.'),
    users: count(
      'The users that the share is of: live and registered over 24 hours ago, with those deleted in the last 24 hours.',
    ),
    counted_at: Type.Union([timeField('When they were counted.'), Type.Null()], {
      description: 'When they were counted; null: never yet.',
    }),
    budget: count('Deletions let through within 24 hours: the greater of the minimum and the share.'),
    used: count(
      'Deletions of the last 24 hours that count against the budget, with a few that nodes have set aside. Deletions by users ' +
        'themselves and confirmed bulk runs are not among them.',
    ),
    opening: Type.Union([GuardOpeningAnswer, Type.Null()], {
      description: 'What an operator has opened it for; null while it is not open.',
    }),
    tripped_at: Type.Union([timeField('When it began to refuse.'), Type.Null()], {
      description: 'When it began to refuse; null while it does not.',
    }),
  },
  { ...closed, description: 'The deletion guard of an app, and its figures.' },
)
export type GuardAnswer = Static<typeof GuardAnswer>

export const OpenGuardBody = Type.Object(
  {
    deletions: Type.Integer({
      minimum: 1,
      maximum: guardDeletionsMax,
      description: 'Exactly so many deletions are let through beside the budget.',
    }),
    seconds: Type.Integer({
      minimum: 1,
      maximum: guardSecondsMax,
      description: 'How long it stays open, if they are not used before.',
    }),
  },
  { ...closed, description: 'For how many deletions to open the guard, and for how long.' },
)
export type OpenGuardBody = Static<typeof OpenGuardBody>

export const SetGuardBody = Type.Object(
  {
    is_on: Type.Optional(Type.Boolean({ description: 'False: it stops nothing any more.' })),
    share_percent: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 100,
        description: 'Share of the users that may be deleted in 24 hours.',
      }),
    ),
    minimum: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: guardDeletionsMax,
        description: 'Deletions in 24 hours whatever the share is.',
      }),
    ),
  },
  { ...closed, description: 'What to change; the rest stays.' },
)
export type SetGuardBody = Static<typeof SetGuardBody>
