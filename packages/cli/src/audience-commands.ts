/** `lethe audience check`: who fits an audience, before something is done with it. */

import type { AudienceCheckAnswer } from '@lethe/protocol/audience-check.schemas.ts'
import type { Command } from 'commander'
import { type AudienceOptions, addAudienceOptions, audienceBody } from './audience-options.ts'
import { call, type Json, jsonOption, pathOfApp, print } from './operator-command.ts'

export function addAudienceCommands(program: Command): void {
  const audience = program.command('audience').description('Look at audiences.')
  addAudienceOptions(
    audience
      .command('check')
      .description('Tell how many users fit an audience, who can be reached and how, and show some of them.')
      .requiredOption('--app <app-key>', 'the app'),
  )
    .addOption(jsonOption())
    .action(checkAudience)
}

async function checkAudience(
  options: AudienceOptions & Json & { app: string },
  command: Command,
): Promise<void> {
  const body = { to: audienceBody(options) }
  const path = `${pathOfApp(options.app)}/audience/check`
  const answer = await call<AudienceCheckAnswer>(command, { method: 'POST', path, body })
  print(options, answer, [
    ...figureLines(answer),
    ...answer.unknown_tags.map((tag) => `No user holds the tag ${tag}: is it misspelt?`),
    ...(answer.sample.length === 0 ? [] : ['', `Some of them:`, ...answer.sample.map(sampleLine)]),
  ])
}

/** What people read of an audience's figures, here and in plans of deletions. */
export function figureLines(
  answer: Pick<AudienceCheckAnswer, 'users' | 'live_users' | 'by_platform' | 'reachable' | 'fingerprint'>,
): string[] {
  const { users, live_users, by_platform, reachable, fingerprint } = answer
  return [
    `Users        ${number(users)} of ${number(live_users)} (${percent(users, live_users)})`,
    `By platform  ${counts(by_platform)}`,
    `Reachable    ${number(reachable.users)}: ${counts(reachable.by_channel)}`,
    `Fingerprint  ${fingerprint}`,
  ]
}

/** 1,234,567, whatever the machine's language. */
export function number(value: number): string {
  return value.toLocaleString('en-US')
}

function percent(part: number, whole: number): string {
  if (whole === 0) return '0 %'
  const share = (100 * part) / whole
  // Never rounded up to everybody, nor down to nobody.
  if (part < whole && share > 99.9) return 'over 99.9 %'
  if (part > 0 && share < 0.1) return 'under 0.1 %'
  return `${share.toFixed(1)} %`
}

function counts(by: Readonly<Record<string, number>>): string {
  const named = Object.entries(by).filter(([, count]) => count > 0)
  return named.length === 0 ? 'none' : named.map(([name, count]) => `${name} ${number(count)}`).join(', ')
}

function sampleLine({
  registration_id,
  platform,
  alias,
  tags,
  reachable,
}: AudienceCheckAnswer['sample'][number]) {
  const facts = [
    platform,
    alias === '' ? 'no alias' : `alias ${alias}`,
    tags.length === 0 ? 'no tags' : `tags ${tags.join(', ')}`,
    ...(reachable ? [] : ['not reachable']),
  ]
  return `  ${registration_id}  ${facts.join('; ')}`
}
