/** Watches system calls of running processes with strace, in the order in which they happen over all of them. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { until } from './until.ts'

export interface SystemCall {
  readonly name: string
  /** Arguments as strace prints them, with the path behind each file descriptor. */
  readonly text: string
  /** Places in the trace at which the call began and returned: only their order means something. */
  readonly begun: number
  readonly returned: number
}

const WATCHED = [
  'read',
  'readv',
  'recvfrom',
  'recvmsg',
  'write',
  'writev',
  'sendto',
  'sendmsg',
  'pwrite64',
  'pwritev',
  'pwritev2',
  'fsync',
  'fdatasync',
]

/**
 * Attaches to the processes and to all that they start from now on; the answer ends it and gives what was called.
 * @throws Error with a sentence that says what to do when strace is not there or may not look.
 */
export async function watchSystemCalls(pids: readonly number[]): Promise<() => Promise<SystemCall[]>> {
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-strace-'))
  const file = path.join(folder, 'trace')
  const targets = pids.flatMap((pid) => ['-p', String(pid)])
  const strace = spawn(
    'strace',
    ['-f', '-y', '-s', '256', '-o', file, '-e', `trace=${WATCHED.join(',')}`, ...targets],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  let failure: string | undefined
  strace.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  strace.once('error', (error) => {
    failure = `${error.message}. This test watches what reaches the disk and needs strace: apt-get install strace, as .ci/run does`
  })
  strace.once('exit', (code) => {
    failure ??= `strace ended with ${code}: ${said}`
  })
  await until('strace is attached', () => {
    if (failure !== undefined) throw new Error(failure)
    return (said.match(/ attached/g)?.length ?? 0) >= pids.length
  })
  return async () => {
    const exited = once(strace, 'exit')
    strace.kill('SIGINT')
    await exited
    const calls = parseTrace(readFileSync(file, 'utf8'))
    rmSync(folder, { recursive: true, force: true })
    return calls
  }
}

/**
 * A call that another one overtook stands in two lines, `name(… <unfinished ...>` and `<... name resumed>…`.
 */
export function parseTrace(trace: string): SystemCall[] {
  const calls: SystemCall[] = []
  const unfinished = new Map<string, { name: string; text: string; begun: number }>()
  trace.split('\n').forEach((line, at) => {
    const [, pid = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1]
    if (resumed !== undefined) {
      const call = unfinished.get(pid)
      unfinished.delete(pid)
      if (call) calls.push({ ...call, text: call.text + resumed, returned: at })
      return
    }
    const [, name, text] = /^(\w+)\((.*)$/.exec(rest) ?? []
    if (name === undefined || text === undefined) return
    const open = /^(.*) <unfinished \.\.\.>$/.exec(text)?.[1]
    if (open === undefined) calls.push({ name, text, begun: at, returned: at })
    else unfinished.set(pid, { name, text: open, begun: at })
  })
  return calls.sort((one, other) => one.begun - other.begun)
}
