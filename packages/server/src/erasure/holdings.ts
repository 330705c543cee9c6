/**
 * What an erasure leaves behind, and until when: it stands in every receipt, since a receipt that kept silent about it
 * would say too much. The operator's own backups and the vendors are named, because Lethe cannot erase there.
 */

import type { ReceiptClaims } from '@lethe/protocol/receipt.ts'
import type { Engine } from '../storage/database.ts'

type Remains = ReceiptClaims['remains']

export function remains(engine: Engine): Remains {
  return [...EVERYWHERE, ...(engine === 'postgres' ? POSTGRES : [])]
}

const EVERYWHERE: Remains = [
  {
    what: 'keyed digests of the registration id, the token and the registering request, which recognise and refuse them',
    until: 'for as long as the app exists',
    personal: false,
  },
  {
    what: 'counts of users by tag and by app, without this user',
    until: 'for as long as the app exists',
    personal: false,
  },
  {
    what: 'backups of the database made before the erasure',
    until: 'their owner deletes them',
    personal: true,
  },
  {
    what: 'what the push service of the browser or device vendor keeps of the token',
    until: 'the vendor forgets it by its own rules',
    personal: true,
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
