/**
 * Opens connections to the outside, and to nowhere else: an address is judged when it is dialled, so that a name which
 * points to another address by then changes nothing. Users of Web Push name the addresses that this server calls.
 */

import { lookup as lookupName } from 'node:dns/promises'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { connect, createSecureContext, getCACertificates, type SecureContext, type TLSSocket } from 'node:tls'
import { OutboundError } from './outbound.ts'

export interface ResolvedAddress {
  readonly address: string
  readonly family: number
}

/** Every address of a host name. */
export type Resolve = (host: string) => Promise<readonly ResolvedAddress[]>

export interface DialOptions {
  /** Allows private and loopback addresses. Link-local ones, where clouds keep credentials, are never dialled. */
  readonly allowPrivateNetwork: boolean
  /** PEM of a certificate authority that is trusted besides the usual ones. */
  readonly ca?: string | undefined
  readonly resolve?: Resolve | undefined
  /** Milliseconds for the name, the connection and TLS together. */
  readonly connectMsMax: number
}

/** An open TLS session that speaks HTTP/2 or HTTP/1.1, as agreed by ALPN. */
export type Dial = (origin: URL, protocols: readonly string[]) => Promise<TLSSocket>

export function createDial(options: DialOptions): Dial {
  const resolve = options.resolve ?? ((host: string) => lookupName(host, { all: true }))
  const lookup = guardedLookup(resolve, options.allowPrivateNetwork)
  const secureContext = trusting(options.ca)
  return (origin, protocols) => {
    const host = origin.hostname.replace(/^\[(.*)\]$/, '$1')
    if (isIP(host) !== 0 && !isAllowed(host, options.allowPrivateNetwork)) return Promise.reject(refusal())
    const socket = connect({
      host,
      port: Number(origin.port || 443),
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ALPNProtocols: [...protocols],
      lookup,
      secureContext,
    })
    return opened(socket, options.connectMsMax)
  }
}

/** Whether an address may be dialled at all; for literal addresses and for those behind names alike. */
export function isAllowed(address: string, allowPrivateNetwork: boolean): boolean {
  const plain = unmapped(address.replace(/%.*$/, ''))
  const family = isIP(plain) === 6 ? 'ipv6' : 'ipv4'
  if (NEVER.check(plain, family)) return false
  if (allowPrivateNetwork) return true
  return family === 'ipv6' ? GIVEN_OUT.check(plain, family) : !PRIVATE.check(plain, family)
}

/** Made once: reading all authorities takes some milliseconds. */
function trusting(ca: string | undefined): SecureContext {
  return createSecureContext({ ca: [...getCACertificates(), ...(ca === undefined ? [] : [ca])] })
}

function opened(socket: TLSSocket, msMax: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new Error('time is over')), msMax)
    const fail = (error: Error) => {
      clearTimeout(timer)
      socket.destroy()
      reject(error instanceof OutboundError ? error : new OutboundError('unreachable', codeOf(error)))
    }
    socket.once('error', fail)
    socket.once('secureConnect', () => {
      clearTimeout(timer)
      socket.off('error', fail)
      socket.setNoDelay(true)
      resolve(socket)
    })
  })
}

function guardedLookup(resolve: Resolve, allowPrivateNetwork: boolean): LookupFunction {
  return (host, { all }, callback) => {
    resolve(host).then(
      (found) => {
        const allowed = found.filter(({ address }) => isAllowed(address, allowPrivateNetwork))
        const [first] = allowed
        if (!first) callback(found.length === 0 ? new Error('no address') : refusal(), '', 4)
        else if (all) callback(null, [...allowed])
        else callback(null, first.address, first.family)
      },
      (error: Error) => callback(error as NodeJS.ErrnoException, '', 4),
    )
  }
}

function refusal(): OutboundError {
  return new OutboundError('addressRefused', 'the address is not one that may be called')
}

/** The code alone: messages of the network quote addresses. */
function codeOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException
  return `the other side cannot be reached (${code ?? 'time-out'})`
}

/** An IPv4 address that is written as IPv6 is judged as what it is. */
function unmapped(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address
}

/** Networks by CIDR, from the registries of special-purpose addresses (RFC 6890 and its successors at IANA). */
function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix = ''] = network.split('/')
    list.addSubnet(address, Number(prefix), address.includes(':') ? 'ipv6' : 'ipv4')
  }
  return list
}

/** This machine, its site, and shared networks of carriers. */
const PRIVATE = blockList(['10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'])

/** The part of IPv6 that is given out for the internet (IANA: Internet Protocol Version 6 Address Space). */
const GIVEN_OUT = blockList(['2000::/3'])

/** Link-local, unspecified, multicast, broadcast, documentation and benchmarks; IPv6 forms that carry an IPv4 address. */
const NEVER = blockList([
  '0.0.0.0/8',
  '169.254.0.0/16',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
])
