/** `lethe receipt verify`: checks a receipt, or a manifest, without a server, with keys that the caller gives. */

import process from 'node:process'
import type { ManifestClaims } from '@lethe/protocol/manifest.ts'
import type { ReceiptClaims } from '@lethe/protocol/receipt.ts'
import type { Command } from 'commander'
import type { JSONWebKeySet } from 'jose'
import { Complaint, EXIT_FAILED, EXIT_USAGE } from './complaint.ts'
import { readInput } from './read-input.ts'
import { verifyReceipt } from './verify-receipt.ts'

interface VerifyOptions {
  readonly keys: string
  readonly json?: true
}

export function addReceiptCommands(program: Command, setExitCode: (code: number) => void): void {
  const receipt = program.command('receipt').description('Work with receipts of erasures.')
  receipt
    .command('verify')
    .description(
      'Check a receipt, or a manifest of many. Exit code 0: it is valid; 1: it is not; 2: called wrongly.',
    )
    .argument('<file>', 'the receipt, or the JSON answer that holds it; - for standard input')
    .requiredOption('--keys <file>', "the server's public keys, as /.well-known/jwks.json gave them")
    .option('--json', 'print the claims as JSON')
    .action(async (file: string, options: VerifyOptions) => setExitCode(await verify(file, options)))
}

async function verify(file: string, { keys, json }: VerifyOptions): Promise<number> {
  const receipt = receiptIn(readInput(file))
  const verdict = await verifyReceipt(receipt, parseKeys(keys))
  if (verdict.kind === 'invalid') {
    const text = json
      ? JSON.stringify({ valid: false, reason: verdict.reason })
      : `Not valid: ${verdict.reason}.`
    process.stdout.write(`${text}\n`)
    return EXIT_FAILED
  }
  const { claims, keyId } = verdict
  const words =
    verdict.kind === 'valid' ? summary(verdict.claims, keyId) : manifestSummary(verdict.claims, keyId)
  const text = json ? JSON.stringify({ valid: true, key_id: keyId, claims }, null, 2) : words
  process.stdout.write(`${text}\n`)
  return 0
}

/** The compact JWS: alone, or as the key `receipt` of the answer of GET …/erasure, or `manifest` of one of …/manifests. */
function receiptIn(text: string): string {
  const trimmed = text.trim()
  if (!trimmed.startsWith('{')) return trimmed
  const answer = parseJson(trimmed) as { receipt?: unknown; manifest?: unknown; state?: unknown } | undefined
  if (typeof answer?.receipt === 'string') return answer.receipt
  if (typeof answer?.manifest === 'string') return answer.manifest
  const state =
    typeof answer?.state === 'string' ? ` The erasure is ${answer.state}; it has one once it is erased.` : ''
  throw new Complaint(`There is no receipt in this JSON.${state}`, EXIT_USAGE)
}

function parseKeys(file: string): JSONWebKeySet {
  const keys = parseJson(readInput(file)) as Partial<JSONWebKeySet> | undefined
  if (Array.isArray(keys?.keys)) return keys as JSONWebKeySet
  throw new Complaint(`The file ${file} is not a JSON Web Key Set: save /.well-known/jwks.json.`, EXIT_USAGE)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function summary(claims: ReceiptClaims, keyId: string): string {
  const { alg, key_version, value } = claims.registration_id_digest
  return [
    'Valid: this user was erased.',
    '',
    `Server    ${claims.iss}`,
    `Erasure   ${claims.jti}`,
    `App       ${claims.app_key}`,
    `User      ${value} (${alg}, key version ${key_version})`,
    `Hidden    ${claims.hidden_at}`,
    `Removed   ${claims.removed_at}`,
    `Erased    ${claims.erased_at}`,
    `Signed    ${signedAt(claims)} with key ${keyId}`,
    '',
    ...sharedLines(claims),
  ].join('\n')
}

function manifestSummary(claims: ManifestClaims, keyId: string): string {
  const { alg, key_version, values } = claims.registration_id_digests
  const span = ({ first, last }: { first: string; last: string }) =>
    first === last ? first : `${first} to ${last}`
  return [
    `Valid: ${values.length === 1 ? 'this user was' : `these ${values.length} users were`} erased.`,
    '',
    `Server    ${claims.iss}`,
    `Manifest  ${claims.jti}`,
    `Deletion  ${claims.deletion_id}`,
    `App       ${claims.app_key}`,
    `Users     ${values.length} digests (${alg}, key version ${key_version}); --json lists them`,
    `Hidden    ${span(claims.hidden_at)}`,
    `Removed   ${span(claims.removed_at)}`,
    `Erased    ${span(claims.erased_at)}`,
    `Signed    ${signedAt(claims)} with key ${keyId}`,
    '',
    ...sharedLines(claims),
  ].join('\n')
}

function signedAt({ iat }: { readonly iat: number }): string {
  return new Date(iat * 1000).toISOString()
}

function sharedLines(claims: Pick<ReceiptClaims, 'removed' | 'verified' | 'remains' | 'told'>): string[] {
  const removed = Object.entries(claims.removed).map(([table, rows]) => `  ${rows} from ${table}`)
  const remains = claims.remains.map(
    ({ what, until, personal }) => `  ${what}; until: ${until}${personal ? '; personal' : ''}`,
  )
  return [
    'Rows removed:',
    ...(removed.length > 0 ? removed : ['  none']),
    `Looked through again: ${claims.verified.tables.join(', ')}; nothing was left.`,
    'What remains:',
    ...(remains.length > 0 ? remains : ['  nothing']),
    `Told: ${claims.told.length > 0 ? claims.told.join(', ') : 'nobody'}`,
  ]
}
