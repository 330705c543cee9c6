// What one caller expects of the server: the users that only it writes to, as they stand after every answer so far. Names
// (aliases, tokens) are the caller's own, so its users stand exactly as it left them; except shared ones, which other
// callers may take away at any time.
import { createECDH } from 'node:crypto'

export type Platform = 'web' | 'android' | 'ios' | 'hmos'
export const platforms = ['web', 'android', 'ios', 'hmos'] as const

export const factNames = ['os', 'browser', 'app_version', 'language', 'timezone'] as const
export type Facts = Partial<Record<(typeof factNames)[number], string>>

export type User = {
  /** `?` and the mark while the registration has not been answered. */
  id: string
  /** Undefined for a user registered by the customer's server, or whose registration was never answered. */
  secret: string | undefined
  platform: Platform
  /** Stands in the fact `model`, so that a row tells which registration made it; empty for one made by its token. */
  mark: string
  tags: ReadonlySet<string>
  alias: string
  token: string
  facts: Facts
  /** The call that registered the user, when it carried an Idempotency-Key. */
  request: { key: string; body: RegistrationBody } | undefined
}

export type RegistrationBody = {
  platform: Platform
  model: string
  tags?: string[]
  alias?: string
  token?: string
  subscription?: unknown
} & Facts

export type Deleted = {
  user: User
  erasureId: string
  /** Set once it was seen erased; must never change again. */
  receipt?: string
}

export type Household = {
  number: number
  users: ReadonlyMap<string, User>
  deleted: readonly Deleted[]
  /** Tokens of deleted users that nobody has brought back. */
  erasedTokens: ReadonlySet<string>
}

export function emptyHousehold(number: number): Household {
  return { number, users: new Map(), deleted: [], erasedTokens: new Set() }
}

/** Adds or replaces the user. Whoever in the household held its alias or token holds it no longer. */
export function withUser(household: Household, user: User): Household {
  const users = new Map(household.users)
  for (const [id, other] of users) {
    const losesAlias = other.alias !== '' && other.alias === user.alias
    const losesToken = other.token !== '' && other.token === user.token
    if (id !== user.id && (losesAlias || losesToken)) {
      users.set(id, {
        ...other,
        alias: losesAlias ? '' : other.alias,
        token: losesToken ? '' : other.token,
      })
    }
  }
  users.set(user.id, user)
  const erasedTokens = new Set(household.erasedTokens)
  if (household.users.get(user.id)?.token !== user.token) erasedTokens.delete(user.token)
  return { ...household, users, erasedTokens }
}

export function withoutUser(household: Household, user: User, erasureId: string): Household {
  const users = new Map(household.users)
  users.delete(user.id)
  const isOwnToken = user.token !== '' && !isSharedToken(user.token)
  return {
    ...household,
    users,
    deleted: [...household.deleted, { user, erasureId }],
    erasedTokens: isOwnToken ? new Set([...household.erasedTokens, user.token]) : household.erasedTokens,
  }
}

/** Changes every user; for calls that name a tag or an alias instead of a user. */
export function mapUsers(household: Household, change: (user: User) => User): Household {
  return { ...household, users: new Map([...household.users].map(([id, user]) => [id, change(user)])) }
}

const namesPerHousehold = 6
const sharedCount = 6

export function ownTags(household: Household): string[] {
  return numbered(namesPerHousehold, (n) => `c${household.number}_tag${n}`)
}

export const sharedTags = numbered(sharedCount, (n) => `shared_tag${n}`)

export function ownAliases(household: Household): string[] {
  return numbered(namesPerHousehold, (n) => `c${household.number}_alias${n}`)
}

export const sharedAliases = numbered(sharedCount, (n) => `shared_alias${n}`)

export function ownTokens(household: Household, platform: Platform): string[] {
  return numbered(namesPerHousehold, (n) => tokenText(platform, `c${household.number}_${n}`))
}

export function sharedTokens(platform: Platform): string[] {
  return numbered(2, (n) => tokenText(platform, `shared_${n}`))
}

const everySharedToken = new Set(platforms.flatMap(sharedTokens))

export function isSharedToken(token: string): boolean {
  return everySharedToken.has(token)
}

export function isSharedAlias(alias: string): boolean {
  return alias.startsWith('shared_')
}

/** A token of its platform's shape that nobody else has. */
function tokenText(platform: Platform, name: string): string {
  switch (platform) {
    case 'web':
      return `https://push.example.com/${name}`
    case 'ios':
      return Buffer.from(name).toString('hex').padEnd(64, '0')
    case 'android':
    case 'hmos':
      return `${name}_${platform}`.padEnd(40, 'x')
  }
}

const browserKeys = createECDH('prime256v1')
browserKeys.generateKeys()
const keys = { p256dh: browserKeys.getPublicKey('base64url'), auth: Buffer.alloc(16).toString('base64url') }

/** How a token stands in a body of the client API. */
export function channelOf(platform: Platform, token: string): { token?: string; subscription?: unknown } {
  if (token === '') return {}
  return platform === 'web' ? { subscription: { endpoint: token, keys } } : { token }
}

function numbered<Item>(count: number, make: (n: number) => Item): Item[] {
  return Array.from({ length: count }, (_, index) => make(index))
}
