// What the benchmark is asked for on its command line.
import { parseArgs } from 'node:util'
import type { Engine } from '../../packages/server/src/storage/database.ts'

export const sectionNames = ['accept', 'remove', 'clocks', 'register', 'read', 'guard', 'ledger'] as const
export type SectionName = (typeof sectionNames)[number]

export type Options = {
  engines: Engine[]
  sections: SectionName[]
  /** Small numbers: shows that everything runs, measures little. */
  isQuick: boolean
  /** Where the results are written as Markdown, between their markers. */
  markdown: string | undefined
  /** Shows where the server's threads spend their time, instead of measuring against goals. */
  isProfile: boolean
}

/** Throws an error with a sentence for an option that does not exist or has a wrong value. */
export function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      engine: { type: 'string' },
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      markdown: { type: 'string' },
      profile: { type: 'boolean', default: false },
    },
  })
  return {
    engines: chosen(values.engine, ['sqlite', 'postgres'], '--engine'),
    sections: chosen(values.only, sectionNames, '--only'),
    isQuick: values.quick,
    markdown: values.markdown,
    isProfile: values.profile,
  }
}

/** Words joined by commas, in the order in which they run; all of them when none is named. */
function chosen<Word extends string>(text: string | undefined, all: readonly Word[], option: string): Word[] {
  if (text === undefined) return [...all]
  const named = text.split(',')
  const unknown = named.filter((name) => !(all as readonly string[]).includes(name))
  if (unknown.length > 0) throw new Error(`${option}: ${unknown.join(', ')} is none of ${all.join(', ')}.`)
  return all.filter((word) => named.includes(word))
}

export const pushSectionNames = ['channels', 'accept', 'broadcast', 'sockets'] as const
export type PushSectionName = (typeof pushSectionNames)[number]

export type PushOptions = Pick<Options, 'engines' | 'isQuick' | 'markdown'> & { sections: PushSectionName[] }

/** The same for the benchmark of sending. */
export function parsePushOptions(args: string[]): PushOptions {
  const { values } = parseArgs({
    args,
    options: {
      engine: { type: 'string' },
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      markdown: { type: 'string' },
    },
  })
  return {
    engines: chosen(values.engine, ['sqlite', 'postgres'], '--engine'),
    sections: chosen(values.only, pushSectionNames, '--only'),
    isQuick: values.quick,
    markdown: values.markdown,
  }
}
