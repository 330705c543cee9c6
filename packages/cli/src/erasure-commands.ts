/** `lethe erasure …`: look at erasures, and wait for one. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { ErasureAnswer } from '@lethe/protocol/erasure.schemas.ts'
import type { ErasureItem, ErasuresAnswer } from '@lethe/protocol/erasure-list.schemas.ts'
import type { Command } from 'commander'
import { Complaint, EXIT_FAILED, EXIT_USAGE } from './complaint.ts'
import { parseDuration, wordsOfSeconds } from './duration.ts'
import { call, type Json, jsonOption, pathOfApp, print } from './operator-command.ts'
import { ProgressLine } from './progress-line.ts'

interface Options extends Json {
  readonly app: string
}

/** Which erasure: by its id, or by whom it was for. */
interface WhichOptions extends Options {
  readonly registrationId?: string
}

const POLL_MS = 500
const TIMEOUT_SECONDS_DEFAULT = 120

export function addErasureCommands(program: Command, setExitCode: (code: number) => void): void {
  const erasure = program.command('erasure').description('Look at the erasures of deleted users.')

  which(erasure.command('show').description('Show how far an erasure is, and its receipt with --json.'))
    .addOption(jsonOption())
    .action(show)

  erasure
    .command('list')
    .description('List the erasures of an app, the newest first.')
    .requiredOption('--app <app-key>', 'the app')
    .option('--open', 'only those that are not finished, the oldest first')
    .option('--before <id>', 'go on where a page ended')
    .addOption(jsonOption())
    .action(list)

  which(
    erasure
      .command('wait')
      .description('Wait until an erasure is finished. Exit code 0: it is; 1: not in time.'),
  )
    .option('--timeout <time>', 'how long to wait at most: 90s, 10m, 2h; default: 2m', parseDuration)
    .addOption(jsonOption())
    .action(async (id: string | undefined, options: WhichOptions & { timeout?: number }, command: Command) =>
      setExitCode(await wait(id, options, command)),
    )
}

function which(command: Command): Command {
  return command
    .argument('[erasure-id]', 'the id that the header Lethe-Erasure of the deletion carried')
    .requiredOption('--app <app-key>', 'the app')
    .option('--registration-id <id>', 'instead of the id of the erasure: that of the deleted user')
}

async function show(id: string | undefined, options: WhichOptions, command: Command): Promise<void> {
  const erasure = await read(await idOf(id, options, command), options, command)
  print(options, erasure, erasureLines(erasure))
}

async function idOf(id: string | undefined, options: WhichOptions, command: Command): Promise<string> {
  const { app, registrationId } = options
  if ((id === undefined) === (registrationId === undefined)) {
    throw new Complaint('Give the id of an erasure, or --registration-id.', EXIT_USAGE)
  }
  if (id !== undefined) return id
  const query = new URLSearchParams({ registration_id: registrationId ?? '' })
  const path = `${pathOfApp(app)}/erasures?${query}`
  const [found] = (await call<ErasuresAnswer>(command, { method: 'GET', path })).erasures
  if (!found) throw new Complaint('This app has no erasure of that user.')
  return found.erasure_id
}

function read(id: string, { app }: Options, command: Command): Promise<ErasureAnswer> {
  const path = `${pathOfApp(app)}/erasures/${encodeURIComponent(id)}`
  return call<ErasureAnswer>(command, { method: 'GET', path })
}

async function wait(
  given: string | undefined,
  options: WhichOptions & { timeout?: number },
  command: Command,
): Promise<number> {
  const id = await idOf(given, options, command)
  const timeoutMs = (options.timeout ?? TIMEOUT_SECONDS_DEFAULT) * 1_000
  const startedAt = performance.now()
  const line = new ProgressLine()
  let erasure = await read(id, options, command)
  while (erasure.state !== 'erased' && performance.now() - startedAt < timeoutMs) {
    const seconds = Math.floor((performance.now() - startedAt) / 1_000)
    line.show({ words: `${erasure.state}, waiting for ${wordsOfSeconds(seconds)}`, stage: erasure.state })
    await sleep(POLL_MS)
    erasure = await read(id, options, command)
  }
  line.end()
  print(options, erasure, erasureLines(erasure))
  return erasure.state === 'erased' ? 0 : EXIT_FAILED
}

async function list(options: Options & { open?: true; before?: string }, command: Command): Promise<void> {
  const { app, open, before } = options
  const query = new URLSearchParams({
    ...(open ? { open: 'true' } : {}),
    ...(before === undefined ? {} : { before }),
  })
  const answer = await call<ErasuresAnswer>(command, {
    method: 'GET',
    path: `${pathOfApp(app)}/erasures?${query}`,
  })
  const more = answer.next === null ? [] : [`More: lethe erasure list --app ${app} --before ${answer.next}`]
  const lines = [...answer.erasures.map(erasureLine), ...more]
  print(options, answer, lines.length > 0 ? lines : [open ? 'No erasure is open.' : 'Nobody was deleted.'])
}

function erasureLine({ erasure_id, hidden_at, state, origin, deletion_id }: ErasureItem): string {
  const of = deletion_id === null ? '' : ` ${deletion_id}`
  return `${erasure_id}  ${hidden_at}  ${state.padEnd(9)}  ${origin}${of}`
}

function erasureLines(erasure: ErasureAnswer): string[] {
  const removed = Object.entries(erasure.removed ?? {}).map(([table, rows]) => `${rows} from ${table}`)
  return [
    `Erasure  ${erasure.erasure_id}`,
    `State    ${erasure.state}`,
    `Hidden   ${erasure.hidden_at}`,
    `Removed  ${erasure.removed_at ?? 'not yet'}${removed.length > 0 ? `: ${removed.join(', ')}` : ''}`,
    `Erased   ${erasure.erased_at ?? 'not yet'}`,
    `Receipt  ${erasure.receipt === null ? 'not yet' : 'signed; --json gives it'}`,
  ]
}
