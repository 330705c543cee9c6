import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressClassOf } from './address-class.ts'

test('an address has the class of its network, an IPv4 address written as IPv6 too', () => {
  const cases: [address: string, expected: string][] = [
    ['127.0.0.1', 'loopback'],
    ['::1', 'loopback'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['10.1.2.3', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.0', 'public'],
    ['192.168.0.1', 'private'],
    ['100.64.0.1', 'private'],
    ['fd00::1', 'private'],
    ['169.254.1.1', 'link-local'],
    ['fe80::1', 'link-local'],
    ['192.0.2.1', 'public'],
    ['2001:db8::1', 'public'],
    ['', 'public'],
  ]
  for (const [address, expected] of cases) assert.equal(addressClassOf(address), expected, address)
})
