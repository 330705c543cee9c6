/** Lists of network addresses and ranges, compiled once and asked often. No socket is opened here. */

import { BlockList, isIP } from 'node:net'

export interface AddressList {
  readonly isEmpty: boolean
  has(address: string): boolean
}

/** The entries, each an IPv4 or IPv6 address or a range in CIDR notation; undefined when one of them is neither. */
export function compileAddressList(entries: readonly string[]): AddressList | undefined {
  const list = new BlockList()
  for (const entry of entries) if (!add(list, entry)) return undefined
  return { isEmpty: entries.length === 0, has: (address) => contains(list, address) }
}

/**
 * The network that an address stands for when callers are counted: an IPv4 address itself, and the first 64 bits of an
 * IPv6 address, since whoever has one address there has the whole /64.
 */
export function networkOf(address: string): string {
  const plain = withoutMapping(address)
  if (!plain.includes(':')) return plain
  const [before = '', after] = plain.split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const zeros = after === undefined ? 0 : Math.max(0, 8 - head.length - tail.length)
  return [...head, ...Array<string>(zeros).fill('0'), ...tail].slice(0, 4).join(':')
}

function add(list: BlockList, entry: string): boolean {
  const [text = '', prefix, ...more] = entry.split('/')
  const isMapped = text.toLowerCase().startsWith(MAPPED)
  const address = withoutMapping(text)
  const version = isIP(address)
  if (version === 0 || more.length > 0 || address.includes('%')) return false
  const family = version === 4 ? 'ipv4' : 'ipv6'
  if (prefix === undefined) {
    list.addAddress(address, family)
    return true
  }
  const bits = Number(prefix) - (isMapped && version === 4 ? 96 : 0)
  if (!/^\d{1,3}$/.test(prefix) || bits < 0 || bits > (version === 4 ? 32 : 128)) return false
  list.addSubnet(address, bits, family)
  return true
}

function contains(list: BlockList, address: string): boolean {
  const plain = withoutMapping(address)
  const version = isIP(plain)
  return version !== 0 && list.check(plain, version === 4 ? 'ipv4' : 'ipv6')
}

/** `::ffff:192.0.2.1`, as a socket that listens on both families shows an IPv4 caller, is 192.0.2.1. */
function withoutMapping(address: string): string {
  return address.includes('.') && address.toLowerCase().startsWith(MAPPED)
    ? address.slice(MAPPED.length)
    : address
}

const MAPPED = '::ffff:'
