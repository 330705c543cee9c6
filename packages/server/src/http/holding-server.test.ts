import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { holdCalls } from './holding-server.ts'

test('every call gets 503 until it ends, and the process is healthy meanwhile', async () => {
  const port = await freePort()
  const release = await holdCalls({ host: '127.0.0.1', port }, 'users are being erased again')
  const url = `http://127.0.0.1:${port}`
  for (const [method, path] of [
    ['GET', '/v4/devices/x'],
    ['DELETE', '/v4/devices/x'],
    ['POST', '/v4/push'],
    ['GET', '/readyz'],
  ] as const) {
    const answer = await fetch(url + path, { method, ...(method === 'POST' ? { body: '{}' } : {}) })
    assert.deepEqual(
      [answer.status, answer.headers.get('content-type'), answer.headers.get('retry-after')],
      [503, 'application/json; charset=utf-8', '1'],
    )
    assert.deepEqual(await answer.json(), { error: { code: 21030, message: 'users are being erased again' } })
  }
  const healthy = await fetch(`${url}/healthz`)
  assert.deepEqual([healthy.status, await healthy.json()], [200, { status: 'ok' }])
  await release()
  // The address is free for the server at once.
  const next = createServer().listen(port, '127.0.0.1')
  await new Promise((resolve, reject) => next.once('listening', resolve).once('error', reject))
  next.close()
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
