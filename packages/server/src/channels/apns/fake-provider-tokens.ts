/** The teams of the fake, and its doorkeeper: whether a provider token is one that Apple would take on this connection. */

import { generateKeyPairSync, type KeyObject, verify } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import type { FakeReason } from './fake-reasons.ts'

/** What was taken on one connection last. */
interface Taken {
  readonly teamId: string
  readonly keyId: string
  readonly issuedAt: number
  /** When it was first seen, on the clock that never jumps. */
  readonly sinceMs: number
}

interface Key {
  readonly publicKey: KeyObject
  readonly teamId: string
  readonly topic: string
}

export interface FakeTeam {
  readonly key: string
  readonly keyId: string
  readonly teamId: string
  readonly topic: string
}

export class FakeProviderTokens {
  readonly #clock: Clock
  readonly #keys = new Map<string, Key>()
  /** By connection. */
  readonly #taken = new WeakMap<object, Taken>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A team of its own with one key and one app. */
  addTeam(topic: string): FakeTeam {
    const number = String(this.#keys.size + 1).padStart(4, '0')
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const team = { keyId: `FAKEKY${number}`, teamId: `FAKETM${number}`, topic }
    this.#keys.set(team.keyId, { ...team, publicKey })
    return { ...team, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
  }

  /** Why the request is refused; undefined: it is welcome. */
  refusalOf(authorization: string | undefined, topic: string | undefined, connection: object) {
    const token = /^bearer (\S+)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) return 'MissingProviderToken'
    const { keyId, teamId, issuedAt } = read(token)
    const key = this.#keys.get(keyId)
    if (key?.teamId !== teamId || !isSigned(token, key.publicKey)) return 'InvalidProviderToken'
    const ageSeconds = this.#clock.now() / 1_000 - issuedAt
    if (ageSeconds > AGE_SECONDS_MAX) return 'ExpiredProviderToken'
    if (!(ageSeconds >= -AHEAD_SECONDS_MAX)) return 'InvalidProviderToken'
    const refusal = this.#refusalByConnection({ teamId, keyId, issuedAt }, connection)
    return refusal ?? (topic === key.topic ? undefined : 'TopicDisallowed')
  }

  #refusalByConnection(
    token: Pick<Taken, 'teamId' | 'keyId' | 'issuedAt'>,
    connection: object,
  ): FakeReason | undefined {
    const now = this.#clock.monotonic()
    const taken = this.#taken.get(connection)
    const isNew = taken?.issuedAt !== token.issuedAt
    if (taken && taken.teamId !== token.teamId) return 'Forbidden'
    if (taken && taken.keyId !== token.keyId) return 'UnrelatedKeyIdInToken'
    if (taken && isNew && now - taken.sinceMs < UPDATE_MS_MIN) return 'TooManyProviderTokenUpdates'
    if (isNew) this.#taken.set(connection, { ...token, sinceMs: now })
    return undefined
  }
}

/** Empty and not a number where it cannot be read. */
function read(token: string): { keyId: string; teamId: string; issuedAt: number } {
  const [head = '', claims = ''] = token.split('.')
  const { alg, kid } = parsed(head)
  const { iss, iat } = parsed(claims)
  return {
    keyId: alg === 'ES256' && typeof kid === 'string' ? kid : '',
    teamId: typeof iss === 'string' ? iss : '',
    issuedAt: typeof iat === 'number' ? iat : Number.NaN,
  }
}

function parsed(part: string): Readonly<Record<string, unknown>> {
  try {
    return { ...JSON.parse(Buffer.from(part, 'base64url').toString()) }
  } catch {
    return {}
  }
}

function isSigned(token: string, key: KeyObject): boolean {
  const cut = token.lastIndexOf('.')
  const signature = Buffer.from(token.slice(cut + 1), 'base64url')
  return verify('sha256', Buffer.from(token.slice(0, cut)), { key, dsaEncoding: 'ieee-p1363' }, signature)
}

/** Apple, "Establishing a token-based connection to APNs": an hour old at most, and no new one within 20 minutes. */
const AGE_SECONDS_MAX = 3_600
const UPDATE_MS_MIN = 20 * 60_000
/** Ours: clocks of servers differ by a little. */
const AHEAD_SECONDS_MAX = 60
