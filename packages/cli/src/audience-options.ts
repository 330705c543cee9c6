/** The options by which commands name an audience: the words of the push API, or a file that holds its `to`. */

import type { AudienceBody } from '@lethe/protocol/audience.schemas.ts'
import type { Command } from 'commander'
import { Complaint, EXIT_USAGE } from './complaint.ts'
import { readInput } from './read-input.ts'

export interface AudienceOptions {
  readonly tag?: string[]
  readonly tagAnd?: string[]
  readonly tagNot?: string[]
  readonly alias?: string[]
  readonly registrationId?: string[]
  readonly all?: true
  readonly audience?: string
}

export function addAudienceOptions(command: Command): Command {
  return command
    .optionsGroup('Audience (what is given intersects):')
    .option('--tag <tag...>', 'users who hold at least one of these tags')
    .option('--tag-and <tag...>', 'users who hold all of these tags')
    .option('--tag-not <tag...>', 'users who hold none of these tags')
    .option('--alias <alias...>', 'users who hold one of these aliases')
    .option('--registration-id <id...>', 'these users')
    .option('--all', 'every user of the app')
    .option('--audience <file>', 'JSON file with the `to` of a push; - for standard input')
    .optionsGroup('Options:')
}

/** @throws Complaint when nothing names an audience, or two ways contradict one another. Nothing given is never everybody. */
export function audienceBody(options: AudienceOptions): AudienceBody {
  const keys = {
    ...(options.tag ? { tag: options.tag } : {}),
    ...(options.tagAnd ? { tag_and: options.tagAnd } : {}),
    ...(options.tagNot ? { tag_not: options.tagNot } : {}),
    ...(options.alias ? { alias: options.alias } : {}),
    ...(options.registrationId ? { registration_id: options.registrationId } : {}),
  }
  const ways = [Object.keys(keys).length > 0, options.all === true, options.audience !== undefined]
  if (ways.filter(Boolean).length > 1) {
    throw new Complaint('Give one of --all, --audience, and the tags, aliases and ids.', EXIT_USAGE)
  }
  if (options.all) return 'all'
  if (options.audience !== undefined) return audienceIn(options.audience)
  if (Object.keys(keys).length > 0) return keys
  throw new Complaint('Say who: --tag, --alias, --registration-id, --audience or --all.', EXIT_USAGE)
}

/** The file may hold the value of `to`, or a whole push. The server judges it. */
function audienceIn(file: string): AudienceBody {
  const held = parseJson(readInput(file), file)
  if (held === 'all') return held
  if (typeof held !== 'object' || held === null || Array.isArray(held)) {
    throw new Complaint(`The file ${file} holds no audience: it is "all" or an object.`, EXIT_USAGE)
  }
  return ('to' in held ? held.to : held) as AudienceBody
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Complaint(`The file ${file} is not JSON.`, EXIT_USAGE)
  }
}
