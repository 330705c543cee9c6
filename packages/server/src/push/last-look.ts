/**
 * The last look at a user before bytes leave for it: live, still holding this token, still the holder of the alias, the
 * message not withdrawn. What is asked while a look is under way goes into the next one together.
 */

import type { Alias, RegistrationId, Token } from '../kernel/personal.ts'
import type { Db } from '../schema.ts'
import { readStandings } from './recipients.store.ts'

export interface LookInput {
  readonly appKey: string
  readonly registrationId: RegistrationId
  readonly msgId: number
  /** The token that it is sent to; null where the channel needs none. */
  readonly token: Token | null
  readonly alias: Alias | null
}

/** `changed`: the user is there, and has another token by now. `gone`: it is not for this user any more. */
export type LookOutput = 'go' | 'changed' | 'gone'

export type LastLook = (input: LookInput) => Promise<LookOutput>

/** Looks of one statement; ours. */
const LOOKS_MAX = 1_000

interface Asked {
  readonly input: LookInput
  readonly resolve: (output: LookOutput) => void
  readonly reject: (error: unknown) => void
}

export function createLastLook(database: Pick<Db, 'read'>): LastLook {
  const waiting: Asked[] = []
  let isLooking = false
  const lookAll = async () => {
    isLooking = true
    while (waiting.length > 0) await look(database, waiting.splice(0, LOOKS_MAX))
    isLooking = false
  }
  return (input) =>
    new Promise((resolve, reject) => {
      waiting.push({ input, resolve, reject })
      if (isLooking) return
      isLooking = true
      setImmediate(() => void lookAll())
    })
}

async function look(database: Pick<Db, 'read'>, asked: readonly Asked[]): Promise<void> {
  try {
    const standings = await readStandings(
      database.read,
      asked.map(({ input }) => input),
    )
    const byPlace = new Map(standings.map((standing) => [standing.n, standing]))
    asked.forEach(({ input, resolve }, place) => {
      const standing = byPlace.get(place)
      if (!standing || (input.alias !== null && input.alias !== standing.alias)) resolve('gone')
      else resolve(input.token === null || input.token === standing.token ? 'go' : 'changed')
    })
  } catch (error) {
    for (const { reject } of asked) reject(error)
  }
}
