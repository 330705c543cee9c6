import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startHttp2 } from '../../../test/support/https-servers.ts'
import { failureOf, outboundFor, request } from '../../../test/support/outbound.ts'
import { until } from '../../../test/support/until.ts'

test('of a thousand origins the one that was not used for longest gives way to another', async (t) => {
  const first = await startHttp2(t, (stream) => stream.respond({ ':status': 200 }, { endStream: true }))
  const second = await startHttp2(t, (stream) => stream.respond({ ':status': 200 }, { endStream: true }))
  const outbound = outboundFor(t)
  for (const { origin } of [first, second]) await outbound.request(request(origin))
  const signal = new AbortController().signal
  for (let port = 1_001; port < 2_000; port += 1) {
    const refused = request(`https://169.254.0.1:${port}`, { signal })
    assert.equal(await failureOf(outbound.request(refused)), 'addressRefused')
  }
  await until('the first is closed', () => first.sessions[0]?.destroyed)
  assert.equal(second.sessions[0]?.destroyed, false)
  assert.equal((await outbound.request(request(first.origin))).status, 200)
  assert.equal(first.sessions.length, 2)
})
