/**
 * What an erasure leaves behind, and until when: it stands in every receipt, since a receipt that kept silent about it
 * would say too much. The operator's own backups and the vendors are named, because Lethe cannot erase there.
 */

import type { ReceiptClaims } from '@lethe/protocol/receipt.ts'
import type { Engine } from '../storage/database.ts'

type Remains = ReceiptClaims['remains']

/** `vendors`: the push services that knew the user's address. */
export function remains(engine: Engine, vendors: readonly string[]): Remains {
  return [...EVERYWHERE, ...vendors.map(ofVendor), ...(engine === 'postgres' ? POSTGRES : [])]
}

function ofVendor(vendor: string): Remains[number] {
  return {
    what: `${vendor}: the token, and messages handed over before the deletion that wait there for the device`,
    until:
      'the messages: at most 15 days, their longest time to live; the token: the vendor forgets it by its own rules',
    personal: true,
  }
}

const EVERYWHERE: Remains = [
  {
    what: 'keyed digests of the registration id, the token and the registering request, which recognise and refuse them: in the database, and in the ledger outside it',
    until: 'for as long as the app exists',
    personal: false,
  },
  {
    what: 'counts of users by tag and by app, without this user',
    until: 'for as long as the app exists',
    personal: false,
  },
  {
    what: 'backups of the database made before the erasure; a server that is started with one erases the user again first',
    until: 'their owner deletes them',
    personal: true,
  },
  {
    what: 'counters of the messages that were sent to the user among others',
    until: '30 days after each message',
    personal: false,
  },
  {
    what: 'what was said to many users at once, and names of tags in pushes that are still going out',
    until: '30 days after each message; the names until it is sent, at most a day',
    personal: false,
  },
]

const POSTGRES: Remains = [
  {
    what: 'dead row versions in the heap and indexes of PostgreSQL, which no query shows',
    until: 'vacuum has passed the tables and the pages are used again',
    personal: true,
  },
  {
    what: 'write-ahead log of PostgreSQL, archived segments and physical replicas',
    until: 'the segments are recycled and the archive expires by its own rules',
    personal: true,
  },
]
