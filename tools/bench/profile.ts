// Where the server's threads spend their time while deletions are accepted, and while accepted ones are worked off: self
// time by function, so that a missed goal can be explained.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { deleteRequest, rate, runLoad } from './load.ts'
import { format } from './results.ts'
import { type SectionInput, untilErased, withUsers } from './section.ts'
import { startServer } from './server.ts'
import { idsOf, type Users } from './users.ts'

const functionsShown = 25
const usersToAccept = 60_000
const usersToErase = 30_000
const acceptSeconds = 8

export async function profile(input: SectionInput): Promise<void> {
  const share = input.isQuick ? 0.2 : 1
  const accepting: Users = { kind: 'tagged', from: 0, count: usersToAccept * share }
  await profiled(input, accepting, async ({ host, port }) => {
    const requests = idsOf(accepting).map(deleteRequest)
    const outcome = await runLoad({
      host,
      port,
      requests,
      isRepeating: false,
      connections: 64,
      seconds: acceptSeconds,
    })
    return `${format(rate(outcome), '/s')} deletions accepted at 64 connections, profiled`
  })
  const erasing: Users = { kind: 'tagged', from: 0, count: usersToErase * share, acceptedAt: Date.now() }
  await profiled(input, erasing, async (_, untilDone) => {
    const startedAt = performance.now()
    await untilDone()
    const perSecond = erasing.count / ((performance.now() - startedAt) / 1_000)
    return `${format(perSecond, '/s')} erasures worked off, profiled`
  })
}

async function profiled(
  input: SectionInput,
  users: Users,
  work: (server: { host: string; port: number }, untilDone: () => Promise<void>) => Promise<string>,
): Promise<void> {
  const profiles = mkdtempSync(path.join(tmpdir(), 'lethe-bench-'))
  try {
    await withUsers(input, [users], async (place) => {
      const server = await startServer(place, { profiles })
      try {
        input.say(await work(server, () => untilErased(place)))
      } finally {
        await server.stop()
      }
    })
    for (const name of readdirSync(profiles).sort()) {
      const text = readFileSync(path.join(profiles, name), 'utf8')
      input.say(tableOf(JSON.parse(text) as CpuProfile))
    }
  } finally {
    rmSync(profiles, { recursive: true, force: true })
  }
}

/** What V8 writes, as far as we read it. Times are microseconds. */
export type CpuProfile = {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[]
  samples: number[]
  timeDeltas: number[]
}

/** Self time by function, the idle time apart. */
export function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): {
  busyMs: number
  rows: [string, number][]
} {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const times = new Map<string, number>()
  samples.forEach((id, index) => {
    const name = names.get(id) ?? '?'
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[index] ?? 0) / 1_000)
  })
  times.delete('(idle)')
  times.delete('(root)')
  const rows = [...times].sort(([, one], [, other]) => other - one)
  return { busyMs: rows.reduce((sum, [, ms]) => sum + ms, 0), rows }
}

function nameOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName || '(anonymous)'
  const file = url.replace(/^.*\/(node_modules|packages)\//, '')
  return url === '' ? name : `${name}  ${file}:${lineNumber + 1}`
}

function tableOf(profile: CpuProfile): string {
  const { busyMs, rows } = selfTimes(profile)
  const isWriter = profile.nodes.some(({ callFrame }) => callFrame.url.endsWith('/sqlite/writer.ts'))
  const isMain = profile.nodes.some(({ callFrame }) => callFrame.url.endsWith('/http/server.ts'))
  const thread = isMain ? 'main thread' : isWriter ? 'writer thread' : 'another thread'
  const lines = rows
    .slice(0, functionsShown)
    .map(([name, ms]) => `${((ms / busyMs) * 100).toFixed(1).padStart(6)} %  ${name}`)
  return [`${thread}, busy for ${format(busyMs / 1_000, 's')}:`, ...lines].join('\n')
}
