// `npm run bench:push [-- --engine sqlite|postgres] [--only channels,accept,broadcast,sockets] [--quick] [--markdown <file>]`:
// measures sending, channel by channel beside the libraries that they replace, and as a whole server.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import type { Engine } from '../../packages/server/src/storage/database.ts'
import { startPostgres } from '../postgres/embedded-postgres.ts'
import { describeEngine, describeMachine, describeSource } from './machine.ts'
import { type PushSectionName, parsePushOptions } from './options.ts'
import { type Place, placesOf } from './place.ts'
import { channels } from './push-channels.ts'
import { accept, broadcast } from './push-server.ts'
import { sockets } from './push-sockets.ts'
import { markdownTable, type Result, terminalTable, withResults } from './results.ts'

export type PushSectionInput = {
  /** Absent for what has to do with no database. */
  engine: Engine | undefined
  isQuick: boolean
  newPlace: () => Promise<Place>
  say: (text: string) => void
}

export type PushSection = (input: PushSectionInput, add: (result: Result) => void) => Promise<void>

const sections: Record<PushSectionName, PushSection> = { channels, accept, broadcast, sockets }
const startedAt = performance.now()

try {
  await main()
} catch (error) {
  process.exitCode = 1
  console.error(error instanceof Error ? error.stack : error)
}

async function main(): Promise<void> {
  const options = parsePushOptions(process.argv.slice(2))
  const postgres = options.engines.includes('postgres') ? await startPostgres({ fsync: true }) : undefined
  try {
    const surroundings = [describeSource(), ...describeMachine()]
    for (const engine of options.engines) {
      const place = await placesOf(engine, postgres)()
      surroundings.push(await describeEngine(place))
      await place.remove()
    }
    console.log(surroundings.join('\n'))
    const results: Result[] = []
    for (const name of options.sections) {
      for (const engine of name === 'channels' ? [undefined] : options.engines) {
        const newPlace = placesOf(engine ?? 'sqlite', postgres)
        const input = { engine, isQuick: options.isQuick, newPlace, say: sayOf(engine ?? name) }
        await sections[name](input, (result) => results.push(result))
      }
    }
    console.log(`\n${terminalTable(results)}`)
    if (options.markdown !== undefined) write(options.markdown, surroundings, results)
  } finally {
    await postgres?.stop()
  }
}

function sayOf(about: string): (text: string) => void {
  return (text) => {
    const seconds = Math.round((performance.now() - startedAt) / 1_000)
    console.log(`${String(seconds).padStart(5)} s  ${about}: ${text}`)
  }
}

function write(file: string, surroundings: readonly string[], results: readonly Result[]): void {
  const page = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const date = new Date().toISOString().slice(0, 10)
  const about = [`measured on ${date}`, ...surroundings].map((line) => `- ${line}`).join('\n')
  writeFileSync(file, withResults(page, `${about}\n\n${markdownTable(results)}`, 'push'))
  console.log(`\nwritten: ${file}`)
}
