// `npm run story [-- --postgres]`: plays the document on Delete User against a server of its own, step by step, and ends
// with 1 at the first wrong answer. SQLite by default, an embedded PostgreSQL with the flag.
import { constants } from 'node:os'
import process from 'node:process'
import { startPostgres } from './postgres/embedded-postgres.ts'
import { startServer } from './server-process.ts'
import { WrongAnswer } from './story/narrator.ts'
import { playSending } from './story/play-sending.ts'
import { playStory } from './story/play-story.ts'
import { startVendors } from './story/vendors.ts'

process.exitCode = await main(process.argv.slice(2))

async function main(given: string[]): Promise<number> {
  const unknown = given.filter((argument) => argument !== '--postgres')
  if (unknown.length > 0) {
    process.stderr.write(`This is not known: ${unknown.join(' ')}. There is one flag: --postgres.\n`)
    return 2
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(128 + constants.signals[signal]))
  const postgres = given.includes('--postgres') ? await startPostgres({ fsync: false }) : undefined
  try {
    return await playOnce(postgres?.url('postgres'))
  } finally {
    await postgres?.stop()
  }
}

async function playOnce(databaseUrl: string | undefined): Promise<number> {
  const say = (line: string) => void process.stdout.write(`${line}\n`)
  const vendors = await startVendors()
  const { environment } = vendors
  const server = await startServer({ environment, ...(databaseUrl === undefined ? {} : { databaseUrl }) })
  say(`A server on ${databaseUrl === undefined ? 'SQLite' : 'PostgreSQL'} answers at ${server.url}`)
  try {
    await playStory(server.url, say)
    await playSending(server.url, vendors, say)
    say('\nThe story ends well.')
    return 0
  } catch (error) {
    if (!(error instanceof WrongAnswer)) throw error
    say(`\nThe story ends here: ${error.message}`)
    return 1
  } finally {
    await server.stop()
    await vendors.stop()
  }
}
