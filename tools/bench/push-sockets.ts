// What an idle socket of a user costs in memory, as the whole process grows by it.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { sha256 } from '../../packages/server/src/kernel/digest.ts'
import { appKey, openPlace, openSession } from './place.ts'
import type { PushSection } from './push.ts'
import { residentMb } from './push-server.ts'
import { format } from './results.ts'
import { startServer } from './server.ts'
import type { SocketClients } from './socket-clients.ts'
import { idOf, loadUsers } from './users.ts'

/** Below the usual limit of open files of one process. */
const socketCount = 15_000
const secret = 'all-users-of-this-measurement-have-it'
const atOnce = 64
/** Until what connecting has used is given back. */
const settleMs = 10_000

export const sockets: PushSection = async ({ engine, newPlace, isQuick, say }, add) => {
  if (engine === undefined) return
  const count = isQuick ? 1_000 : socketCount
  const place = await newPlace()
  const { database, app } = await openPlace(place)
  await database.close()
  await loadUsers(place, app, [{ kind: 'plain', from: 0, count: count + 1_000 }])
  const session = await openSession(place)
  await session.run(`update device set secret_digest = '${sha256(secret)}'`)
  await session.close()
  const server = await startServer(place)
  const clients = fork(path.join(import.meta.dirname, 'socket-clients.ts'))
  try {
    const url = `ws://${server.host}:${server.port}/client/v1/apps/${appKey}/socket`
    const open = async (ids: readonly string[]) => {
      clients.send({ url, ids, secret, atOnce } satisfies SocketClients)
      const ended = once(clients, 'exit').then(() => Promise.reject(new Error('The clients ended.')))
      await Promise.race([once(clients, 'message'), ended])
    }
    const ids = Array.from({ length: count }, (_, n) => idOf(n))
    const beforeMb = residentMb(server.pid)
    const begunAt = performance.now()
    await open(ids)
    const seconds = (performance.now() - begunAt) / 1_000
    const peakMb = residentMb(server.pid)
    await sleep(isQuick ? 1_000 : settleMs)
    const eachKb = ((residentMb(server.pid) - beforeMb) * 1_024) / count
    say(`${count} sockets opened at ${format(count / seconds, '/s')}`)
    add({
      engine,
      what: 'idle sockets in a GB',
      value: (1_024 * 1_024) / eachKb,
      unit: '',
      beside: `${count.toLocaleString('en-GB')} open, ${eachKb.toFixed(1)} KiB each of all that the process grew by; ${format(peakMb, 'MB')} right after`,
    })
    add({
      engine,
      what: 'sockets opened, from the upgrade to the welcome',
      value: count / seconds,
      unit: '/s',
    })
  } finally {
    clients.disconnect()
    await server.stop()
    await place.remove()
  }
}
