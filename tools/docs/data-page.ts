// docs/reference/personal-data.md: every column that tells something about a user, and what an erasure does with it.
import { erasureRules, tables } from '../../packages/server/src/schema.ts'
import { GENERATED, table } from './markdown.ts'

type Rule = (typeof erasureRules)[keyof typeof erasureRules]

export function dataPage(): string {
  const sections = Object.entries(tables).map(([name, { columns }]) => {
    const rule = erasureRules[name as keyof typeof erasureRules]
    const rows = Object.entries(columns).flatMap(([column, { tells }]) =>
      tells === undefined ? [] : [[`\`${column}\``, tells]],
    )
    const told =
      rows.length > 0 ? table(['Column', 'What it tells'], rows) : 'No column tells anything about a user.'
    return `## ${name}\n\n${words(rule)}\n\n${told}`
  })
  return `${GENERATED}
# Personal data

Every table of Lethe, the columns that tell something about a user, and what an erasure does with them. The server does not
start on a database that differs from this page, and a table without a rule does not compile.

${sections.join('\n\n')}
`
}

function words(rule: Rule): string {
  switch (rule.kind) {
    case 'deleteRows':
      return 'Erasure: the rows of the user are deleted.'
    case 'lastOfAll':
      return 'Erasure: the row of the user is deleted, after everything that refers to it.'
    case 'clearColumns':
      return `Erasure: ${rule.columns.join(', ')} is cleared once the second look has found nothing; the row stays.`
    case 'deleteWithLastHolder':
      return 'Erasure: the row goes when the last user that it counts is hidden.'
    case 'clearWithLastReceiver':
      return `Erasure: ${rule.columns.join(' and ')} of a message that names its receivers go with the last of them; of every message they go within ${rule.days} days.`
    case 'expireWithin':
      return `Erasure: the row goes within ${rule.days} days.`
    case 'nothingPersonal':
      return `Erasure: nothing to do (${rule.reason}).`
  }
}
