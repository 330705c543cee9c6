/**
 * A push as it came, turned into what a sender works from: everything that a schema cannot say is decided here. The body
 * must have passed its schema, without nulls. Whom it goes to, and whether a message that it replaces exists, is for others.
 */
import { refusalOfMessageSize, refusalOfNotificationSize } from './content-size.ts'
import { fault, type Judged, passed, type Refusal } from './fault.ts'
import { given } from './given.ts'
import type { MessageBody } from './message.schemas.ts'
import { notifiedPlatforms, parseNotification } from './parse-notification.ts'
import { parsePushOptions } from './parse-push-options.ts'
import { type Platform, parsePlatform, platforms } from './platform.ts'
import type { BatchItemBody, BatchPushBody, PushContentBody, PushEnvelope } from './push.schemas.ts'
import type { FreeObject, MessageContent, Push, PushContent, PushOptions } from './push.ts'
import { customArgsCharactersMax } from './push-limits.ts'
import type { PushOptionsBody } from './push-options.schemas.ts'

/** One push of a batch: to be sent, or refused for itself alone. */
export type BatchItem = { readonly target: string; readonly push: Judged<Push> }

/** The push of POST /v4/push and /v4/push/validate. Messages name fields from the top: `body.options.cid`. */
export function parsePush(request: PushEnvelope): Judged<Push> {
  const { from, request_id: requestId, custom_args: customArgs, options, body } = request
  if (options !== undefined && body.options !== undefined)
    return fault('parameterInvalid', 'options: they are in the body already')
  const at: Place = { where: 'body.', optionsWhere: options === undefined ? 'body.options.' : 'options.' }
  const parsed = parseContent({ ...body, ...(options !== undefined && { options }) }, customArgs, at)
  if (!parsed.ok) return parsed
  return passed(given<Push>({ from, requestId, ...parsed.value }))
}

/**
 * The pushes of a batch, in the order sent. Two with one target refuse the whole batch, since answers are given by target.
 * Whether a target is a user's is for others.
 */
export function parseBatch({ requests }: BatchPushBody): Judged<BatchItem[]> {
  const targets = new Set(requests.map(({ target }) => target))
  if (targets.size < requests.length)
    return fault(
      'parameterInvalid',
      `requests: ${requests.length} pushes to ${targets.size} targets; each may be there once`,
    )
  return passed(requests.map((item) => ({ target: item.target, push: parseItem(item) })))
}

/** Where a fault is: before the names of a content's fields, and of the options'. */
type Place = { readonly where: string; readonly optionsWhere: string }

function parseItem({ target: _, custom_args: customArgs, ...content }: BatchItemBody): Judged<Push> {
  return parseContent(content, customArgs, { where: '', optionsWhere: 'options.' })
}

function parseContent(
  body: PushContentBody,
  customArgs: string | FreeObject | undefined,
  at: Place,
): Judged<Push> {
  const refusal = refusalOfKinds(body, at.where) ?? refusalOfCustomArgs(customArgs)
  if (refusal) return refusal
  const wanted = parseWanted(body.platform, at.where)
  if (!wanted.ok) return wanted
  const options = parsePushOptions(body.options ?? {}, at.optionsWhere)
  if (!options.ok) return options
  const input = { body, wanted: wanted.value, options: options.value, at }
  const content = body.message === undefined ? notificationOf(input) : messageOf(input, body.message)
  if (!content.ok) return content
  return passed(given<Push>({ customArgs: customArgs, ...content.value, options: options.value }))
}

/** Exactly one kind; of those that are not supported yet, first whether they stand alone. */
function refusalOfKinds(body: PushContentBody, where: string): Refusal | undefined {
  const kinds = (['notification', 'message', 'live_activity', 'voip'] as const).filter(
    (kind) => body[kind] !== undefined,
  )
  if (kinds.length === 0)
    return fault('parameterMissing', `${where}notification or ${where}message is required`)
  if (kinds.length > 1) {
    const message = `${kinds.map((kind) => `${where}${kind}`).join(', ')}: only one of them is possible`
    if (kinds.includes('voip')) return fault('voipNotAlone', message)
    return fault(
      kinds.includes('live_activity') ? 'liveActivityNotAlone' : 'notificationWithMessage',
      message,
    )
  }
  const [kind] = kinds
  return kind === 'live_activity' || kind === 'voip'
    ? fault('parameterInvalid', `${where}${kind}: this is not supported yet`)
    : undefined
}

function refusalOfCustomArgs(customArgs: string | FreeObject | undefined): Refusal | undefined {
  if (customArgs === undefined) return undefined
  const text = typeof customArgs === 'string' ? customArgs : JSON.stringify(customArgs)
  const characters = [...text].length
  return characters <= customArgsCharactersMax
    ? undefined
    : fault('parameterInvalid', `custom_args: ${characters} characters of at most ${customArgsCharactersMax}`)
}

/** A list may say all as well. */
function parseWanted(
  platform: string | readonly string[],
  where: string,
): Judged<'all' | readonly Platform[]> {
  const words = typeof platform === 'string' ? [platform] : platform
  const rule = `${where}platform: all, or some of ${platforms.join(', ')}`
  if (words.length === 0) return fault('parameterInvalid', rule)
  if (words.some((word) => word !== 'all' && !parsePlatform(word).ok)) return fault('parameterInvalid', rule)
  if (words.includes('all')) return passed('all')
  return passed(platforms.filter((known) => words.includes(known)))
}

type ContentInput = {
  readonly body: PushContentBody
  readonly wanted: 'all' | readonly Platform[]
  readonly options: PushOptions
  readonly at: Place
}
type Content = { readonly platforms: readonly Platform[]; readonly content: PushContent }

function notificationOf({ body, wanted, options, at }: ContentInput): Judged<Content> {
  const { notification = {}, options: optionsBody = {} } = body
  const content = parseNotification({ notification, options: optionsBody, wanted, ...at })
  if (!content.ok) return content
  const reached = notifiedPlatforms(content.value)
  const refusal = refusalOfNotificationSize({
    notification,
    options: optionsBody,
    languages: options.languages,
    platforms: reached,
    isWebNamed: wanted !== 'all',
    where: at.where,
  })
  return refusal ?? passed({ platforms: reached, content: content.value })
}

function messageOf({ body, wanted, at }: ContentInput, message: MessageBody): Judged<Content> {
  const refusal = refusalOfMessage(message, body.options ?? {}, at) ?? refusalOfMessageSize(message, at.where)
  if (refusal) return refusal
  const { msg_content: content = '', title, content_type: contentType, extras } = message
  const { test_message: isTestMessage, receipt_id: receiptId } = message
  const rest = given<Omit<MessageContent, 'kind' | 'content'>>({
    title,
    contentType,
    extras,
    isTestMessage,
    receiptId,
  })
  return passed({
    platforms: wanted === 'all' ? platforms : wanted,
    content: { kind: 'message', content, ...rest },
  })
}

function refusalOfMessage(message: MessageBody, options: PushOptionsBody, at: Place): Refusal | undefined {
  if (message.msg_content === undefined && message.extras === undefined)
    return fault('parameterMissing', `${at.where}message.msg_content is required, or extras`)
  const shown = (['multi_language', 'web_buttons'] as const).find(
    (key) => Object.keys(options[key] ?? {}).length > 0,
  )
  return shown === undefined
    ? undefined
    : fault('parameterInvalid', `${at.optionsWhere}${shown}: only a notification has them`)
}
