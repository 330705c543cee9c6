/** Looks at an audience before something is done with it: how many users it has, who they are, and whether it is still the same. */

import { type ReachChannel, reachChannels } from '@lethe/protocol/audience-check.schemas.ts'
import { type Platform, platforms } from '@lethe/protocol/platform.ts'
import { startHmacSha256 } from '../kernel/digest.ts'
import type { RegistrationId, Tag } from '../kernel/personal.ts'
import type { Random } from '../kernel/random.ts'
import type { Db } from '../schema.ts'
import { countLive, readHolders, readSample, type SampleRow } from './audience.store.ts'
import { type Audience, tagsIn } from './audience.ts'
import { type Member, walkAudience } from './walk-audience.ts'

type Counts<Name extends string> = Record<Name, number>

export interface AudienceFigures {
  /** Live users who fit, reachable or not. */
  readonly users: number
  readonly byPlatform: Readonly<Counts<Platform>>
  /** Those of them whom a push would reach. */
  readonly reachable: {
    readonly users: number
    readonly byPlatform: Readonly<Counts<Platform>>
    readonly byChannel: Readonly<Counts<ReachChannel>>
  }
  /** Changes when a user comes into the audience or leaves it; tells nothing to who lacks the key. */
  readonly fingerprint: string
}

export interface AudienceCheck extends AudienceFigures {
  /** All live users of the app. */
  readonly liveUsers: number
  readonly unknownTags: readonly Tag[]
  /** At most ten members, drawn at random, as they were when the check ended. */
  readonly sample: readonly SampleRow[]
}

export interface CheckInput {
  readonly appKey: string
  readonly audience: Audience
  /** The app's newest erasure key: with it the fingerprint is made. */
  readonly key: Uint8Array
}

export interface CheckDeps {
  readonly database: Pick<Db, 'read' | 'engine'>
  readonly random: Random
}

export async function checkAudience(deps: CheckDeps, input: CheckInput): Promise<AudienceCheck> {
  const { database } = deps
  const count = startFigures(input.key)
  const sample = startSample(deps.random)
  for await (const members of walkAudience(deps, input)) {
    for (const member of members) {
      count.add(member)
      sample.add(member.registrationId)
    }
  }
  const figures = count.end()
  const isEveryone = input.audience.kind === 'everyone'
  return {
    ...figures,
    liveUsers: isEveryone ? figures.users : await countLive(database.read, input.appKey),
    unknownTags: await findUnknownTags(deps, input),
    sample: await readSample(database.read, input.appKey, sample.drawn),
  }
}

/** The tags of the audience that no live user holds: most likely misspelt. */
export async function findUnknownTags(
  { database }: Pick<CheckDeps, 'database'>,
  { appKey, audience }: Pick<CheckInput, 'appKey' | 'audience'>,
): Promise<Tag[]> {
  const holders = await readHolders(database.read, appKey, tagsIn(audience))
  return tagsIn(audience).filter((tag) => (holders.get(tag) ?? 0) === 0)
}

/** Adds up members, who come in the order of registration ids. The one place that counts users of an audience by themselves. */
export function startFigures(key: Uint8Array): { add(member: Member): void; end(): AudienceFigures } {
  const byPlatform = noCounts(platforms)
  const reachablePlatforms = noCounts(platforms)
  const byChannel = noCounts(reachChannels)
  const hmac = startHmacSha256(key)
  return {
    add: ({ registrationId, platform, token }) => {
      hmac.add(registrationId)
      byPlatform[platform]++
      if (token === null) return
      reachablePlatforms[platform]++
      byChannel[token.startsWith(SOCKET_TOKEN) ? 'socket' : VENDOR_CHANNELS[platform]]++
    },
    end: () => ({
      users: sumOf(byPlatform),
      byPlatform,
      reachable: { users: sumOf(reachablePlatforms), byPlatform: reachablePlatforms, byChannel },
      fingerprint: hmac.end(),
    }),
  }
}

/** What the address of a user begins with who has none but its own socket. */
const SOCKET_TOKEN = 'socket:'

const VENDOR_CHANNELS: Readonly<Record<Platform, ReachChannel>> = {
  web: 'web-push',
  android: 'fcm',
  ios: 'apns',
  hmos: 'hms',
}

function noCounts<Name extends string>(names: readonly Name[]): Counts<Name> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Counts<Name>
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

const SAMPLE_MAX = 10

/** Draws at most ten of those who pass, each with the same chance, however many there will be. */
function startSample(random: Random): { add(id: RegistrationId): void; drawn: RegistrationId[] } {
  const drawn: RegistrationId[] = []
  let seen = 0
  return {
    drawn,
    add: (id) => {
      seen++
      if (drawn.length < SAMPLE_MAX) drawn.push(id)
      else {
        const place = Math.floor((numberOf(random.bytes(4)) / 2 ** 32) * seen)
        if (place < SAMPLE_MAX) drawn[place] = id
      }
    },
  }
}

function numberOf(bytes: Uint8Array): number {
  return bytes.reduce((number, byte) => number * 256 + byte, 0)
}
