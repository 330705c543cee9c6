// What a whole server does: pushes accepted for good over HTTP, the memory of broadcasts to few and to many, and how long a
// single push waits while a broadcast to a million is under way. The app sends through the stub, so no vendor is in the way.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expectStatus, p99, rate, runLoad } from './load.ts'
import { appKey, authorization, openPlace, openSession, operatorToken, type Place } from './place.ts'
import type { PushSection } from './push.ts'
import { format, percentile } from './results.ts'
import { type Server, startServer } from './server.ts'
import { idOf, loadUsers } from './users.ts'

const goals = { accepted: { sqlite: 5_000, postgres: undefined }, memoryMb: 50, singleMs: 1_000 }

export const accept: PushSection = async ({ engine, newPlace, isQuick, say }, add) => {
  if (engine === undefined) return
  const users = 10_000
  const place = await placeWith(newPlace, users)
  const server = await startServer(place)
  try {
    await setStub(server)
    const requests = Array.from({ length: users }, (_, n) => pushRequest({ registration_id: [idOf(n)] }))
    const load = { host: server.host, port: server.port, requests, isRepeating: true }
    await runLoad({ ...load, connections: 64, seconds: 2 })
    for (const connections of [1, 8, 64]) {
      const before = await countPushes(place)
      const outcome = await runLoad({ ...load, connections, seconds: isQuick ? 1 : 5 })
      expectStatus(outcome, '200')
      const written = (await countPushes(place)) - before
      if (written !== outcome.count) throw new Error(`${outcome.count} were answered and ${written} written.`)
      say(`pushes to one user at ${connections} connections: ${format(rate(outcome), '/s')}`)
      const goal = connections === 64 ? goals.accepted[engine] : undefined
      add({
        engine,
        what: `pushes to one user accepted, ${connections} connection${connections === 1 ? '' : 's'}`,
        value: rate(outcome),
        unit: '/s',
        ...(goal === undefined ? {} : { goal }),
        beside: `p99 ${format(p99(outcome), 'ms')}; sent meanwhile as well`,
      })
    }
  } finally {
    await server.stop()
    await place.remove()
  }
}

/** Memory has reached its height after a third of the large broadcast. */
const WARM_SHARE = 3

export const broadcast: PushSection = async ({ engine, newPlace, isQuick, say }, add) => {
  if (engine === undefined) return
  const sizes = isQuick ? [2_000, 20_000] : [10_000, 1_000_000]
  const peaks: number[] = []
  const cold: number[] = []
  for (const users of sizes) {
    say(`loading ${users.toLocaleString('en-GB')} users`)
    const place = await placeWith(newPlace, users)
    const server = await startServer(place)
    try {
      await setStub(server)
      const isBig = users === sizes.at(-1)
      let run = await runBroadcast({ server, place, users, isBig })
      const coldMb = run.peakMb
      // Caches and heaps fill with work, whatever the audience: the few get it so often that both servers have done the same.
      for (let sent = users; !isBig && sent < (sizes.at(-1) ?? 0) / WARM_SHARE; sent += users) {
        run = await runBroadcast({ server, place, users, isBig })
      }
      peaks.push(run.peakMb)
      cold.push(coldMb)
      say(`broadcast to ${users}: ${format(users / run.seconds, '/s')}, peak ${format(run.peakMb, 'MB')}`)
      if (!isBig) continue
      add({
        engine,
        what: `broadcast to ${users.toLocaleString('en-GB')}, written down user by user`,
        value: users / run.seconds,
        unit: '/s',
        beside: `${format(run.seconds, 's')} in all`,
      })
      add({
        engine,
        what: 'single pushes during it, until sent and written, the longest',
        value: Math.max(...run.singlesMs),
        unit: 'ms',
        goal: goals.singleMs,
        beside: `${run.singlesMs.length} pushes; median ${format(percentile(run.singlesMs, 0.5), 'ms')}`,
      })
    } finally {
      await server.stop()
      await place.remove()
    }
  }
  const [small = 0, large = 0] = peaks
  add({
    engine,
    what: `memory: peak at ${sizes[1]?.toLocaleString('en-GB')} users above that at ${sizes[0]?.toLocaleString('en-GB')}`,
    value: Math.max(0, large - small),
    unit: 'MB',
    goal: goals.memoryMb,
    beside: `${format(small, 'MB')} and ${format(large, 'MB')} resident, after as much work; the very first broadcast to the few: ${format(cold[0] ?? 0, 'MB')}`,
  })
}

async function placeWith(newPlace: () => Promise<Place>, users: number): Promise<Place> {
  const place = await newPlace()
  const { database, app } = await openPlace(place)
  await database.close()
  await loadUsers(place, app, [{ kind: 'plain', from: 0, count: users }])
  return place
}

async function setStub({ host, port }: Server): Promise<void> {
  const response = await fetch(`http://${host}:${port}/admin/v1/apps/${appKey}/channels/stub`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${operatorToken}`, 'content-type': 'application/json' },
    body: '{}',
  })
  if (!response.ok) throw new Error(`The stub was not set: ${await response.text()}`)
}

function pushBody(to: unknown): string {
  return JSON.stringify({ to, body: { platform: 'android', notification: { alert: 'A text for one' } } })
}

function pushRequest(to: unknown): string {
  const text = pushBody(to)
  const head = `POST /v4/push HTTP/1.1\r\nHost: lethe\r\nAuthorization: ${authorization}\r\nContent-Type: application/json`
  return `${head}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
}

async function push({ host, port }: Server, to: unknown): Promise<string> {
  const response = await fetch(`http://${host}:${port}/v4/push`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: pushBody(to),
  })
  const body = (await response.json()) as { msg_id?: string }
  if (body.msg_id === undefined) throw new Error(`A push was refused: ${JSON.stringify(body)}`)
  return body.msg_id
}

/** Sends to all and, if it is the big one, a single push every two seconds meanwhile. */
async function runBroadcast(run: { server: Server; place: Place; users: number; isBig: boolean }) {
  const { server, place, users, isBig } = run
  const session = await openSession(place)
  const begunAt = performance.now()
  const msgId = await push(server, 'all')
  const singles: string[] = []
  let peakMb = 0
  let nextSingleAt = performance.now()
  for (;;) {
    peakMb = Math.max(peakMb, residentMb(server.pid))
    if (isBig && performance.now() >= nextSingleAt) {
      singles.push(await push(server, { registration_id: [idOf(singles.length % users)] }))
      nextSingleAt = performance.now() + 2_000
    }
    const [row] = await session.run(`select state from push where msg_id = ${msgId}`)
    if (row?.['state'] === 'done') break
    await sleep(100)
  }
  const seconds = (performance.now() - begunAt) / 1_000
  await sleep(1_500)
  const singlesMs: number[] = []
  for (const single of singles) {
    const [row] = await session.run(
      `select s.changed_at - p.accepted_at as ms from push p join message_status s on s.msg_id = p.msg_id where p.msg_id = ${single}`,
    )
    singlesMs.push(Number(row?.['ms'] ?? Number.NaN))
  }
  const [counted] = await session.run(`select count(*) as count from message_status where msg_id = ${msgId}`)
  if (Number(counted?.['count']) !== users) throw new Error(`${counted?.['count']} of ${users} got it.`)
  await session.close()
  return { seconds, peakMb, singlesMs }
}

/** What the process holds, as Linux tells it. */
export function residentMb(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib) / 1_024
}

async function countPushes(place: Place): Promise<number> {
  const session = await openSession(place)
  const [row] = await session.run('select count(*) as count from push')
  await session.close()
  return Number(row?.['count'])
}
