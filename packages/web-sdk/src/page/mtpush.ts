/**
 * EngageLab's names for what Lethe does, so that a site moves over by changing one URL: the global `MTpushInterface`. What a
 * page can do with them is what they did there, but for secrets, which no page gets. `user_str` is the alias here: another
 * browser that comes with the same one takes it over.
 */

import { hasReason } from '@lethe/client/lethe-error.ts'
import type { WebMessage } from '@lethe/protocol/web-message.ts'
import type { Permission } from './browser-push.ts'
import { init as initLethe, type Lethe } from './lethe.ts'
import type { InitOptions, UnavailableReason } from './options.ts'
import { scriptOrigin } from './script-origin.ts'

/** As EngageLab's `init` takes them. */
export interface MTOptions {
  readonly appkey: string
  readonly user_str: string
  /** `t`: no Web Push, messages while a page is open. */
  readonly is_temporary?: 'n' | 't'
  readonly swUrl?: string
  readonly openUrl?: string
  readonly baseUrl?: string
  success?(result: MTResult): void
  fail?(result: MTResult): void
  /** 1 available, 2 denied, 3 not asked yet, 0 not available. */
  webPushcallback?(code: 0 | 1 | 2 | 3, tip: string): void
  canGetInfo?(info: MTInfo): void
  /** Calls what it is given from the site's own button to ask for the permission; without it the browser asks at once. */
  custom?(ask: () => void): void
}

/** 0 success, 1000 unknown, 1002 wrong options, 1003 refused, 1005 network, 1006 not supported. */
export interface MTResult {
  readonly code: number
  readonly message: string
  readonly content: string
}

export interface MTInfo {
  readonly code: 0
  readonly regid: string
  readonly uid: string
}

/** `type` 0: over the own socket; 1: by the browser's push service. */
export interface MTReceived {
  readonly type: 0 | 1
  readonly data: { readonly messages: readonly MTMessage[] }
}

export interface MTMessage {
  readonly msg_id: string
  readonly title: string
  readonly content: unknown
  readonly extras: object
  readonly ntf_or_msg: 1 | 2
}

const CODES: Readonly<Record<UnavailableReason, number>> = {
  storage: 1006,
  insecure: 1006,
  push: 1006,
  network: 1005,
  refused: 1003,
}
const DELETED = 'this user was deleted; it is a new one once the visitor has cleared the cookies of the site'

const server = scriptOrigin()
let lethe: Lethe | undefined
let isStarting = false
let isStopped = false
let onReceive: ((received: MTReceived) => void) | undefined
let onClick: ((message: MTMessage) => void) | undefined
let onDisplay: ((message: MTMessage) => void) | undefined
let onDisconnect: (() => void) | undefined

function init(options: MTOptions): void {
  isStarting = true
  isStopped = false
  void start(options)
    .catch((error: unknown) => options.fail?.(resultOf(1002, error)))
    .finally(() => {
      isStarting = false
    })
}

async function start(options: MTOptions): Promise<void> {
  let failure: MTResult | undefined
  const hear: InitOptions['on'] = {
    unavailable: ({ reason, error }) => {
      if (reason === 'push') tellPermission(options)
      else failure = resultOf(CODES[reason], error)
    },
    permission: () => tellPermission(options),
    ...listeners(),
  }
  lethe?.close()
  lethe = await initLethe(letheOptions(options, hear))
  if (lethe.state === 'deleted') failure = resultOf(1003, new Error(DELETED))
  if (lethe.state === 'optedOut') await lethe.optIn()
  if (lethe.state !== 'registered') return options.fail?.(failure ?? resultOf(1000))
  await lethe.setAlias(options.user_str)
  tellSuccess(options, lethe)
  await askForPermission(options, lethe)
}

function letheOptions(options: MTOptions, on: InitOptions['on']): InitOptions {
  const { appkey: appKey, user_str: userString, is_temporary: isTemporary, swUrl, openUrl } = options
  if (!userString) throw new TypeError('user_str: who the visitor is, in the words of the site')
  const baseUrl = options.baseUrl ?? server
  return {
    appKey,
    push: isTemporary !== 't',
    ...(baseUrl !== undefined && { baseUrl }),
    ...(swUrl !== undefined && { serviceWorker: swUrl }),
    ...(openUrl !== undefined && { openUrl }),
    ...(on && { on }),
  }
}

function listeners(): InitOptions['on'] {
  return {
    message: ({ message, via, shown }) => {
      if (isStopped) return
      onReceive?.({ type: via === 'push' ? 1 : 0, data: { messages: [mtMessage(message)] } })
      if (via === 'push') onDisplay?.(mtMessage(message))
      else shown()
    },
    click: ({ message }) => onClick?.(mtMessage(message)),
    online: ({ isOnline }) => {
      if (!isOnline) onDisconnect?.()
    },
  }
}

function mtMessage(message: WebMessage): MTMessage {
  const { msg_id, title = '', extras = {} } = message
  if (message.kind === 'notification') return { msg_id, title, content: message.body, extras, ntf_or_msg: 1 }
  return { msg_id, title, content: message.content, extras, ntf_or_msg: 2 }
}

function tellSuccess(options: MTOptions, { getRegistrationId }: { getRegistrationId(): string }): void {
  const regid = lethe?.getRegistrationId() ?? getRegistrationId()
  options.success?.({ code: 0, message: 'success', content: '' })
  options.canGetInfo?.({ code: 0, regid, uid: regid })
}

async function askForPermission(options: MTOptions, { permission }: Lethe): Promise<void> {
  const isAsked = options.is_temporary === 't' || permission !== 'default'
  if (isAsked) return tellPermission(options)
  // Its outcome is told by the event that follows.
  const ask = () => void lethe?.requestPermission().catch(() => {})
  if (!options.custom) return ask()
  tellPermission(options)
  options.custom(ask)
}

function tellPermission({ webPushcallback }: MTOptions): void {
  const [code, tip] = PERMISSIONS[getWebPermission()]
  webPushcallback?.(code, tip)
}

const PERMISSIONS: Readonly<Record<Permission, readonly [0 | 1 | 2 | 3, string]>> = {
  granted: [1, 'available'],
  denied: [2, 'permission denied'],
  default: [3, 'not decided yet'],
  unsupported: [0, 'not available'],
}

function resultOf(code: number, error?: unknown): MTResult {
  const words = error instanceof Error ? error.message : ''
  return { code, message: code === 1003 ? 'init failed' : words || 'unknown error', content: words }
}

function getWebPermission(): Permission {
  return lethe?.permission ?? ('Notification' in globalThis ? Notification.permission : 'unsupported')
}

function getPushAuthority() {
  const isReady = lethe?.state === 'registered' && !isStopped
  const [code, msg] = PERMISSIONS[getWebPermission()]
  return {
    mtPush: { code: isReady ? 1 : isStarting ? -1 : 0, msg: isReady ? 'ready' : 'not ready' },
    webPush: { code, msg },
  }
}

/** Replaces all tags, and the alias. */
function setTagsAlias({ tags, alias }: { readonly tags: readonly string[]; readonly alias: string }): void {
  const user = lethe
  if (!user) return
  void (async () => {
    await user.setTags(tags)
    await (alias ? user.setAlias(alias) : user.deleteAlias())
  })().catch(forgiven)
}

/** What EngageLab's calls do not answer, these do not either. Faults of the caller are shown to the author of the page. */
function forgiven(error: unknown): void {
  if (!hasReason(error, 'refused')) return
  reportError(error)
}

const MTpushInterface = {
  init,
  getRegistrationID: (): string => lethe?.getRegistrationId() ?? '',
  setTagsAlias,
  unSubscribe: (): void => void lethe?.optOut().catch(forgiven),
  getWebPermission,
  getPushAuthority,
  customClickReport: (msgId: string): void => lethe?.report(msgId, 'clicked'),
  onMsgReceive: (listener: typeof onReceive): void => {
    onReceive = listener
  },
  onMsgClick: (listener: typeof onClick): void => {
    onClick = listener
  },
  onMsgDisplay: (listener: typeof onDisplay): void => {
    onDisplay = listener
  },
  mtPush: {
    onDisconnect: (listener: typeof onDisconnect): void => {
      onDisconnect = listener
    },
    stopPush: (): void => {
      isStopped = true
      lethe?.close()
    },
  },
  /** What EngageLab has no name for: deletes the user for good. */
  deleteUser: (): Promise<void> => lethe?.deleteUser() ?? Promise.resolve(),
}

Object.assign(globalThis, { MTpushInterface })
const { MTpushInterfaceReady } = globalThis as { MTpushInterfaceReady?: () => void }
MTpushInterfaceReady?.()
