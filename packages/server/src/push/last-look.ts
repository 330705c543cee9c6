/**
 * The last look at a user before bytes leave for it: live, still holding this token, still the holder of the alias, the
 * message not withdrawn. What is asked while a look is under way goes into the next one together.
 */

import type { Clock } from '../kernel/clock.ts'
import type { Alias, RegistrationId, Token } from '../kernel/personal.ts'
import type { Db } from '../schema.ts'
import { readStandings, type Standing } from './recipients.store.ts'

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

export interface Look {
  readonly output: LookOutput
  /** When the database was asked, by this node's clock that never jumps: what was deleted since may have been missed. */
  readonly askedAt: number
}

export type LastLook = (input: LookInput) => Promise<Look>

/**
 * Looks of one statement; ours. What one look lets through is written in one turn of the event loop: a few milliseconds for
 * so many, so that it leaves while the look is young.
 */
const LOOKS_MAX = 200

interface Asked {
  readonly input: LookInput
  readonly resolve: (look: Look) => void
  readonly reject: (error: unknown) => void
}

export function createLastLook(database: Pick<Db, 'read'>, clock: Pick<Clock, 'monotonic'>): LastLook {
  const waiting: Asked[] = []
  let isLooking = false
  const lookAll = async () => {
    isLooking = true
    while (waiting.length > 0)
      await look({ database, askedAt: clock.monotonic() }, waiting.splice(0, LOOKS_MAX))
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

async function look(
  { database, askedAt }: { database: Pick<Db, 'read'>; askedAt: number },
  asked: readonly Asked[],
): Promise<void> {
  try {
    const standings = await readStandings(
      database.read,
      asked.map(({ input }) => input),
    )
    const byPlace = new Map(standings.map((standing) => [standing.n, standing]))
    asked.forEach(({ input, resolve }, place) => {
      const standing = byPlace.get(place)
      resolve({ output: outputOf(input, standing), askedAt })
    })
  } catch (error) {
    for (const { reject } of asked) reject(error)
  }
}

function outputOf(input: LookInput, standing: Standing | undefined): LookOutput {
  if (!standing || (input.alias !== null && input.alias !== standing.alias)) return 'gone'
  return input.token === null || input.token === standing.token ? 'go' : 'changed'
}
