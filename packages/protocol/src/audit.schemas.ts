/** Operator API, audit log: who did what and when. It names no user of an app; a deletion stands there as a digest. */
import { type Static, Type } from 'typebox'
import { AppKey, closed, timeField } from './fields.ts'

/** Everything that is written down, by the words that it has on the wire and in the database. */
export const auditActions = [
  'app.created',
  'app.changed',
  'app.secret-rotated',
  'channel.set',
  'channel.removed',
  'user.deleted',
  'deletion.planned',
  'deletion.confirmed',
  'deletion.paused',
  'deletion.resumed',
  'deletion.cancelled',
  'guard.set',
  'guard.opened',
  'guard.tripped',
  'guard.closed',
] as const
export type AuditAction = (typeof auditActions)[number]

/** Who did it: an operator, the server of the customer, a user's own device, or Lethe by itself. */
export const auditActors = ['operator', 'app', 'device', 'lethe'] as const
export type AuditActor = (typeof auditActors)[number]

/** Where a call came from, as far as it is written down: an address itself never is. */
export const addressClasses = ['loopback', 'private', 'link-local', 'public'] as const
export type AddressClass = (typeof addressClasses)[number]

/** Entries of one page (ours: a screen or two, and a bounded answer). */
export const auditEntriesMax = 1_000
export const auditEntriesDefault = 100

const oneOf = <const Words extends readonly string[]>(words: Words, description: string) =>
  Type.Unsafe<Words[number]>(Type.String({ enum: [...words], description }))

/** GET /admin/v1/audit */
export const AuditQuery = Type.Object(
  {
    limit: Type.Optional(
      Type.String({
        pattern: '^[1-9]\\d{0,3}$',
        description: `Entries of one page: 1 to ${auditEntriesMax}, ${auditEntriesDefault} unless given.`,
      }),
    ),
    before: Type.Optional(
      Type.String({
        pattern: '^[0-9a-f]{32}$',
        description: 'The `next` of the page before: entries older than that one.',
      }),
    ),
    action: Type.Optional(oneOf(auditActions, 'Only entries of this action.')),
  },
  { ...closed, description: 'Which entries.' },
)
export type AuditQuery = Static<typeof AuditQuery>

export const AuditEntryAnswer = Type.Object(
  {
    id: Type.String({ description: 'The id of the entry. Ids sort by time.' }),
    at: timeField('When it was done, by the clock of the database.'),
    actor: oneOf(auditActors, 'Who did it: an operator, an app, a device of a user, or Lethe by itself.'),
    address_class: Type.Union([oneOf(addressClasses, 'A class of addresses.'), Type.Null()], {
      description: 'What kind of address it came from; null where that is not kept, as for devices.',
    }),
    app_key: Type.Union([AppKey, Type.Null()], { description: 'The app that it was done to.' }),
    action: oneOf(auditActions, 'What was done.'),
    subject: Type.Union([Type.String(), Type.Null()], {
      description:
        'What it was done to: names of settings or a channel, or the id of a bulk deletion; of a deletion the digest that its tombstone has.',
    }),
    figures: Type.Record(Type.String(), Type.Number(), {
      description: 'Figures that belong to it, by name.',
    }),
  },
  { ...closed, description: 'An entry of the audit log.' },
)
export type AuditEntryAnswer = Static<typeof AuditEntryAnswer>

export const AuditAnswer = Type.Object(
  {
    entries: Type.Array(AuditEntryAnswer, { description: 'The entries, the newest first.' }),
    next: Type.Union([Type.String(), Type.Null()], {
      description: 'What `before` of the next page is to be; null when this is the last.',
    }),
  },
  { ...closed, description: 'A page of the audit log.' },
)
export type AuditAnswer = Static<typeof AuditAnswer>
