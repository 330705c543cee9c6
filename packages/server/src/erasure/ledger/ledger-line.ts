/**
 * The lines of a ledger: text, fields separated by tabs, and at the end of each line the SHA-256 of the line before it and of
 * itself. So a line that was changed, taken out or put in shows in every line behind it.
 *
 *   lethe-ledger  1  <ledger id>  <file id>                                         the first line
 *   erased  <position>  <erasure id>  <app key>  <digest of the id>  <of the token>  <of the request>  <key version>  <origin>  <accepted at>
 *   again                                     positions begin anew: what follows holds everything once more
 *
 * `-` stands for a digest that there is none of. Nothing in it names anybody: the digests are keyed.
 */

import { sha256 } from '../../kernel/digest.ts'
import type { Tables } from '../../schema.ts'

export interface LedgerHeader {
  /** The same in the files of all nodes, and in the database. */
  readonly ledgerId: string
  /** Of this file alone. */
  readonly fileId: string
}

export interface LedgerEntry {
  /** Its place in the sequence of the database; ascending. */
  readonly position: number
  readonly erasureId: string
  readonly appKey: string
  readonly idDigest: string
  readonly tokenDigest: string | null
  readonly requestDigest: string | null
  readonly keyVersion: number
  readonly origin: Tables['erasure']['origin']
  readonly acceptedAt: number
}

export type LedgerLine =
  | { readonly kind: 'header'; readonly header: LedgerHeader }
  | { readonly kind: 'erased'; readonly entry: LedgerEntry }
  | { readonly kind: 'again' }

const FORMAT = '1'
/** Before the first line. */
export const FIRST_CHAIN = ''

/** The text of the line, its line feed included, and what the next line is chained to. */
export function writeLine(line: LedgerLine, chain: string): { text: string; chain: string } {
  const body = bodyOf(line)
  const next = sha256(`${chain}\t${body}`)
  return { text: `${body}\t${next}\n`, chain: next }
}

/** The line without its line feed; a string says what is wrong with it. */
export function parseLine(text: string, chain: string): { line: LedgerLine; chain: string } | string {
  const at = text.lastIndexOf('\t')
  const body = text.slice(0, Math.max(at, 0))
  const next = text.slice(at + 1)
  if (at < 0 || sha256(`${chain}\t${body}`) !== next) return 'its checksum does not fit'
  const line = lineOf(body.split('\t'))
  return line === undefined ? 'it is of a kind that this version does not know' : { line, chain: next }
}

function bodyOf(line: LedgerLine): string {
  switch (line.kind) {
    case 'header':
      return ['lethe-ledger', FORMAT, line.header.ledgerId, line.header.fileId].join('\t')
    case 'erased':
      return erasedBody(line.entry)
    case 'again':
      return 'again'
  }
}

function erasedBody(entry: LedgerEntry): string {
  return [
    'erased',
    entry.position,
    entry.erasureId,
    entry.appKey,
    entry.idDigest,
    entry.tokenDigest ?? '-',
    entry.requestDigest ?? '-',
    entry.keyVersion,
    entry.origin,
    entry.acceptedAt,
  ].join('\t')
}

function lineOf(fields: readonly string[]): LedgerLine | undefined {
  const [kind, ...rest] = fields
  if (kind === 'again' && rest.length === 0) return { kind: 'again' }
  if (kind === 'erased' && rest.length === 9) return { kind: 'erased', entry: entryOf(rest) }
  const [format, ledgerId = '', fileId = ''] = rest
  if (kind !== 'lethe-ledger' || format !== FORMAT || rest.length !== 3) return undefined
  return { kind: 'header', header: { ledgerId, fileId } }
}

/** The checksum fits, so the fields are what was written. */
function entryOf(fields: readonly string[]): LedgerEntry {
  const [
    position,
    erasureId = '',
    appKey = '',
    idDigest = '',
    token,
    request,
    keyVersion,
    origin,
    acceptedAt,
  ] = fields
  return {
    position: Number(position),
    erasureId,
    appKey,
    idDigest,
    tokenDigest: digestOf(token),
    requestDigest: digestOf(request),
    keyVersion: Number(keyVersion),
    origin: origin as LedgerEntry['origin'],
    acceptedAt: Number(acceptedAt),
  }
}

function digestOf(field: string | undefined): string | null {
  return field === undefined || field === '-' ? null : field
}
