/** Operator API, deletions of many users: plan, look, confirm, watch, stop. The public API deletes one user at a time. */
import { type Static, Type } from 'typebox'
import { AudienceBody } from './audience.schemas.ts'
import { audienceFigures } from './audience-check.schemas.ts'
import { Alias, AppKey, closed, RegistrationId, timeField } from './fields.ts'
import { appNameCharactersMax } from './limits.ts'

/** Lines of one call, and of one list (the issue: a million; ours: some 300 kB a call). */
export const linesPerCallMax = 5_000
export const linesPerListMax = 1_000_000

/** Seconds between the confirmation and the first deletion: ten minutes unless said otherwise, at most seven days. */
export const graceSecondsDefault = 600
export const graceSecondsMax = 7 * 86_400

export const deletionSources = ['audience', 'registration_ids', 'aliases'] as const
export type DeletionSource = (typeof deletionSources)[number]

export const deletionStates = [
  'planning',
  'planned',
  'confirmed',
  'running',
  'paused',
  'finishing',
  'done',
  'cancelled',
  'expired',
  'failed',
] as const
export type DeletionState = (typeof deletionStates)[number]

export const deletionFailures = ['nobody', 'audience_changed', 'interrupted'] as const

/** POST /admin/v1/apps/{app_key}/deletions */
export const PlanDeletionBody = Type.Object(
  {
    to: Type.Optional(AudienceBody),
    list_of: Type.Optional(
      Type.Enum(['registration_ids', 'aliases'], {
        description: 'Instead of an audience: a list, whose lines come in calls of their own.',
      }),
    ),
    fingerprint: Type.Optional(
      Type.String({
        maxLength: 100,
        description:
          'With an audience: the fingerprint of the check. The plan fails when the audience has changed since.',
      }),
    ),
  },
  { ...closed, description: 'Whom to delete: exactly one of `to` and `list_of`.' },
)
export type PlanDeletionBody = Static<typeof PlanDeletionBody>

export const DeletionParams = Type.Object(
  { app_key: AppKey, deletion_id: Type.String({ description: 'The id of the deletion.' }) },
  { description: 'Names one deletion of an app.' },
)
export type DeletionParams = Static<typeof DeletionParams>

const lines = <Line extends typeof RegistrationId | typeof Alias>(line: Line, what: string) =>
  Type.Optional(
    Type.Array(line, {
      minItems: 1,
      maxItems: linesPerCallMax,
      description: `${what} At most ${linesPerCallMax}.`,
    }),
  )

/** POST /admin/v1/apps/{app_key}/deletions/{deletion_id}/lines */
export const DeletionLinesBody = Type.Object(
  {
    registration_ids: lines(RegistrationId, 'Users to delete.'),
    aliases: lines(Alias, 'Aliases whose holders of this moment are to be deleted.'),
  },
  { ...closed, description: 'Further lines of the list, of the kind that the plan was opened with.' },
)
export type DeletionLinesBody = Static<typeof DeletionLinesBody>

const count = (description: string) => Type.Integer({ minimum: 0, description })

export const DeletionLinesAnswer = Type.Object(
  {
    lines: count('Lines of this call.'),
    added: count('Users who came onto the list: those who are live and were not on it.'),
  },
  { ...closed, description: 'What became of the lines.' },
)
export type DeletionLinesAnswer = Static<typeof DeletionLinesAnswer>

const optionalTime = (description: string) =>
  Type.Union([timeField(description), Type.Null()], { description: `${description} Null before that.` })

const { users: _users, fingerprint: _fingerprint, ...figures } = audienceFigures

const deletionFields = {
  deletion_id: Type.String({ description: 'The id of the deletion. Ids sort by time.' }),
  app_key: AppKey,
  state: Type.Enum([...deletionStates], {
    description:
      'planning: the list is being written; planned: frozen, and may be confirmed; confirmed: in grace; running; paused; finishing: ' +
      'everybody is hidden, erasures are on their way; done; or cancelled, expired, failed.',
  }),
  source: Type.Enum([...deletionSources], { description: 'What named the users.' }),
  failure: Type.Union([Type.Enum([...deletionFailures], { description: 'A reason.' }), Type.Null()], {
    description: 'Why the plan failed; null otherwise.',
  }),
  users: count('Users on the list. This is the count to confirm.'),
  lines: count('Ids or aliases that were given; 0 for an audience.'),
  needs_app_name: Type.Boolean({
    description:
      'Whether the list holds every user of the app: confirming it needs the name of the app as well.',
  }),
  figures: Type.Union(
    [Type.Object(figures, { ...closed, description: 'Counts at the moment of the plan.' }), Type.Null()],
    { description: 'Counts at the moment of the plan; null before that.' },
  ),
  fingerprint: Type.Union([Type.String(), Type.Null()], {
    description: 'Of an audience: what the check of the same audience would have given. Null for lists.',
  }),
  progress: Type.Object(
    {
      hidden: count('Users whom this deletion has deleted.'),
      gone: count('Users on the list who were deleted by somebody else before their turn.'),
      erased: count('Erasures of this deletion that are finished and signed for.'),
      left: count('Users on the list who are not deleted: still to come, or spared by a cancellation.'),
      per_second: Type.Number({
        minimum: 0,
        description: 'Users deleted a second, since it runs without a pause.',
      }),
      seconds_left: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
        description: 'Seconds until the last user is deleted, at this pace; null while nothing runs.',
      }),
    },
    { ...closed, description: 'How far it is.' },
  ),
  manifests: count('Signed manifests so far.'),
  planned_at: timeField('When the plan was asked for.'),
  confirm_until: optionalTime('Until when it may be confirmed.'),
  confirmed_at: optionalTime('When it was confirmed.'),
  starts_at: optionalTime('When the first user is deleted.'),
  started_at: optionalTime('When it began.'),
  finished_at: optionalTime('When it ended, in whatever way.'),
}

/** GET /admin/v1/apps/{app_key}/deletions/{deletion_id} and what changes it. */
export const DeletionAnswer = Type.Object(deletionFields, {
  ...closed,
  description: 'A deletion of many users.',
})
export type DeletionAnswer = Static<typeof DeletionAnswer>

export const PlanDeletionAnswer = Type.Object(
  {
    ...deletionFields,
    confirmation_token: Type.String({
      description: 'Confirms the plan, once it is planned, for ten minutes. It is told only here.',
    }),
  },
  { ...closed, description: 'The plan. An audience of many users may still be being written down.' },
)
export type PlanDeletionAnswer = Static<typeof PlanDeletionAnswer>

/** GET /admin/v1/apps/{app_key}/deletions */
export const DeletionsQuery = Type.Object(
  {
    before: Type.Optional(
      Type.String({ pattern: '^[0-9a-f]{32}$', description: 'Only deletions planned before this one.' }),
    ),
  },
  { ...closed, description: 'Which deletions.' },
)
export type DeletionsQuery = Static<typeof DeletionsQuery>

export const deletionsPerPage = 50

export const DeletionsAnswer = Type.Object(
  {
    deletions: Type.Array(DeletionAnswer, { description: 'The newest first.' }),
    next: Type.Union([Type.String(), Type.Null()], {
      description: 'What `before` of the next page is to be; null when this is the last.',
    }),
  },
  { ...closed, description: 'Deletions of the app.' },
)
export type DeletionsAnswer = Static<typeof DeletionsAnswer>

/** POST /admin/v1/apps/{app_key}/deletions/{deletion_id}/confirm */
export const ConfirmDeletionBody = Type.Object(
  {
    confirmation_token: Type.String({ maxLength: 100, description: 'The token of the plan.' }),
    count: Type.Integer({ minimum: 0, description: 'The count of users, as it was read and typed again.' }),
    app_name: Type.Optional(
      Type.String({
        maxLength: appNameCharactersMax,
        description: 'The name of the app: needed when every user of it would go.',
      }),
    ),
    grace_seconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: graceSecondsMax,
        description: `Seconds until the first deletion, in which all can be cancelled; ${graceSecondsDefault} unless given, 0 begins at once.`,
      }),
    ),
  },
  { ...closed, description: 'The confirmation.' },
)
export type ConfirmDeletionBody = Static<typeof ConfirmDeletionBody>

/** GET /admin/v1/apps/{app_key}/deletions/{deletion_id}/manifests */
export const ManifestsQuery = Type.Object(
  {
    after: Type.Optional(
      Type.String({ pattern: '^[0-9a-f]{32}$', description: 'Only manifests behind this one.' }),
    ),
  },
  { ...closed, description: 'Which manifests.' },
)
export type ManifestsQuery = Static<typeof ManifestsQuery>

export const manifestsPerPage = 20

export const ManifestsAnswer = Type.Object(
  {
    manifests: Type.Array(
      Type.Object(
        {
          manifest_id: Type.String({ description: 'The id of the manifest.' }),
          users: count('Users for whose erasure it stands.'),
          signed_at: timeField('When it was signed.'),
          manifest: Type.String({ description: 'A compact JWS (see /.well-known/jwks.json).' }),
        },
        { ...closed, description: 'A signed manifest.' },
      ),
      { description: 'In the order of their ids.' },
    ),
    next: Type.Union([Type.String(), Type.Null()], {
      description: 'What `after` of the next page is to be; null when this is the last.',
    }),
  },
  { ...closed, description: 'Manifests of a deletion.' },
)
export type ManifestsAnswer = Static<typeof ManifestsAnswer>
