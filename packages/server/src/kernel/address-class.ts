/** What kind of network an address belongs to: as much as the audit log keeps of where a call came from. */

import type { AddressClass } from '@lethe/protocol/audit.schemas.ts'
import { compileAddressList } from './address-list.ts'
import { assert } from './assert.ts'

/** An address that belongs to no special range, or is none, counts as public. */
export function addressClassOf(address: string): AddressClass {
  for (const { name, list } of CLASSES) if (list.has(address)) return name
  return 'public'
}

/** RFC 1122, 4291; RFC 1918, 6598, 4193; RFC 3927, 4291. */
const CLASSES = [
  classOf('loopback', ['127.0.0.0/8', '::1']),
  classOf('private', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7']),
  classOf('link-local', ['169.254.0.0/16', 'fe80::/10']),
]

function classOf(name: AddressClass, ranges: readonly string[]) {
  const list = compileAddressList(ranges)
  assert(list, 'the ranges of an address class are ranges')
  return { name, list }
}
