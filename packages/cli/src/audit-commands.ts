/** `lethe audit …`: who did what and when, without a word about users. */

import {
  type AuditAnswer,
  type AuditEntryAnswer,
  auditActions,
  auditEntriesDefault,
} from '@lethe/protocol/audit.schemas.ts'
import { type Command, Option } from 'commander'
import { call, type Json, jsonOption, print } from './operator-command.ts'

interface ListOptions extends Json {
  readonly limit: string
  readonly before?: string
  readonly action?: string
}

export function addAuditCommands(program: Command): void {
  const audit = program.command('audit').description('Read the audit log.')

  audit
    .command('list')
    .description('List who did what and when, the newest first. Deletions stand there as digests.')
    .option('--limit <entries>', 'entries of one page', String(auditEntriesDefault))
    .option('--before <id>', 'go on where a page ended')
    .addOption(new Option('--action <action>', 'only entries of this action').choices([...auditActions]))
    .addOption(jsonOption())
    .action(listAudit)
}

async function listAudit(options: ListOptions, command: Command): Promise<void> {
  const { limit, before, action } = options
  const query = new URLSearchParams({
    limit,
    ...(before === undefined ? {} : { before }),
    ...(action === undefined ? {} : { action }),
  })
  const path = `/admin/v1/audit?${query}`
  const answer = await call<AuditAnswer>(command, { method: 'GET', path })
  const more = answer.next === null ? [] : [`More: lethe audit list --before ${answer.next}`]
  const lines = [...answer.entries.map(entryLine), ...more]
  print(options, answer, lines.length > 0 ? lines : ['The audit log is empty.'])
}

function entryLine({
  at,
  actor,
  address_class,
  app_key,
  action,
  subject,
  figures,
}: AuditEntryAnswer): string {
  const who = address_class === null ? actor : `${actor} (${address_class})`
  const numbers = Object.entries(figures).map(([name, value]) => `${name}=${value}`)
  const what = [app_key, subject, ...numbers].filter((part) => part !== null && part !== '')
  return `${at}  ${who.padEnd(21)}  ${action.padEnd(18)}  ${what.join(' ')}`.trimEnd()
}
