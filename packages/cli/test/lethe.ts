/** The `lethe` command as a process of its own, and folders that are gone when the tests are. */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'

export const LETHE = path.join(import.meta.dirname, '..', 'bin', 'lethe.mjs')

const folders: string[] = []
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

export function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'lethe-cli-'))
  folders.push(folder)
  return folder
}

export type Env = Record<string, string>
export type Ended = { code: number | null; stdout: string; stderr: string }

/** Runs a command to its end. */
export function lethe(args: string[], env: Env = {}, input = ''): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [LETHE, ...args], { env: cleanEnv(env) }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    )
    child.stdin?.end(input)
  })
}

function cleanEnv(env: Env): Env {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('LETHE_'))
  return { ...(Object.fromEntries(own) as Env), ...env }
}

export type Serving = { child: ChildProcess; url: string; output(): string; stop(): Promise<number | null> }

export const OPERATED = {
  LETHE_OPERATOR_TOKEN: 'operator-token-of-the-tests',
  LETHE_APP_KEY: 'genie',
  LETHE_MASTER_SECRET: 'sesame',
}

/** Starts a server with an app and an operator, and says what a command needs to reach it. */
export async function serveOperated(more: Env = {}): Promise<{ server: Serving; env: Env }> {
  const server = await serve({ LETHE_DATA_DIR: path.join(newFolder(), 'data'), ...OPERATED, ...more })
  return { server, env: { LETHE_URL: server.url, LETHE_OPERATOR_TOKEN: OPERATED.LETHE_OPERATOR_TOKEN } }
}

/** Starts a server and waits for its banner. */
export async function serve(env: Env, flags: string[] = []): Promise<Serving> {
  const child = spawn(process.execPath, [LETHE, 'serve', ...flags], {
    env: cleanEnv({ LETHE_PORT: '0', ...env }),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  let output = ''
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString()
      const address = /Lethe listens on (\S+)[\s\S]*\n\n$/.exec(output)?.[1]
      if (address !== undefined) resolve(address)
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('exit', () => reject(new Error(output)))
  })
  const stop = async () => {
    child.kill('SIGTERM')
    return (await exited)[0] as number | null
  }
  return { child, url, output: () => output, stop }
}
