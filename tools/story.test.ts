import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { testDatabaseUrl } from './postgres/test-database.ts'
import { startServer } from './server-process.ts'
import { WrongAnswer } from './story/narrator.ts'
import { playStory } from './story/play-story.ts'

test('the document on Delete User comes true on SQLite', async (t) => {
  const server = await startServer()
  t.after(server.stop)
  await played(server.url)
})

test('the document on Delete User comes true on PostgreSQL', async (t) => {
  const { url, drop } = await testDatabaseUrl()
  t.after(drop)
  const server = await startServer({ databaseUrl: url })
  t.after(server.stop)
  await played(server.url)
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
async function played(url: string): Promise<void> {
  const lines: string[] = []
  try {
    await playStory(url, (line) => lines.push(line))
  } catch (error) {
    throw new Error(`${lines.join('\n')}\n${(error as Error).message}`, { cause: error })
  }
}
