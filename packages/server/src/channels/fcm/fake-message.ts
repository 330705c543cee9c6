/** How the fake looks at a message: as Google does, field by field, for what senders of Lethe may get wrong. */

/** What is wrong, in the words of Google's answers. `field` is absent where Google names none. */
export interface Violation {
  readonly field?: string
  readonly description: string
}

type Fields = Readonly<Record<string, unknown>>
type Check = (value: unknown, path: string) => Violation | undefined

/** The first thing that is wrong with the body of a request, or nothing. */
export function violationOf(body: unknown): Violation | undefined {
  const message = fieldsOf(fieldsOf(body)['message'])
  return request(body, '') ?? targetViolation(message) ?? sizeViolation(message)
}

const text: Check = (value, path) => unless(typeof value === 'string', path)
const count: Check = (value, path) => unless(Number.isInteger(value), path)
const flag: Check = (value, path) => unless(typeof value === 'boolean', path)
const texts: Check = (value, path) => unless(Array.isArray(value) && value.every(isText), path)
const free: Check = (value, path) => unless(typeof value === 'object' && value !== null, path)
const oneOf =
  (...words: string[]): Check =>
  (value, path) =>
    unless(
      words.some((word) => word === value),
      path,
    )
const matching =
  (pattern: RegExp): Check =>
  (value, path) =>
    unless(isText(value) && pattern.test(value), path)
const textMap: Check = (value, path) =>
  free(value, path) ?? first(Object.entries(fieldsOf(value)), ([key, one]) => text(one, `${path}.${key}`))

const token: Check = (value) =>
  isText(value) && /^[\w:-]+$/.test(value)
    ? undefined
    : { description: 'The registration token is not a valid FCM registration token' }

/** Seconds with an `s`, at most four weeks. */
const duration: Check = (value, path) =>
  unless(isText(value) && /^\d+s$/.test(value) && Number.parseInt(value, 10) <= TTL_SECONDS_MAX, path)

const data: Check = (value, path) =>
  textMap(value, path) ??
  first(Object.keys(fieldsOf(value)), (key) =>
    /^(from|message_type|gcm|google)$|^(gcm|google)\./.test(key)
      ? { field: path, description: `Invalid data payload key: ${key}` }
      : undefined,
  )

const record =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value, path) =>
    free(value, path) ??
    first(Object.entries(fieldsOf(value)), ([key, one]) => {
      const check = checks[key]
      const description = `Invalid JSON payload received. Unknown name "${key}" at '${path}': Cannot find field.`
      return check ? check(one, path === '' ? key : `${path}.${key}`) : { field: path, description }
    })

const androidNotification = record({
  title: text,
  body: text,
  icon: text,
  color: text,
  sound: text,
  tag: text,
  click_action: text,
  title_loc_key: text,
  title_loc_args: texts,
  body_loc_key: text,
  body_loc_args: texts,
  channel_id: text,
  ticker: text,
  sticky: flag,
  local_only: flag,
  notification_priority: oneOf(
    'PRIORITY_UNSPECIFIED',
    'PRIORITY_MIN',
    'PRIORITY_LOW',
    'PRIORITY_DEFAULT',
    'PRIORITY_HIGH',
    'PRIORITY_MAX',
  ),
  default_sound: flag,
  visibility: oneOf('VISIBILITY_UNSPECIFIED', 'PRIVATE', 'PUBLIC', 'SECRET'),
  notification_count: count,
  image: text,
})

const request = record({
  validate_only: flag,
  message: record({
    token,
    data,
    notification: record({ title: text, body: text, image: text }),
    android: record({
      collapse_key: text,
      priority: oneOf('NORMAL', 'HIGH'),
      ttl: duration,
      restricted_package_name: text,
      data,
      notification: androidNotification,
      direct_boot_ok: flag,
    }),
    webpush: record({
      headers: textMap,
      data: textMap,
      notification: free,
      fcm_options: record({ link: matching(/^https:\/\//), analytics_label: text }),
    }),
  }),
})

function targetViolation(message: Fields): Violation | undefined {
  return 'token' in message
    ? undefined
    : { field: 'message', description: 'Recipient of the message is not set.' }
}

function sizeViolation({ data, android, webpush }: Fields): Violation | undefined {
  const parts = [data, fieldsOf(android)['notification'], fieldsOf(webpush)['notification']].map(fieldsOf)
  const bytes = parts
    .flatMap((part) => Object.entries(part))
    .flatMap(([key, value]) => [key, isText(value) ? value : JSON.stringify(value)])
    .reduce((sum, one) => sum + Buffer.byteLength(one), 0)
  return bytes <= PAYLOAD_BYTES_MAX ? undefined : { description: 'Android message is too big' }
}

function unless(isRight: boolean, field: string): Violation | undefined {
  return isRight ? undefined : { field, description: `Invalid value at '${field}'` }
}

function first<Item>(items: readonly Item[], check: (item: Item) => Violation | undefined) {
  for (const item of items) {
    const violation = check(item)
    if (violation) return violation
  }
  return undefined
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

/** Google's page of error codes. */
const TTL_SECONDS_MAX = 2_419_200
const PAYLOAD_BYTES_MAX = 4096
