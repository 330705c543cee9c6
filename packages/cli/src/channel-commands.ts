/** `lethe channel …`: what the channels of an app need to speak to their vendors. */

import {
  type ApnsBody,
  type ChannelAnswer,
  type ChannelsAnswer,
  type ChannelWord,
  channelWords,
  type RemoveChannelAnswer,
  type WebPushBody,
} from '@lethe/protocol/channel.schemas.ts'
import { Argument, type Command } from 'commander'
import { Complaint, EXIT_USAGE } from './complaint.ts'
import { call, type Json, jsonOption, pathOfApp, print } from './operator-command.ts'
import { readInput } from './read-input.ts'

interface ChannelOptions {
  readonly serviceAccount?: string
  readonly key?: string
  readonly keyId?: string
  readonly teamId?: string
  readonly topic?: string
  readonly endpoint?: string
  readonly publicKey?: string
  readonly privateKey?: string
  readonly subject?: string
}

export function addChannelCommands(program: Command): void {
  const channel = program
    .command('channel')
    .description('Set what an app needs in order to send: web-push, fcm, apns, or the stub for trying out.')

  channel
    .command('list')
    .description('List the channels of an app that are set, without their secrets.')
    .argument('<app-key>')
    .addOption(jsonOption())
    .action(listChannels)

  addCredentialOptions(
    channel
      .command('set')
      .description('Set a channel of an app, or replace what is set. Every node follows within a second.')
      .argument('<app-key>')
      .addArgument(channelArgument())
      .addOption(jsonOption()),
  )
    .addHelpText('after', EXAMPLES)
    .action(setChannel)

  channel
    .command('remove')
    .description('Remove the credentials of a channel.')
    .argument('<app-key>')
    .addArgument(channelArgument())
    .option('--confirm', 'needed for web-push: whoever subscribed with its key pair is lost')
    .addOption(jsonOption())
    .action(removeChannel)
}

const EXAMPLES = `
Examples:
  lethe channel set APP web-push --subject mailto:push@example.com
  lethe channel set APP fcm --service-account service-account.json
  lethe channel set APP apns --key AuthKey_ABC123DEFG.p8 --key-id ABC123DEFG --team-id DEF123GHIJ --topic com.example.app
  lethe channel set APP stub`

function channelArgument(): Argument {
  return new Argument('<channel>').choices([...channelWords])
}

function addCredentialOptions(command: Command): Command {
  return command
    .optionsGroup('Web Push (every app has a key pair; what is not given stays):')
    .option('--subject <url>', 'where push services reach you: a mailto: or https: URL')
    .option('--public-key <key>', 'public key of a pair to import, base64url')
    .option('--private-key <key>', 'private key of that pair, base64url')
    .optionsGroup('FCM:')
    .option(
      '--service-account <file>',
      'JSON file of a service account, from the Firebase console; - for stdin',
    )
    .optionsGroup('APNs:')
    .option('--key <file>', 'signing key, the .p8 file from Apple; - for stdin')
    .option('--key-id <id>', 'id of the key, 10 characters')
    .option('--team-id <id>', 'id of your team, 10 characters')
    .option('--topic <bundle-id>', 'bundle id of the app')
    .optionsGroup('FCM and APNs:')
    .option('--endpoint <origin>', 'https origin to call instead of the vendor, for trying out')
}

async function listChannels(appKey: string, options: Json, command: Command): Promise<void> {
  const answer = await call<ChannelsAnswer>(command, { method: 'GET', path: pathOfChannels(appKey) })
  const lines = answer.channels.flatMap(channelLines)
  print(options, answer, lines.length > 0 ? lines : ['No channel is set.'])
}

/** How commander calls an action of two arguments. */
type Called<Options> = [appKey: string, channel: ChannelWord, options: Options & Json, command: Command]

async function setChannel(
  ...[appKey, channel, { json, ...options }, command]: Called<ChannelOptions>
): Promise<void> {
  const body = bodyOf(channel, options)
  const path = `${pathOfChannels(appKey)}/${channel}`
  const answer = await call<ChannelAnswer>(command, { method: 'PUT', path, body })
  print(json ? { json } : {}, answer, channelLines(answer))
}

async function removeChannel(
  ...[appKey, channel, options, command]: Called<{ confirm?: true }>
): Promise<void> {
  if (channel === 'web-push' && !options.confirm) {
    throw new Complaint(
      'Nobody who subscribed with this key pair can be reached without it, and it cannot be brought back: ' +
        'give --confirm if that is meant.',
      EXIT_USAGE,
    )
  }
  const path = `${pathOfChannels(appKey)}/${channel}${options.confirm ? '?confirm=true' : ''}`
  const answer = await call<RemoveChannelAnswer>(command, { method: 'DELETE', path })
  print(options, answer, [`Removed ${channel}.`])
}

function pathOfChannels(appKey: string): string {
  return `${pathOfApp(appKey)}/channels`
}

/** @throws Complaint when an option is missing, or belongs to another channel. */
function bodyOf(channel: ChannelWord, options: ChannelOptions): object {
  const { takes, body } = CHANNELS[channel]
  const stray = (Object.keys(options) as (keyof ChannelOptions)[]).find((name) => !takes.includes(name))
  if (stray) throw new Complaint(`${flagOf(stray)} is not for ${channel}.`, EXIT_USAGE)
  return body(options)
}

interface ChannelForm {
  readonly takes: readonly (keyof ChannelOptions)[]
  readonly body: (options: ChannelOptions) => object
}

const CHANNELS: Readonly<Record<ChannelWord, ChannelForm>> = {
  'web-push': { takes: ['publicKey', 'privateKey', 'subject'], body: webPushBody },
  fcm: { takes: ['serviceAccount', 'endpoint'], body: fcmBody },
  apns: { takes: ['key', 'keyId', 'teamId', 'topic', 'endpoint'], body: apnsBody },
  stub: { takes: [], body: () => ({}) },
}

function webPushBody({ publicKey, privateKey, subject }: ChannelOptions): WebPushBody {
  return {
    ...(publicKey === undefined ? {} : { public_key: publicKey }),
    ...(privateKey === undefined ? {} : { private_key: privateKey }),
    ...(subject === undefined ? {} : { subject }),
  }
}

function fcmBody(options: ChannelOptions): object {
  const file = needed('fcm', options, 'serviceAccount')
  return { ...parseObject(readInput(file), file), ...endpointOf(options) }
}

function apnsBody(options: ChannelOptions): ApnsBody {
  const file = needed('apns', options, 'key')
  return {
    key_id: needed('apns', options, 'keyId'),
    team_id: needed('apns', options, 'teamId'),
    topic: needed('apns', options, 'topic'),
    key: readInput(file),
    ...endpointOf(options),
  }
}

function endpointOf({ endpoint }: ChannelOptions): { endpoint?: string } {
  return endpoint === undefined ? {} : { endpoint }
}

function needed(channel: ChannelWord, options: ChannelOptions, name: keyof ChannelOptions): string {
  const value = options[name]
  if (value === undefined) throw new Complaint(`${channel} needs ${flagOf(name)}.`, EXIT_USAGE)
  return value
}

/** `keyId` is `--key-id` on the command line. */
function flagOf(name: keyof ChannelOptions): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

function parseObject(text: string, file: string): object {
  const parsed = parseJson(text)
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed
  throw new Complaint(`The file ${file} is not the JSON file of a service account.`, EXIT_USAGE)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function channelLines({ channel, revision, changed_at, facts }: ChannelAnswer): string[] {
  const shown = Object.entries(facts).map(([name, value]) => `  ${name.padEnd(14)}${value}`)
  return [`${channel}, revision ${revision}, set ${changed_at}`, ...shown]
}
