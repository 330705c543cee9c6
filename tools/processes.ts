// The machine's processes and who started whom, read from /proc on Linux and from `ps` elsewhere. What to do about a
// process is left to the caller.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export type RunningProcess = { pid: number; parentPid: number }

const pollMs = 5

/** Every process that is still running. A zombie (ended, its end not yet collected) is not: it holds nothing any more. */
export function runningProcesses(): RunningProcess[] {
  return existsSync('/proc/self/stat') ? processesFromProc() : processesFromPs()
}

export function isRunning(pid: number): boolean {
  return runningProcesses().some((running) => running.pid === pid)
}

/** Waits until none of the processes runs. Answers those that still do when the time is over: none, when all went well. */
export async function waitUntilGone(pids: number[], timeoutMs: number): Promise<number[]> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const running = new Set(runningProcesses().map((one) => one.pid))
    const left = pids.filter((pid) => running.has(pid))
    if (left.length === 0 || performance.now() > deadline) return left
    await sleep(pollMs)
  }
}

function processesFromProc(): RunningProcess[] {
  const found: RunningProcess[] = []
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = readIfThere(`/proc/${name}/stat`)
    // The command stands in parentheses and may itself hold spaces and parentheses: the fields start after the last one.
    const [state, parentPid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (state === undefined || parentPid === undefined || state === 'Z' || state === 'X') continue
    found.push({ pid: Number(name), parentPid: Number(parentPid) })
  }
  return found
}

/** A process may end between the listing and the reading; then there is nothing to read. */
function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function processesFromPs(): RunningProcess[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' }).trim().split('\n')
  return lines.flatMap((line) => {
    const [pid, parentPid, state] = line.trim().split(/\s+/)
    if (pid === undefined || parentPid === undefined || state === undefined || state.startsWith('Z'))
      return []
    return [{ pid: Number(pid), parentPid: Number(parentPid) }]
  })
}
