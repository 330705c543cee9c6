/** `lethe guard …`: the deletion guard of an app, which stops whoever deletes too many users one by one. */

import type { GuardAnswer, OpenGuardBody, SetGuardBody } from '@lethe/protocol/guard.schemas.ts'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { Complaint, EXIT_USAGE } from './complaint.ts'
import { call, type Json, jsonOption, pathOfApp, print } from './operator-command.ts'

interface OpenOptions extends Json {
  readonly deletions: number
  readonly for: number
}

interface SetOptions extends Json {
  readonly share?: number
  readonly minimum?: number
  readonly on?: true
  readonly off?: true
}

export function addGuardCommands(program: Command): void {
  const guard = program
    .command('guard')
    .description('See the deletion guard of an app, open it for a number of deletions, set it.')

  guard
    .command('show')
    .description('Show what of the budget is used, and whether the guard is open.')
    .argument('<app-key>')
    .addOption(jsonOption())
    .action(showGuard)

  guard
    .command('open')
    .description('Let exactly so many deletions through beside the budget, for some time.')
    .argument('<app-key>')
    .requiredOption('--deletions <number>', 'how many', parseNumber)
    .requiredOption('--for <time>', 'how long at most: 90s, 30m, 1h, 2d', parseSeconds)
    .addOption(jsonOption())
    .action(openGuard)

  guard
    .command('close')
    .description('Close it before its time.')
    .argument('<app-key>')
    .addOption(jsonOption())
    .action(closeGuard)

  guard
    .command('set')
    .description('Change the budget of 24 hours, or switch the guard off and on; what is not given stays.')
    .argument('<app-key>')
    .option('--share <percent>', 'share of the users, in percent', parseNumber)
    .option('--minimum <number>', 'deletions whatever the share is', parseNumber)
    .addOption(new Option('--off', 'stop nothing any more').conflicts('on'))
    .option('--on', 'stop again what passes the budget')
    .addOption(jsonOption())
    .action(setGuard)
}

async function showGuard(appKey: string, options: Json, command: Command): Promise<void> {
  const answer = await call<GuardAnswer>(command, { method: 'GET', path: pathOfGuard(appKey) })
  print(options, answer, guardLines(answer))
}

async function openGuard(appKey: string, options: OpenOptions, command: Command): Promise<void> {
  const body: OpenGuardBody = { deletions: options.deletions, seconds: options.for }
  const path = `${pathOfGuard(appKey)}/opening`
  const answer = await call<GuardAnswer>(command, { method: 'POST', path, body })
  print(options, answer, guardLines(answer))
}

async function closeGuard(appKey: string, options: Json, command: Command): Promise<void> {
  const path = `${pathOfGuard(appKey)}/opening`
  const answer = await call<GuardAnswer>(command, { method: 'DELETE', path })
  print(options, answer, guardLines(answer))
}

async function setGuard(appKey: string, options: SetOptions, command: Command): Promise<void> {
  const { share, minimum, on, off } = options
  const body: SetGuardBody = {
    ...(share === undefined ? {} : { share_percent: share }),
    ...(minimum === undefined ? {} : { minimum }),
    ...(on ? { is_on: true } : {}),
    ...(off ? { is_on: false } : {}),
  }
  if (Object.keys(body).length === 0) {
    throw new Complaint('Say what to change: lethe guard set --help lists it.', EXIT_USAGE)
  }
  const answer = await call<GuardAnswer>(command, { method: 'PATCH', path: pathOfGuard(appKey), body })
  print(options, answer, guardLines(answer))
}

function pathOfGuard(appKey: string): string {
  return `${pathOfApp(appKey)}/guard`
}

function parseNumber(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError('Write it as a whole number.')
  return Number(text)
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }

function parseSeconds(text: string): number {
  const [, number, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const seconds = UNIT_SECONDS[unit]
  if (number === undefined || seconds === undefined)
    throw new InvalidArgumentError('Write it as 90s, 30m, 1h or 2d.')
  return Number(number) * seconds
}

function guardLines(guard: GuardAnswer): string[] {
  const { opening } = guard
  const share = `${guard.share_percent} % of ${guard.users} users, at least ${guard.minimum}`
  const counted = guard.counted_at === null ? 'not counted yet' : `counted ${guard.counted_at}`
  const open = opening
    ? `${opening.used} of ${opening.deletions} used, until ${opening.until}`
    : 'not open: nothing passes beyond the budget'
  return [
    `Guard    ${guard.is_on ? 'on' : 'off: it stops nothing'}`,
    `Budget   ${guard.budget} deletions in 24 hours (${share}; ${counted})`,
    `Used     ${guard.used}`,
    `Opening  ${open}`,
    ...(guard.tripped_at === null ? [] : [`Tripped  ${guard.tripped_at}: it refuses what passes the budget`]),
  ]
}
