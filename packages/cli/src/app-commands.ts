/** `lethe app …`: make apps, list and read them, change their settings, replace their secrets. */

import type {
  AppAnswer,
  AppSettingsBody,
  AppsAnswer,
  ChangeAppBody,
  CreateAppAnswer,
  CreateAppBody,
  RotateSecretAnswer,
} from '@lethe/protocol/admin.schemas.ts'
import { type Command, InvalidArgumentError } from 'commander'
import { Complaint, EXIT_USAGE } from './complaint.ts'
import { call, type Json, jsonOption, pathOfApp, print } from './operator-command.ts'

interface SettingOptions {
  readonly origin?: string[]
  readonly allowAddress?: string[]
  readonly limit?: Record<string, number>
}

export function addAppCommands(program: Command): void {
  const app = program.command('app').description('Make apps and change them.')

  addSettingOptions(
    app.command('create').description('Make an app and print its master secret.').argument('<name>'),
  )
    .option('--app-key <key>', 'app key to use instead of a minted one')
    .option('--master-secret <secret>', 'master secret to use instead of a minted one')
    .addOption(jsonOption())
    .action(createApp)

  app.command('list').description('List the apps.').addOption(jsonOption()).action(listApps)

  app
    .command('show')
    .description('Show an app and its settings.')
    .argument('<app-key>')
    .addOption(jsonOption())
    .action(showApp)

  addSettingOptions(
    app
      .command('set')
      .description('Change the name or settings of an app; what is not given stays.')
      .argument('<app-key>'),
  )
    .option('--name <name>', 'new name')
    .option('--no-origins', 'empty the list of origins')
    .option('--no-addresses', 'empty the list of addresses: call from everywhere')
    .addOption(jsonOption())
    .action(setApp)

  app
    .command('rotate-secret')
    .description('Replace the master secret of an app; the old one has no access any more.')
    .argument('<app-key>')
    .addOption(jsonOption())
    .action(rotateSecret)
}

async function createApp(
  name: string,
  options: SettingOptions & Json & { appKey?: string; masterSecret?: string },
  command: Command,
): Promise<void> {
  const settings = settingsBody(options)
  const body: CreateAppBody = {
    name,
    ...(options.appKey === undefined ? {} : { app_key: options.appKey }),
    ...(options.masterSecret === undefined ? {} : { master_secret: options.masterSecret }),
    ...(settings ? { settings } : {}),
  }
  const answer = await call<CreateAppAnswer>(command, { method: 'POST', path: '/admin/v1/apps', body })
  print(options, answer, [
    `App key        ${answer.app_key}`,
    `Master secret  ${answer.master_secret}`,
    'Keep the secret: it is shown this once.',
  ])
}

async function listApps(options: Json, command: Command): Promise<void> {
  const answer = await call<AppsAnswer>(command, { method: 'GET', path: '/admin/v1/apps' })
  print(
    options,
    answer,
    answer.apps.map((app) => `${app.app_key}  ${app.name}`),
  )
}

async function showApp(appKey: string, options: Json, command: Command): Promise<void> {
  const answer = await call<AppAnswer>(command, { method: 'GET', path: pathOfApp(appKey) })
  print(options, answer, appLines(answer))
}

async function setApp(
  appKey: string,
  options: SettingOptions & Json & { name?: string; origins: boolean; addresses: boolean },
  command: Command,
): Promise<void> {
  const settings = {
    ...settingsBody(options),
    ...(options.origins ? {} : { origins: [] }),
    ...(options.addresses ? {} : { allowed_addresses: [] }),
  }
  const body: ChangeAppBody = {
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(Object.keys(settings).length === 0 ? {} : { settings }),
  }
  if (Object.keys(body).length === 0) {
    throw new Complaint('Say what to change: lethe app set --help lists it.', EXIT_USAGE)
  }
  const answer = await call<AppAnswer>(command, { method: 'PATCH', path: pathOfApp(appKey), body })
  print(options, answer, appLines(answer))
}

async function rotateSecret(appKey: string, options: Json, command: Command): Promise<void> {
  const path = `${pathOfApp(appKey)}/rotate-secret`
  const answer = await call<RotateSecretAnswer>(command, { method: 'POST', path, body: {} })
  print(options, answer, [
    `Master secret  ${answer.master_secret}`,
    'Keep the secret: it is shown this once. The old one has no access any more.',
  ])
}

function addSettingOptions(command: Command): Command {
  return command
    .option('--origin <origin...>', 'origins of pages that may use the client API; replaces the list')
    .option(
      '--allow-address <address...>',
      'addresses or ranges that may use the server API; replaces the list',
    )
    .option('--limit <name=number>', 'set one limit, such as tags_per_device=200; repeatable', collectLimit)
}

function collectLimit(text: string, before: Record<string, number> = {}): Record<string, number> {
  const [, name, number] = /^([a-z_]+)=(\d{1,10})$/.exec(text) ?? []
  if (name === undefined) throw new InvalidArgumentError('Write it as tags_per_device=200.')
  return { ...before, [name]: Number(number) }
}

function settingsBody({ origin, allowAddress, limit }: SettingOptions): AppSettingsBody | undefined {
  if (!origin && !allowAddress && !limit) return undefined
  return {
    ...(origin ? { origins: origin } : {}),
    ...(allowAddress ? { allowed_addresses: allowAddress } : {}),
    ...(limit ? { limits: limit } : {}),
  }
}

function appLines({ app_key, name, created_at, settings }: AppAnswer): string[] {
  const listed = (list: readonly string[], none: string) => (list.length === 0 ? none : list.join(', '))
  return [
    `App key            ${app_key}`,
    `Name               ${name}`,
    `Made               ${created_at}`,
    `Origins            ${listed(settings.origins, 'none: no other site may use the client API')}`,
    `Allowed addresses  ${listed(settings.allowed_addresses, 'all')}`,
    ...Object.entries(settings.limits).map(([limit, value]) => `${limit.padEnd(19)}${value}`),
  ]
}
