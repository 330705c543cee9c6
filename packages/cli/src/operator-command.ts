/** What all commands on the operator API share: how they call it, and how they print its answers. */

import process from 'node:process'
import { type Command, Option } from 'commander'
import { callOperatorApi, type Request } from './operator-api.ts'

export type Json = { readonly json?: true }

export function jsonOption(): Option {
  return new Option('--json', 'print the answer as JSON')
}

/** Calls with the server and the token that the command line, or the environment, names. */
export function call<Answer>(command: Command, request: Request): Promise<Answer> {
  const { url, operatorToken } = command.optsWithGlobals<{ url: string; operatorToken?: string }>()
  return callOperatorApi<Answer>({ url, operatorToken }, request)
}

export function pathOfApp(appKey: string): string {
  return `/admin/v1/apps/${encodeURIComponent(appKey)}`
}

/** The answer for programs, or lines for people. */
export function print({ json }: Json, answer: unknown, lines: readonly string[]): void {
  const text = json ? JSON.stringify(answer, null, 2) : lines.join('\n')
  process.stdout.write(text === '' ? '' : `${text}\n`)
}
