// docs/reference/errors.md: the error catalogue.
import { errors } from '../../packages/protocol/src/errors.ts'
import { GENERATED, table } from './markdown.ts'

export function errorsPage(): string {
  const rows = Object.entries(errors)
    .toSorted(([, a], [, b]) => a.code - b.code || a.status - b.status)
    .map(([name, { code, status, message, meaning }]) => [
      String(code),
      String(status),
      `\`${name}\``,
      message,
      meaning,
    ])
  return `${GENERATED}
# Errors

Every error is \`{"error": {"code": <integer>, "message": <text>}}\` with \`Content-Type: application/json; charset=utf-8\`. One
code can come with several statuses. The message may say more than the words below. Codes from 29000 are Lethe's own; the others
are those of the EngageLab Push API v4.

${table(['Code', 'Status', 'Name', 'Message', 'Meaning'], rows)}
`
}
