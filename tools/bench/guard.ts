// What the deletion guard costs: deletions accepted a second with the guard off, on, and asked by every transaction as near
// the end of a budget, in turns in one run, so that whatever else the machine does meanwhile meets all three.
import { setTimeout as sleep } from 'node:timers/promises'
import { GUARD_AMPLE } from './guard-of-place.ts'
import { deleteRequest, expectStatus, rate, runLoad } from './load.ts'
import { appKey, operatorToken } from './place.ts'
import { format, middleOf } from './results.ts'
import { type Section, untilErased, withUsers } from './section.ts'
import { type Server, startServer } from './server.ts'
import { idsOf } from './users.ts'

const modes = {
  off: { settings: { is_on: false }, words: 'guard off' },
  on: { settings: { is_on: true, minimum: GUARD_AMPLE }, words: 'guard on' },
  asked: {
    settings: { is_on: true, minimum: 0, share_percent: 0 },
    words: 'guard asked by every transaction',
  },
} as const
type Mode = keyof typeof modes
const modeNames = Object.keys(modes) as Mode[]

const connectionCounts = [1, 8, 64] as const
/** Users of one measurement: by connections, what an engine accepts in about half a second. */
const userCounts = {
  sqlite: { 1: 500, 8: 2_000, 64: 4_000 },
  postgres: { 1: 300, 8: 1_000, 64: 3_000 },
} as const
const rounds = 4
const quickRounds = 2
const warmUpUsers = 3_000
/** What a node was given before the change is used up or given back by then. */
const settleMs = 2_500

export const guard: Section = async (input, add) => {
  const counts = userCounts[input.engine]
  const turns = input.isQuick ? quickRounds : rounds
  const perTurn = connectionCounts.reduce((sum, connections) => sum + counts[connections], 0)
  const count = warmUpUsers + turns * modeNames.length * perTurn
  await withUsers(input, [{ kind: 'plain', from: 0, count }], async (place) => {
    const server = await startServer(place)
    let from = 0
    const deletePart = async (connections: number, count: number) => {
      const requests = idsOf({ from, count }).map(deleteRequest)
      from += count
      const { host, port } = server
      const outcome = await runLoad({ host, port, requests, isRepeating: false, connections, seconds: 60 })
      expectStatus(outcome, '200')
      return rate(outcome)
    }
    try {
      await deletePart(64, warmUpUsers)
      const measured = new Map<string, number[]>()
      for (let turn = 0; turn < turns; turn++) {
        // Each has its turn to be the first.
        for (let step = 0; step < modeNames.length; step++) {
          const mode = modeNames[(turn + step) % modeNames.length] as Mode
          await setMode(server, mode)
          await untilErased(place)
          for (const connections of connectionCounts) {
            const key = `${mode} ${connections}`
            measured.set(key, [
              ...(measured.get(key) ?? []),
              await deletePart(connections, counts[connections]),
            ])
          }
        }
        input.say(`guard, turn ${turn + 1} of ${turns}`)
      }
      for (const connections of connectionCounts) {
        const middle = (mode: Mode) => middleOf(measured.get(`${mode} ${connections}`) ?? [])
        for (const mode of modeNames) {
          add({
            what: `deletions accepted, ${connections} connection${connections === 1 ? '' : 's'}, ${modes[mode].words}`,
            value: middle(mode),
            unit: '/s',
            beside:
              mode === 'off'
                ? `the middle of ${turns}`
                : `${Math.round((middle(mode) / middle('off')) * 100)} % of ${format(middle('off'), '/s')}`,
          })
        }
      }
    } finally {
      await server.stop()
    }
  })
}

async function setMode(server: Server, mode: Mode): Promise<void> {
  await operate(server, 'PATCH', { path: '', body: modes[mode].settings })
  if (mode === 'asked') await operate(server, 'POST', { path: '/opening', body: OPENING })
  await sleep(settleMs)
}

const OPENING = { deletions: GUARD_AMPLE, seconds: 86_400 }

async function operate(
  { host, port }: Server,
  method: string,
  { path, body }: { path: string; body: object },
): Promise<void> {
  const answer = await fetch(`http://${host}:${port}/admin/v1/apps/${appKey}/guard${path}`, {
    method,
    headers: { authorization: `Bearer ${operatorToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`The guard was not set: ${answer.status} ${await answer.text()}`)
}
