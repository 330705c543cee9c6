/** `lethe deletion …`: delete many users, with a look before every step that cannot be undone. */

import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type {
  ConfirmDeletionBody,
  DeletionAnswer,
  DeletionsAnswer,
  ManifestsAnswer,
} from '@lethe/protocol/deletion.schemas.ts'
import type { Command } from 'commander'
import { Complaint, EXIT_FAILED, EXIT_USAGE } from './complaint.ts'
import { addPlanCommand } from './deletion-plan.ts'
import { deletionLine, deletionLines, isEnded, progressOf } from './deletion-words.ts'
import { parseDuration } from './duration.ts'
import { call, type Json, jsonOption, pathOfApp, print } from './operator-command.ts'
import { ProgressLine } from './progress-line.ts'

interface AppOption {
  readonly app: string
}

/** How often a deletion is asked how far it is. */
const WATCH_MS = 1_000

export function addDeletionCommands(program: Command, setExitCode: (code: number) => void): void {
  const deletion = program
    .command('deletion')
    .description('Delete many users: plan, look at the figures, confirm, watch.')
  addPlanCommand(deletion)

  withId(deletion, 'confirm', 'Confirm a plan: its users will be deleted, and that cannot be undone.')
    .requiredOption('--token <token>', 'the confirmation token of the plan')
    .option(
      '--count <users>',
      'the number of users on the list; on a terminal you are asked for it',
      parseCount,
    )
    .option('--app-name <name>', 'the name of the app: needed when every user of it would go')
    .option('--grace <time>', 'time until the first deletion: 90s, 10m, 2h, 7d; default: 10m', parseDuration)
    .option('--start-now', 'no grace: begin at once')
    .action(confirm)

  withId(
    deletion,
    'watch',
    'Watch a deletion until it has ended. Exit code 0: all are erased; 1: it ended otherwise.',
  ).action(async (id: string, options: AppOption & Json, command: Command) =>
    setExitCode(await watch(id, options, command)),
  )
  const decisions = {
    pause: 'Delete no further user until it is resumed.',
    resume: 'Go on with a paused deletion.',
    cancel: 'In grace: delete nobody. Later: spare the rest.',
  } as const
  for (const [name, words] of Object.entries(decisions)) {
    withId(deletion, name, words).action((id: string, options: AppOption & Json, command: Command) =>
      decide(name, { id, options, command }),
    )
  }
  withId(
    deletion,
    'manifests',
    'Save the signed manifests of a deletion, a file each, for lethe receipt verify.',
  )
    .requiredOption('--out <folder>', 'folder to save them in')
    .action(saveManifests)

  deletion
    .command('list')
    .description('List the deletions of an app, the newest first.')
    .requiredOption('--app <app-key>', 'the app')
    .option('--before <id>', 'go on where a page ended')
    .addOption(jsonOption())
    .action(list)
}

function withId(deletion: Command, name: string, description: string): Command {
  return deletion
    .command(name)
    .description(description)
    .argument('<deletion-id>')
    .requiredOption('--app <app-key>', 'the app')
    .addOption(jsonOption())
}

export function pathOfDeletion(appKey: string, id: string): string {
  return `${pathOfApp(appKey)}/deletions/${encodeURIComponent(id)}`
}

interface ConfirmOptions extends AppOption, Json {
  readonly token: string
  readonly count?: number
  readonly appName?: string
  readonly grace?: number
  readonly startNow?: true
}

async function confirm(id: string, options: ConfirmOptions, command: Command): Promise<void> {
  const { app, token, appName, grace, startNow } = options
  if (startNow && grace !== undefined) throw new Complaint('Give one of --grace and --start-now.', EXIT_USAGE)
  const count = options.count ?? (await askCount(id, options, command))
  const graceSeconds = startNow ? 0 : grace
  const body: ConfirmDeletionBody = {
    confirmation_token: token,
    count,
    ...(appName === undefined ? {} : { app_name: appName }),
    ...(graceSeconds === undefined ? {} : { grace_seconds: graceSeconds }),
  }
  const answer = await call<DeletionAnswer>(command, {
    method: 'POST',
    path: `${pathOfDeletion(app, id)}/confirm`,
    body,
  })
  print(options, answer, [
    ...deletionLines(answer),
    '',
    `Watch it:   lethe deletion watch ${id} --app ${app}`,
    `Cancel it:  lethe deletion cancel ${id} --app ${app}`,
  ])
}

function parseCount(text: string): number {
  const number = text.replaceAll(',', '')
  if (!/^\d{1,9}$/.test(number))
    throw new Complaint('--count is a number of users, such as 1203.', EXIT_USAGE)
  return Number(number)
}

/** Shows the figures once more, and lets the count be typed. Without a terminal there is nobody to ask. */
async function askCount(id: string, { app }: AppOption, command: Command): Promise<number> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new Complaint('Give --count with the number of users on the list.', EXIT_USAGE)
  }
  const deletion = await call<DeletionAnswer>(command, { method: 'GET', path: pathOfDeletion(app, id) })
  process.stderr.write(`${deletionLines(deletion).join('\n')}\n\n`)
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return parseCount((await terminal.question('Type the number of users to delete: ')).trim())
  } finally {
    terminal.close()
  }
}

/** The exit code. Leaving with Ctrl-C changes nothing: the server goes on. */
async function watch(id: string, options: AppOption & Json, command: Command): Promise<number> {
  const line = new ProgressLine()
  const request = { method: 'GET', path: pathOfDeletion(options.app, id) } as const
  let deletion = await call<DeletionAnswer>(command, request)
  if (deletion.state === 'planned')
    throw new Complaint('It is not confirmed: lethe deletion confirm does that.')
  while (!isEnded(deletion)) {
    line.show(progressOf(deletion, Date.now()))
    await sleep(WATCH_MS)
    deletion = await call<DeletionAnswer>(command, request)
  }
  line.end()
  print(options, deletion, deletionLines(deletion))
  return deletion.state === 'done' ? 0 : EXIT_FAILED
}

async function decide(
  name: string,
  { id, options, command }: { id: string; options: AppOption & Json; command: Command },
): Promise<void> {
  const path = `${pathOfDeletion(options.app, id)}/${name}`
  const answer = await call<DeletionAnswer>(command, { method: 'POST', path, body: {} })
  print(options, answer, deletionLines(answer))
}

async function list(options: AppOption & Json & { before?: string }, command: Command): Promise<void> {
  const query = options.before === undefined ? '' : `?before=${encodeURIComponent(options.before)}`
  const answer = await call<DeletionsAnswer>(command, {
    method: 'GET',
    path: `${pathOfApp(options.app)}/deletions${query}`,
  })
  const more =
    answer.next === null ? [] : [`More: lethe deletion list --app ${options.app} --before ${answer.next}`]
  const lines = [...answer.deletions.map(deletionLine), ...more]
  print(options, answer, lines.length > 0 ? lines : ['No deletion was planned.'])
}

async function saveManifests(
  id: string,
  options: AppOption & Json & { out: string },
  command: Command,
): Promise<void> {
  const files: { file: string; users: number }[] = []
  for (let after: string | null = ''; after !== null; ) {
    const query = after === '' ? '' : `?after=${after}`
    const page: ManifestsAnswer = await call<ManifestsAnswer>(command, {
      method: 'GET',
      path: `${pathOfDeletion(options.app, id)}/manifests${query}`,
    })
    for (const { manifest_id, users, manifest } of page.manifests) {
      const file = path.join(options.out, `${manifest_id}.jws`)
      save(file, manifest)
      files.push({ file, users })
    }
    after = page.next
  }
  print(
    options,
    { files },
    files.length > 0
      ? files.map(({ file, users }) => `${file}  ${users} users`)
      : ['No manifest is signed yet.'],
  )
}

function save(file: string, text: string): void {
  try {
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, `${text}\n`)
  } catch {
    throw new Complaint(`The file ${file} cannot be written.`, EXIT_USAGE)
  }
}
