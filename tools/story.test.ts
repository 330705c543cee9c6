import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { testDatabaseUrl } from './postgres/test-database.ts'
import { startServer } from './server-process.ts'
import { WrongAnswer } from './story/narrator.ts'
import { playSending } from './story/play-sending.ts'
import { playStory } from './story/play-story.ts'
import { startVendors } from './story/vendors.ts'

test('the document on Delete User comes true on SQLite', async (t) => {
  await played(t)
})

test('the document on Delete User comes true on PostgreSQL', async (t) => {
  const { url, drop } = await testDatabaseUrl()
  t.after(drop)
  await played(t, url)
})

test('the first wrong answer ends the story', async (t) => {
  const wrong = createServer((_request, response) => response.writeHead(201).end('{}'))
  await new Promise<void>((resolve) => wrong.listen(0, '127.0.0.1', resolve))
  t.after(() => wrong.close())
  const { port } = wrong.address() as AddressInfo
  const lines: string[] = []
  await assert.rejects(
    playStory(`http://127.0.0.1:${port}`, (line) => lines.push(line)),
    WrongAnswer,
  )
  assert.deepEqual(lines.at(-1), '    ✗ 201, with an id and a secret of its own')
})

/** Told only when it ends badly. */
async function played(t: TestContext, databaseUrl?: string): Promise<void> {
  const vendors = await startVendors()
  t.after(vendors.stop)
  const { environment } = vendors
  const server = await startServer({ environment, ...(databaseUrl === undefined ? {} : { databaseUrl }) })
  t.after(server.stop)
  const lines: string[] = []
  try {
    await playStory(server.url, (line) => lines.push(line))
    await playSending(server.url, vendors, (line) => lines.push(line))
  } catch (error) {
    throw new Error(`${lines.join('\n')}\n${(error as Error).message}`, { cause: error })
  }
}
