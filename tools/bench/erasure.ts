// `npm run bench:erasure [-- --engine sqlite|postgres] [--only <sections>] [--quick] [--profile] [--markdown <file>]`: measures
// deletion from the request to the receipt, on real engines that are as durable as in production, and puts the figures
// beside their goals. docs/benchmarks.md tells the method.
//
//   accept    deletions accepted a second over HTTP          clocks   hidden, removed and erased at a steady rate
//   remove    users removed, looked at again and receipted   register registrations a second over HTTP
//   read      reads of users while erasures are worked off  guard    deletions accepted with the deletion guard and without
//   ledger    erasures worked off with the ledger and without
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import type { Engine } from '../../packages/server/src/storage/database.ts'
import { type EmbeddedPostgres, startPostgres } from '../postgres/embedded-postgres.ts'
import { accept } from './accept.ts'
import { clocks } from './clocks.ts'
import { guard } from './guard.ts'
import { ledger } from './ledger.ts'
import { describeEngine, describeMachine, describeSource } from './machine.ts'
import { type Options, parseOptions, type SectionName } from './options.ts'
import { type Place, placesOf } from './place.ts'
import { profile } from './profile.ts'
import { read } from './read.ts'
import { register } from './register.ts'
import { remove } from './remove.ts'
import { markdownTable, type Result, terminalTable, withResults } from './results.ts'
import type { Section } from './section.ts'

const sections: Record<SectionName, Section> = { accept, remove, clocks, register, read, guard, ledger }
const startedAt = performance.now()

try {
  await main(parseOptions(process.argv.slice(2)))
} catch (error) {
  process.exitCode = 1
  console.error(error instanceof Error ? error.stack : error)
}

async function main(options: Options): Promise<void> {
  const isPostgresWanted = options.engines.includes('postgres')
  const postgres = isPostgresWanted ? await startPostgres({ fsync: true }) : undefined
  try {
    const surroundings = [describeSource(), ...describeMachine()]
    for (const engine of options.engines) surroundings.push(await engineOf(placesOf(engine, postgres)))
    console.log(surroundings.join('\n'))
    const results: Result[] = []
    for (const engine of options.engines) results.push(...(await runEngine(engine, options, postgres)))
    if (results.length === 0) return
    console.log(`\n${terminalTable(results)}`)
    if (options.markdown !== undefined) writeMarkdown(options.markdown, { surroundings, results })
  } finally {
    await postgres?.stop()
  }
}

async function engineOf(newPlace: () => Promise<Place>): Promise<string> {
  const place = await newPlace()
  try {
    return await describeEngine(place)
  } finally {
    await place.remove()
  }
}

async function runEngine(
  engine: Engine,
  { sections: names, isQuick, isProfile }: Options,
  postgres: EmbeddedPostgres | undefined,
): Promise<Result[]> {
  const say = (text: string) => {
    const seconds = Math.round((performance.now() - startedAt) / 1_000)
    console.log(`${String(seconds).padStart(5)} s  ${engine}: ${text}`)
  }
  const input = { engine, isQuick, newPlace: placesOf(engine, postgres), say }
  const results: Result[] = []
  if (isProfile) {
    await profile(input)
    return results
  }
  for (const name of names) await sections[name](input, (result) => results.push({ engine, ...result }))
  return results
}

function writeMarkdown(
  file: string,
  run: { surroundings: readonly string[]; results: readonly Result[] },
): void {
  const page = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const date = new Date().toISOString().slice(0, 10)
  const about = [`measured on ${date}`, ...run.surroundings].map((line) => `- ${line}`).join('\n')
  writeFileSync(file, withResults(page, `${about}\n\n${markdownTable(run.results)}`))
  console.log(`\nwritten: ${file}`)
}
