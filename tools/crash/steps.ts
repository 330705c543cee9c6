// The calls that a caller makes: each is chosen by dice from what its household allows, knows the one right answer to it,
// and how the household stands afterwards.
import type { Dice } from './dice.ts'
import {
  channelOf,
  type Deleted,
  type Facts,
  factNames,
  type Household,
  isSharedAlias,
  isSharedToken,
  mapUsers,
  ownAliases,
  ownTags,
  ownTokens,
  platforms,
  type RegistrationBody,
  sharedAliases,
  sharedTags,
  sharedTokens,
  type User,
  withoutUser,
  withUser,
} from './household.ts'
import { type Answer, type Call, clientPath, errorCode } from './http.ts'

export type Step = {
  call: Call
  /** What is wrong with the answer; undefined: nothing. */
  judge(answer: Answer): string | undefined
  /** The household once the call has been carried out, with its answer or without. */
  after(household: Household, answer: Answer | undefined): Household
  /**
   * What a caller does who got no answer: `repeat` it (which must be harmless), `ask` for the erasure, or nothing, and
   * then all of it happened or nothing. A call of `many` transactions may have been half done when one of them failed.
   */
  unanswered: 'repeat' | 'ask' | 'nothing'
  isMany?: boolean
}

/** `newMark` gives a text that no other registration of the folder has. */
export type Chooser = { dice: Dice; household: Household; newMark(): string }

/** More users than these make the checks slow and find nothing more. */
const usersMax = 20

export function nextStep(chooser: Chooser): Step {
  const { dice, household } = chooser
  const user = dice.fork()
  const anybody = [...household.users.values()]
  if (anybody.length === 0) return register(chooser)
  const some = user.pick(anybody)
  const withSecret = anybody.filter((one) => one.secret !== undefined)
  const own = withSecret.length > 0 ? user.pick(withSecret) : undefined
  const isFull = anybody.length > usersMax
  const dead = household.deleted.length > 0 ? user.pick(household.deleted.slice(-10)) : undefined
  const choose = dice.weighted<() => Step>([
    [isFull ? 2 : 24, () => register(chooser)],
    [isFull ? 0 : 5, () => registerToken(chooser)],
    [isFull ? 40 : 14, () => deleteUser(dice, some)],
    [14, () => changeSelf(chooser, own)],
    [6, () => heartbeat(own)],
    [10, () => setDevice(chooser, some)],
    [8, () => setTag(chooser)],
    [2, () => deleteTag(chooser)],
    [3, () => deleteAlias(chooser)],
    [6, () => readSelf(own ?? some)],
    [3, () => readLists(dice)],
    [4, () => repeatRegistration(chooser)],
    [6, () => (dead ? lateCall(dice, dead) : register(chooser))],
  ])
  return choose()
}

function register(chooser: Chooser): Step {
  const { dice, household } = chooser
  const platform = dice.pick(platforms)
  const mark = chooser.newMark()
  const token = dice.chance(0.5) ? anyToken(chooser, platform) : ''
  const alias = dice.chance(0.3) ? anyAlias(chooser) : ''
  const tags = dice.some([...ownTags(household), ...sharedTags], 0.15)
  const facts = someFacts(dice)
  const body: RegistrationBody = {
    platform,
    model: mark,
    ...facts,
    ...(tags.length > 0 ? { tags } : {}),
    ...(alias === '' ? {} : { alias }),
    ...channelOf(platform, token),
  }
  const key = dice.chance(0.5) ? `key-of-${mark}`.padEnd(24, '-') : undefined
  const user = { platform, mark, tags: new Set(tags), alias, token, facts }
  return {
    call: {
      method: 'POST',
      path: clientPath(),
      as: 'nobody',
      body,
      ...(key === undefined ? {} : { idempotencyKey: key }),
    },
    judge: (answer) => wrongUnless(answer, 201),
    after: (before, answer) =>
      withUser(before, {
        ...user,
        ...(answer ? issued(answer) : { id: `?${mark}`, secret: undefined }),
        request: key === undefined || answer === undefined ? undefined : { key, body },
      }),
    unanswered: key === undefined ? 'nothing' : 'repeat',
  }
}

/** The same registration once more: the same user, with a new secret. */
function repeatRegistration(chooser: Chooser): Step {
  const repeatable = [...chooser.household.users.values()].filter(isRepeatable)
  if (repeatable.length === 0) return register(chooser)
  const user = chooser.dice.pick(repeatable)
  const { key, body } = user.request ?? { key: '', body: {} }
  return {
    call: { method: 'POST', path: clientPath(), as: 'nobody', body, idempotencyKey: key },
    judge: (answer) =>
      wrongUnless(answer, 201) ?? (issued(answer).id === user.id ? undefined : 'another user was made'),
    after: (household, answer) =>
      withUser(household, { ...user, secret: answer ? issued(answer).secret : undefined }),
    unanswered: 'repeat',
  }
}

/** A registration with a token is repeatable only as long as the user has that token. */
function isRepeatable({ request, token, platform }: User): boolean {
  if (request === undefined || isSharedToken(token)) return false
  const { subscription, token: given } = channelOf(platform, token)
  const { body } = request
  const hadChannel = body.token !== undefined || body.subscription !== undefined
  return (
    !hadChannel || JSON.stringify([body.subscription, body.token]) === JSON.stringify([subscription, given])
  )
}

function registerToken({ dice, household }: Chooser): Step {
  const platform = dice.pick(['android', 'ios'] as const)
  const token = dice.pick(ownTokens(household, platform))
  const holder = [...household.users.values()].find((user) => user.token === token)
  const isErased = household.erasedTokens.has(token)
  return {
    call: {
      method: 'POST',
      path: '/v4/devices/token/registration_id',
      as: 'server',
      body: { platform, tokens: [token], ...(platform === 'ios' ? { apns_production: true } : {}) },
    },
    judge: (answer) => {
      const { is_new, code, registration_id } = tokenResult(answer)
      if (isErased) return code === 20101 ? undefined : 'the token of a deleted user was not refused'
      if (holder) return registration_id === holder.id && !is_new ? undefined : 'not the holder was answered'
      return is_new && code === 0 ? undefined : 'no new user was made'
    },
    after: (before, answer) => {
      if (holder || isErased) return before
      const id = answer ? tokenResult(answer).registration_id : `?${token}`
      const user = { platform, mark: '', tags: new Set<string>(), alias: '', token, facts: {} }
      return withUser(before, { ...user, id, secret: undefined, request: undefined })
    },
    unanswered: 'nothing',
  }
}

function changeSelf(chooser: Chooser, user: User | undefined): Step {
  if (user?.secret === undefined) return register(chooser)
  const { dice } = chooser
  const facts = someFacts(dice)
  const token = dice.chance(0.4) ? anyToken(chooser, user.platform) : ''
  const names = someNames(chooser)
  const body = { ...facts, ...names.body, ...channelOf(user.platform, token) }
  return {
    call: { method: 'PUT', path: clientPath(`/${user.id}`), as: { secret: user.secret }, body },
    judge: (answer) => wrongUnless(answer, 200),
    after: (household) =>
      withUser(household, {
        ...names.change(user),
        token: token === '' ? user.token : token,
        facts: { ...user.facts, ...facts },
      }),
    unanswered: 'nothing',
  }
}

function heartbeat(user: User | undefined): Step {
  if (user?.secret === undefined) return readTags()
  return {
    call: { method: 'PUT', path: clientPath(`/${user.id}`), as: { secret: user.secret }, body: {} },
    judge: (answer) => wrongUnless(answer, 200),
    after: (household) => household,
    unanswered: 'nothing',
  }
}

function setDevice(chooser: Chooser, user: User): Step {
  const names = someNames(chooser)
  return {
    call: { method: 'POST', path: `/v4/devices/${user.id}`, as: 'server', body: names.body },
    judge: (answer) => wrongUnless(answer, 200),
    after: (household) => withUser(household, names.change(user)),
    unanswered: 'nothing',
  }
}

function setTag({ dice, household }: Chooser): Step {
  const tag = dice.pick([...ownTags(household), ...sharedTags])
  const ids = [...household.users.keys()]
  const add = dice.some(ids, 0.3)
  const remove = dice.some(ids, 0.2)
  const dead = dice.some(household.deleted.slice(-5), 0.2).map(({ user }) => user.id)
  const body = { registration_ids: { add: [...add, ...dead], remove } }
  return {
    call: { method: 'POST', path: `/v4/tags/${encodeURIComponent(tag)}`, as: 'server', body },
    judge: (answer) => {
      const skipped = Number(answer.headers['lethe-skipped'] ?? 0)
      return wrongUnless(answer, 200) ?? (skipped === dead.length ? undefined : `${skipped} were skipped`)
    },
    after: (before) =>
      mapUsers(before, (user) => {
        const tags = new Set(user.tags)
        if (add.includes(user.id)) tags.add(tag)
        if (remove.includes(user.id)) tags.delete(tag)
        return { ...user, tags }
      }),
    unanswered: 'nothing',
  }
}

function deleteTag({ dice, household }: Chooser): Step {
  const tag = dice.pick(ownTags(household))
  return {
    call: { method: 'DELETE', path: `/v4/tags/${encodeURIComponent(tag)}`, as: 'server' },
    judge: (answer) => wrongUnless(answer, 200),
    after: (before) =>
      mapUsers(before, (user) => ({ ...user, tags: new Set([...user.tags].filter((one) => one !== tag)) })),
    unanswered: 'nothing',
    isMany: true,
  }
}

function deleteAlias({ dice, household }: Chooser): Step {
  const alias = dice.pick(ownAliases(household))
  return {
    call: { method: 'DELETE', path: `/v4/aliases/${alias}`, as: 'server' },
    judge: (answer) => wrongUnless(answer, 200),
    after: (before) => mapUsers(before, (user) => (user.alias === alias ? { ...user, alias: '' } : user)),
    unanswered: 'nothing',
  }
}

function deleteUser(dice: Dice, user: User): Step {
  const bySelf = user.secret !== undefined && dice.chance(0.3)
  const call: Call = bySelf
    ? { method: 'DELETE', path: clientPath(`/${user.id}`), as: { secret: user.secret ?? '' } }
    : { method: 'DELETE', path: `/v4/devices/${user.id}`, as: 'server' }
  return {
    call,
    judge: (answer) =>
      wrongUnless(answer, 200) ?? (erasureOf(answer) === '' ? 'no Lethe-Erasure was given' : undefined),
    after: (household, answer) => withoutUser(household, user, answer ? erasureOf(answer) : ''),
    unanswered: dice.chance(0.5) ? 'repeat' : 'ask',
  }
}

function readSelf(user: User): Step {
  const call: Call =
    user.secret === undefined
      ? { method: 'GET', path: `/v4/devices/${user.id}`, as: 'server' }
      : { method: 'GET', path: clientPath(`/${user.id}`), as: { secret: user.secret } }
  return {
    call,
    judge: (answer) => wrongUnless(answer, 200) ?? wrongRead(answer.body as Record<string, unknown>, user),
    after: (household) => household,
    unanswered: 'nothing',
  }
}

/** What a user's own read, or the customer's, shows wrongly. */
function wrongRead(body: Record<string, unknown>, user: User): string | undefined {
  const tags = JSON.stringify([...user.tags].sort())
  if (JSON.stringify(body['tags']) !== tags) return `the tags should be ${tags}`
  const isLost = isSharedAlias(user.alias) && body['alias'] === ''
  if (body['alias'] !== user.alias && !isLost) return `the alias should be ${user.alias}`
  if (!('platform' in body)) return undefined
  const wrong = factNames.find((name) => (body[name] ?? undefined) !== user.facts[name])
  return wrong === undefined ? undefined : `${wrong} should be ${user.facts[wrong]}`
}

function readLists(dice: Dice): Step {
  const count = `/v4/tags_count?tags=${sharedTags.join(',')}&platform=all`
  return readTags(dice.pick(['/v4/tags', '/v4/tags/quota-info', count]))
}

function readTags(path = '/v4/tags'): Step {
  return {
    call: { method: 'GET', path, as: 'server' },
    judge: (answer) => wrongUnless(answer, 200),
    after: (household) => household,
    unanswered: 'nothing',
  }
}

/** A call about a user who was deleted before: refused, and nothing changes. */
function lateCall(dice: Dice, dead: Deleted): Step {
  const { call, judge } = dice.pick(lateCalls(dead))
  return { call, judge, after: (household) => household, unanswered: 'nothing' }
}

/** Every way to read or write a deleted user, and what must be answered. */
export function lateCalls({ user, erasureId }: Deleted): Pick<Step, 'call' | 'judge'>[] {
  const device = `/v4/devices/${user.id}`
  const self = clientPath(`/${user.id}`)
  const secret = { secret: user.secret ?? 'none' }
  const unknown = (answer: Answer) => wrongUnless(answer, 400, 20101)
  const gone = (answer: Answer) => wrongUnless(answer, 410, 20101)
  const sameErasure = (answer: Answer) =>
    wrongUnless(answer, 200) ??
    (erasureOf(answer) === erasureId ? undefined : `the erasure was ${erasureId} before`)
  const change = { tags: { add: ['late_tag'] }, alias: 'late_alias' }
  const [tag] = user.tags
  const calls: Pick<Step, 'call' | 'judge'>[] = [
    { call: { method: 'GET', path: device, as: 'server' }, judge: unknown },
    { call: { method: 'POST', path: device, as: 'server', body: change }, judge: unknown },
    { call: { method: 'DELETE', path: device, as: 'server' }, judge: sameErasure },
    { call: { method: 'DELETE', path: self, as: secret }, judge: sameErasure },
    { call: { method: 'GET', path: self, as: secret }, judge: gone },
    { call: { method: 'PUT', path: self, as: secret, body: change }, judge: gone },
    { call: { method: 'PUT', path: self, as: secret, body: {} }, judge: gone },
    {
      call: {
        method: 'GET',
        path: `/v4/tags/${tag ?? 'late_tag'}/registration_ids/${user.id}`,
        as: 'server',
      },
      judge: unknown,
    },
    {
      call: {
        method: 'POST',
        path: '/v4/tags/late_tag',
        as: 'server',
        body: { registration_ids: { add: [user.id] } },
      },
      judge: (answer) =>
        wrongUnless(answer, 200) ??
        (answer.headers['lethe-skipped'] === '1' ? undefined : 'the deleted user was not skipped'),
    },
    {
      call: {
        method: 'POST',
        path: '/v4/devices/status',
        as: 'server',
        body: { registration_ids: [user.id] },
      },
      judge: (answer) =>
        wrongUnless(answer, 200) ??
        (JSON.stringify(answer.body) === '[]' ? undefined : 'a deleted user has a status'),
    },
  ]
  if (user.alias !== '') {
    calls.push({
      call: { method: 'GET', path: `/v4/aliases/${user.alias}`, as: 'server' },
      judge: (answer) =>
        wrongUnless(answer, 200) ??
        (JSON.stringify(answer.body).includes(user.id) ? 'a deleted user holds its alias' : undefined),
    })
  }
  if (user.request) {
    const { key, body } = user.request
    calls.push({
      call: { method: 'POST', path: clientPath(), as: 'nobody', body, idempotencyKey: key },
      judge: gone,
    })
  }
  return calls
}

/** Names the user that a registration gave. */
export function issued({ body }: Answer): { id: string; secret: string } {
  const { registration_id, device_secret } = body as { registration_id: string; device_secret: string }
  return { id: registration_id, secret: device_secret }
}

export function erasureOf({ headers }: Answer): string {
  const value = headers['lethe-erasure']
  return typeof value === 'string' ? value : ''
}

export function wrongUnless(answer: Answer, status: number, code?: number): string | undefined {
  const isRight = answer.status === status && (code === undefined || errorCode(answer) === code)
  return isRight ? undefined : `it should be ${status}${code === undefined ? '' : ` with ${code}`}`
}

function tokenResult({ body }: Answer): { registration_id: string; is_new: boolean; code: number } {
  const [result] =
    (body as { results?: { registration_id: string; is_new: boolean; code: number }[] }).results ?? []
  return result ?? { registration_id: '', is_new: false, code: -1 }
}

/** Some tags to add and remove and perhaps an alias, as a body and as a change of the user. */
function someNames(chooser: Chooser): { body: object; change(user: User): User } {
  const { dice, household } = chooser
  const every = [...ownTags(household), ...sharedTags]
  const isClearing = dice.chance(0.05)
  const add = dice.some(every, 0.15)
  const remove = dice.some(every, 0.1)
  const alias = dice.chance(0.4)
    ? dice.weighted([
        [6, anyAlias(chooser)],
        [1, ''],
      ])
    : undefined
  return {
    body: { tags: isClearing ? '' : { add, remove }, ...(alias === undefined ? {} : { alias }) },
    change: (user) => {
      const tags = new Set(isClearing ? [] : [...user.tags, ...add].filter((tag) => !remove.includes(tag)))
      return { ...user, tags, alias: alias ?? user.alias }
    },
  }
}

function anyAlias({ dice, household }: Chooser): string {
  return dice.pick(dice.chance(0.75) ? ownAliases(household) : sharedAliases)
}

function anyToken({ dice, household }: Chooser, platform: User['platform']): string {
  return dice.pick(dice.chance(0.8) ? ownTokens(household, platform) : sharedTokens(platform))
}

function someFacts(dice: Dice): Facts {
  const values: Required<Facts> = {
    os: `os ${dice.whole(1, 99)}`,
    browser: `browser ${dice.whole(1, 99)}`,
    app_version: `1.${dice.whole(0, 99)}`,
    language: dice.pick(['en-US', 'zh-Hans-CN', 'de', 'pt-BR']),
    timezone: dice.pick(['Asia/Shanghai', 'Europe/Berlin', 'America/New_York']),
  }
  return Object.fromEntries(dice.some(factNames, 0.4).map((name) => [name, values[name]]))
}
