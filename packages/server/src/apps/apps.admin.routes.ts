/** Operator API, apps: list, make, read, change, and replace the secret. */

import {
  AdminAppParams,
  AppAnswer,
  type AppSettingsAnswer,
  type AppSettingsBody,
  AppsAnswer,
  ChangeAppBody,
  CreateAppAnswer,
  CreateAppBody,
  RotateSecretAnswer,
} from '@lethe/protocol/admin.schemas.ts'
import type { AppLimits } from '@lethe/protocol/limits.ts'
import { auditEntry } from '../audit/audit.ts'
import { compileAddressList } from '../kernel/address-list.ts'
import { sha256 } from '../kernel/digest.ts'
import { type Operation, operation } from '../kernel/operation.ts'
import { answer, created, type Reply, refuse } from '../kernel/reply.ts'
import { parseSettings, type SettingsChange } from './app-settings.ts'
import { type AppRow, appUnits, readApp, readApps } from './apps.store.ts'
import { type CreateAppDeps, createApp as create, mintMasterSecret } from './create-app.ts'
import type { AppDirectory } from './find-app.ts'

export interface AdminAppsDeps extends CreateAppDeps {
  readonly apps: AppDirectory
}

export function listApps({ database }: AdminAppsDeps): Operation {
  return operation({
    id: 'listApps',
    summary: 'List the apps',
    schema: { answers: { 200: AppsAnswer } },
    handle: async () => answer({ apps: (await readApps(database.read)).map(appAnswer) }),
  })
}

export function createApp(deps: AdminAppsDeps): Operation {
  return operation({
    id: 'createApp',
    summary: 'Make an app',
    description: 'Answers the master secret, which is told only here. A taken app key is refused.',
    schema: { body: CreateAppBody, answers: { 201: CreateAppAnswer } },
    handle: async ({ body, address }) => {
      const refusal = refusalOfSettings(body.settings)
      if (refusal) return refusal
      const made = await create(deps, {
        name: body.name,
        appKey: body.app_key,
        masterSecret: body.master_secret,
        settings: settingsChange(body.settings),
        audit: auditEntry(deps, { actor: 'operator', address, action: 'app.created' }),
      })
      if (!made) return refuse('parameterInvalid', 'app_key: an app with this key exists')
      deps.apps.forget(made.row.app_key)
      return created({ ...appAnswer(made.row), master_secret: made.masterSecret })
    },
  })
}

export function showApp({ database }: AdminAppsDeps): Operation {
  return operation({
    id: 'showApp',
    summary: 'Read an app',
    schema: { params: AdminAppParams, answers: { 200: AppAnswer } },
    handle: async ({ params }) => {
      const app = await readApp(database.read, params.app_key)
      return app ? answer(appAnswer(app.row)) : refuse('appUnknown')
    },
  })
}

export function changeApp(deps: AdminAppsDeps): Operation {
  return operation({
    id: 'changeApp',
    summary: 'Change the name or settings of an app',
    description: 'What is absent stays. Other nodes follow within a second.',
    schema: { params: AdminAppParams, body: ChangeAppBody, answers: { 200: AppAnswer } },
    handle: async ({ params, body, address }) => {
      const refusal = refusalOfSettings(body.settings)
      if (refusal) return refusal
      const row = await deps.database.write(appUnits.changeApp, {
        appKey: params.app_key,
        ...(body.name === undefined ? {} : { name: body.name }),
        settings: settingsChange(body.settings),
        audit: auditEntry(deps, {
          actor: 'operator',
          address,
          appKey: params.app_key,
          action: 'app.changed',
          subject: changedNames(body).join(' '),
          figures: body.settings?.limits ?? {},
        }),
      })
      deps.apps.forget(params.app_key)
      return row ? answer(appAnswer(row)) : refuse('appUnknown')
    },
  })
}

export function rotateSecret(deps: AdminAppsDeps): Operation {
  return operation({
    id: 'rotateSecret',
    summary: 'Replace the master secret of an app',
    description: 'The old secret has no access any more: on this node at once, on others within a second.',
    // The body is not declared: there is nothing to say, and most clients send none.
    schema: { params: AdminAppParams, answers: { 200: RotateSecretAnswer } },
    handle: async ({ params, address }) => {
      const appKey = params.app_key
      const masterSecret = mintMasterSecret(deps.random)
      const isDone = await deps.database.write(appUnits.rotateSecret, {
        appKey,
        secretDigest: sha256(masterSecret),
        audit: auditEntry(deps, { actor: 'operator', address, appKey, action: 'app.secret-rotated' }),
      })
      deps.apps.forget(appKey)
      if (!isDone) return refuse('appUnknown')
      return answer({ app_key: appKey, master_secret: masterSecret })
    },
  })
}

/** What the schema of the wire cannot say. */
function refusalOfSettings(settings: AppSettingsBody | undefined): Reply | undefined {
  const addresses = settings?.allowed_addresses ?? []
  const wrong = addresses.findIndex((entry) => compileAddressList([entry]) === undefined)
  if (wrong < 0) return undefined
  return refuse(
    'parameterInvalid',
    `settings.allowed_addresses[${wrong}]: an IPv4 or IPv6 address, or a range such as 192.0.2.0/24`,
  )
}

function settingsChange(settings: AppSettingsBody | undefined): SettingsChange {
  const limits = Object.entries(settings?.limits ?? {}).map(([word, value]) => [LIMIT_NAMES[word], value])
  return {
    ...(settings?.allowed_addresses ? { allowedAddresses: settings.allowed_addresses } : {}),
    ...(settings?.origins ? { origins: settings.origins } : {}),
    ...(settings?.limits ? { limits: Object.fromEntries(limits) as Partial<AppLimits> } : {}),
  }
}

/** What a change touches, without what it is changed to. */
function changedNames({ settings, ...rest }: ChangeAppBody): string[] {
  return [...Object.keys(rest), ...Object.keys(settings ?? {})]
}

function appAnswer(row: AppRow): AppAnswer {
  return {
    app_key: row.app_key,
    name: row.name,
    settings: settingsAnswer(row.settings),
    created_at: new Date(row.created_at).toISOString(),
  }
}

function settingsAnswer(json: string): AppSettingsAnswer {
  const { allowedAddresses, origins, limits } = parseSettings(json)
  return {
    allowed_addresses: [...allowedAddresses],
    origins: [...origins],
    limits: {
      tags_per_device: limits.tagsPerDevice,
      tags_per_app: limits.tagsPerApp,
      devices_per_tag: limits.devicesPerTag,
      aliases_per_app: limits.aliasesPerApp,
      tag_bytes: limits.tagBytes,
      alias_bytes: limits.aliasBytes,
      requests_per_second: limits.requestsPerSecond,
    },
  }
}

/** The limits by their words on the wire. */
const LIMIT_NAMES: Readonly<Record<string, keyof AppLimits>> = {
  tags_per_device: 'tagsPerDevice',
  tags_per_app: 'tagsPerApp',
  devices_per_tag: 'devicesPerTag',
  aliases_per_app: 'aliasesPerApp',
  tag_bytes: 'tagBytes',
  alias_bytes: 'aliasBytes',
  requests_per_second: 'requestsPerSecond',
}
