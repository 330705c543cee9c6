/** `lethe deletion plan`: writes down whom a deletion is for, and prints what confirms it. */

import { setTimeout as sleep } from 'node:timers/promises'
import type {
  DeletionAnswer,
  DeletionLinesAnswer,
  PlanDeletionAnswer,
  PlanDeletionBody,
} from '@lethe/protocol/deletion.schemas.ts'
import type { Command } from 'commander'
import { number } from './audience-commands.ts'
import { type AudienceOptions, addAudienceOptions, audienceBody } from './audience-options.ts'
import { Complaint, EXIT_USAGE } from './complaint.ts'
import { type LineKind, readLines } from './deletion-lines.ts'
import { deletionLines, progressOf } from './deletion-words.ts'
import { call, type Json, jsonOption, pathOfApp, print } from './operator-command.ts'
import { ProgressLine } from './progress-line.ts'

interface PlanOptions extends AudienceOptions, Json {
  readonly app: string
  readonly ids?: string
  readonly aliases?: string
  readonly fingerprint?: string
}

const POLL_MS = 500

export function addPlanCommand(deletion: Command): void {
  addAudienceOptions(
    deletion
      .command('plan')
      .description('Write down whom to delete, and print the figures and what confirms it. Deletes nobody.')
      .requiredOption('--app <app-key>', 'the app')
      .optionsGroup('List, instead of an audience:')
      .option('--ids <file>', 'file with a registration id on each line; - for standard input')
      .option('--aliases <file>', 'file with an alias on each line; - for standard input'),
  )
    .option(
      '--fingerprint <text>',
      'what lethe audience check printed: fail if the audience has changed since',
    )
    .addOption(jsonOption())
    .action(plan)
}

async function plan(options: PlanOptions, command: Command): Promise<void> {
  const { app, ids, aliases } = options
  if (ids !== undefined && aliases !== undefined) {
    throw new Complaint('Give one of --ids and --aliases.', EXIT_USAGE)
  }
  const line = new ProgressLine()
  try {
    const planned =
      ids === undefined && aliases === undefined
        ? await planAudience(options, { command, line })
        : await planList(options, { command, line })
    print(options, planned, [...deletionLines(planned), '', ...nextSteps(app, planned)])
  } finally {
    line.end()
  }
}

interface Way {
  readonly command: Command
  readonly line: ProgressLine
}

async function planAudience(options: PlanOptions, way: Way): Promise<PlanDeletionAnswer> {
  const body: PlanDeletionBody = {
    to: audienceBody(options),
    ...(options.fingerprint === undefined ? {} : { fingerprint: options.fingerprint }),
  }
  return untilPlanned(options.app, { ...way, opened: await open(options.app, { ...way, body }) })
}

async function planList(options: PlanOptions, way: Way): Promise<PlanDeletionAnswer> {
  const kind: LineKind = options.ids === undefined ? 'aliases' : 'registration_ids'
  const file = options.ids ?? options.aliases ?? '-'
  refuseAudience(options)
  const opened = await open(options.app, { ...way, body: { list_of: kind } })
  const path = `${pathOfApp(options.app)}/deletions/${opened.deletion_id}`
  try {
    let sent = 0
    for await (const lines of readLines(file, kind)) {
      await call<DeletionLinesAnswer>(way.command, {
        method: 'POST',
        path: `${path}/lines`,
        body: { [kind]: lines },
      })
      sent += lines.length
      way.line.show({ words: `${number(sent)} lines sent`, stage: 'sending the list' })
    }
    const frozen = await call<DeletionAnswer>(way.command, {
      method: 'POST',
      path: `${path}/freeze`,
      body: {},
    })
    return await untilPlanned(options.app, { ...way, opened: { ...opened, ...frozen } })
  } catch (error) {
    // Half a list confirms nothing, and is forgotten in an hour by itself: this only tidies up.
    await call(way.command, { method: 'POST', path: `${path}/cancel`, body: {} }).catch(() => {})
    throw error
  }
}

function refuseAudience({ tag, tagAnd, tagNot, alias, registrationId, all, audience }: PlanOptions): void {
  if ([tag, tagAnd, tagNot, alias, registrationId, all, audience].some((given) => given !== undefined)) {
    throw new Complaint('Give an audience or a list, not both.', EXIT_USAGE)
  }
}

function open(app: string, { command, body }: Way & { body: PlanDeletionBody }): Promise<PlanDeletionAnswer> {
  return call<PlanDeletionAnswer>(command, { method: 'POST', path: `${pathOfApp(app)}/deletions`, body })
}

/** A plan of many users is made in the background of the server. */
async function untilPlanned(
  app: string,
  { command, line, opened }: Way & { opened: PlanDeletionAnswer },
): Promise<PlanDeletionAnswer> {
  const path = `${pathOfApp(app)}/deletions/${opened.deletion_id}`
  let deletion: DeletionAnswer = opened
  while (deletion.state === 'planning') {
    line.show(progressOf(deletion, Date.now()))
    await sleep(POLL_MS)
    deletion = await call<DeletionAnswer>(command, { method: 'GET', path })
  }
  line.end()
  if (deletion.state !== 'planned')
    throw new Complaint(`The plan is ${deletionLines(deletion)[1]?.slice(13)}.`)
  return { ...deletion, confirmation_token: opened.confirmation_token }
}

function nextSteps(
  app: string,
  { deletion_id, confirmation_token, users, needs_app_name }: PlanDeletionAnswer,
): string[] {
  const name = needs_app_name ? ' --app-name NAME' : ''
  return [
    'Nobody is deleted yet. Look at the figures. If they are right, confirm within ten minutes:',
    '',
    `  lethe deletion confirm ${deletion_id} --app ${app} --token ${confirmation_token} --count COUNT${name}`,
    '',
    `COUNT is the number of users on the list, typed by you${
      needs_app_name
        ? `; NAME is the name of the app, since this deletes EVERY user of it: all ${number(users)}`
        : ''
    }.`,
  ]
}
