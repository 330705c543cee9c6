/** Which addresses are dialled, and whom a connection trusts. */

import assert from 'node:assert/strict'
import type { ServerHttp2Stream } from 'node:http2'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { listen, startHttp2 } from '../../../test/support/https-servers.ts'
import { failureOf, outboundFor, request } from '../../../test/support/outbound.ts'
import { createOutbound } from './create-outbound.ts'
import { isAllowed } from './dial.ts'

const ok = (stream: ServerHttp2Stream) => stream.respond({ ':status': 200 }, { endStream: true })

test('a private address is refused, literally or behind a name, and so is what is not https', async (t) => {
  let connections = 0
  const { port } = new URL(
    await listen(
      t,
      createServer(() => connections++),
    ),
  )
  const outbound = outboundFor(t, {
    allowPrivateNetwork: false,
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
  })
  const hosts = ['127.0.0.1', 'push.example', '[::1]', '[::ffff:127.0.0.1]', '10.0.0.1', '169.254.169.254']
  const origins = [
    ...hosts.map((host) => `https://${host}:${port}`),
    `http://127.0.0.1:${port}`,
    `https://user@push.example:${port}`,
    `https://push.example:${port}/path`,
    'push.example',
  ]
  for (const origin of origins)
    for (const _ of ['at first', 'again'])
      assert.equal(await failureOf(outbound.request(request(origin))), 'addressRefused', origin)
  assert.equal(connections, 0)
})

test('of a name with several addresses only those that are allowed are dialled', async (t) => {
  const { origin } = await startHttp2(t, ok)
  const outbound = outboundFor(t, {
    resolve: async () => [
      { address: '169.254.169.254', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ],
  })
  const answer = await outbound.request(request(origin.replace('127.0.0.1', 'push.example')))
  assert.equal(answer.status, 200)
})

test('addresses are judged by the registries of special ones', () => {
  const never = ['0.0.0.0', '169.254.1.1', '224.0.0.1', '255.255.255.255', '192.0.2.1', '::', 'fe80::1']
  never.push(
    '::ffff:a9fe:a9fe',
    'fe80::1%eth0',
    'ff02::1',
    '2002:7f00:1::',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    '2001:db8::1',
  )
  const inside = ['127.0.0.1', '10.1.2.3', '172.31.255.255', '192.168.0.1', '100.127.0.1', '::1', 'fd00::1']
  inside.push('::ffff:10.0.0.1', '::ffff:7f00:1', '::7f00:1', '::ffff:808:808', '4000::1')
  const outside = ['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '::ffff:8.8.8.8']
  for (const address of never) assert.ok(!isAllowed(address, true), address)
  for (const address of inside)
    assert.deepEqual([isAllowed(address, true), isAllowed(address, false)], [true, false], address)
  for (const address of outside) assert.ok(isAllowed(address, false), address)
})

test('a name that does not resolve, and a certificate that nobody vouches for, are unreachable', async (t) => {
  const outbound = outboundFor(t, { resolve: async () => Promise.reject(new Error('ENOTFOUND')) })
  assert.equal(await failureOf(outbound.request(request('https://nowhere.example'))), 'unreachable')
  const { origin } = await startHttp2(t, ok)
  const strict = createOutbound({ allowPrivateNetwork: true })
  t.after(() => strict.close())
  assert.equal(await failureOf(strict.request(request(origin))), 'unreachable')
})
