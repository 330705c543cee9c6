import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileAddressList, networkOf } from './address-list.ts'

function has(entries: string[], address: string): boolean | undefined {
  return compileAddressList(entries)?.has(address)
}

test('an address and a range hold what they name and nothing beside it', () => {
  assert.equal(has(['192.0.2.1'], '192.0.2.1'), true)
  assert.equal(has(['192.0.2.1'], '192.0.2.2'), false)
  assert.equal(has(['192.0.2.0/25'], '192.0.2.127'), true)
  assert.equal(has(['192.0.2.0/25'], '192.0.2.128'), false)
  assert.equal(has(['2001:db8::/32'], '2001:db8:ffff::1'), true)
  assert.equal(has(['2001:db8::/32'], '2001:db9::1'), false)
})

test('an IPv4 address written as IPv6 is the IPv4 address, in the list and in the question', () => {
  assert.equal(has(['192.0.2.1'], '::ffff:192.0.2.1'), true)
  assert.equal(has(['::ffff:192.0.2.1'], '192.0.2.1'), true)
  assert.equal(has(['::ffff:192.0.2.0/120'], '192.0.2.200'), true)
  assert.equal(has(['::ffff:192.0.2.0/120'], '192.0.3.1'), false)
})

test('what is neither an address nor a range is refused', () => {
  for (const entry of [
    '',
    'localhost',
    '192.0.2.1/33',
    '192.0.2.1/',
    '192.0.2.1/8/8',
    '2001:db8::/129',
    '1.2.3',
    'fe80::1%eth0',
    '1.2.3.4/-1',
  ])
    assert.equal(compileAddressList([entry]), undefined, entry)
})

test('an IPv6 caller is counted by its /64, an IPv4 caller by its address', () => {
  assert.equal(networkOf('192.0.2.1'), '192.0.2.1')
  assert.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1')
  assert.equal(networkOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2')
  assert.equal(networkOf('2001:db8::1'), '2001:db8:0:0')
  assert.equal(networkOf('::1'), '0:0:0:0')
})
