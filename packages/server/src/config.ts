/**
 * The settings of a server: one table, from which the environment and the flags of `lethe serve` are read, and its help and
 * the reference page are printed. A wrong or unknown setting stops the start with a sentence that says how to mend it.
 */

import { appKeyCharactersMax, masterSecretCharactersMax } from '@lethe/protocol/limits.ts'
import { accepted, type Parsed, refused } from '@lethe/protocol/parsed.ts'
import { compileAddressList } from './kernel/address-list.ts'

export interface Setting<Value = unknown> {
  readonly flag: string
  readonly env: string
  /** Stands for the value in the help: `<port>`. */
  readonly placeholder: string
  readonly description: string
  /** As it would be written; undefined: nothing, and `absent` says what that means. */
  readonly default?: string
  readonly absent?: string
  readonly parse: (text: string) => Parsed<Value>
}

const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Every setting by its name in the code. A variable is written `LETHE_…`; a flag wins over it. */
export const settingTable = {
  host: setting('HOST', '<address>', {
    description: 'Address to listen on; 0.0.0.0 for all of this machine.',
    default: '127.0.0.1',
    parse: parseText(/^[^\s/]{1,255}$/, 'a host name or an address, such as 127.0.0.1 or ::'),
  }),
  port: setting('PORT', '<port>', {
    description: 'Port to listen on; 0 takes a free one.',
    default: '7300',
    parse: parseInteger(0, 65_535),
  }),
  dataDir: setting('DATA_DIR', '<folder>', {
    description: 'Folder of the SQLite database and of the secret key.',
    default: './data',
    parse: parseText(/^[^\0]+$/, 'the path of a folder'),
  }),
  databaseUrl: setting('DATABASE_URL', '<url>', {
    description: 'PostgreSQL 15 or newer, for any number of nodes.',
    absent: 'SQLite in the data folder',
    parse: parseText(/^postgres(ql)?:\/\/\S+$/, 'a URL such as postgres://user:password@host/database'),
  }),
  appKey: setting('APP_KEY', '<key>', {
    description:
      'Key of an app that is made when the database has none of this key. Only together with LETHE_MASTER_SECRET.',
    absent: 'minted for the first app, and printed once',
    parse: parseText(
      new RegExp(`^(?!group-)[!-9;-~]{1,${appKeyCharactersMax}}$`),
      `1 to ${appKeyCharactersMax} printable ASCII characters without colon and space, not beginning with group-`,
    ),
  }),
  masterSecret: setting('MASTER_SECRET', '<secret>', {
    description: 'Master secret of that app. Only together with LETHE_APP_KEY.',
    absent: 'minted for the first app, and printed once',
    parse: parseText(
      new RegExp(`^[!-~]{1,${masterSecretCharactersMax}}$`),
      `1 to ${masterSecretCharactersMax} printable ASCII characters without space`,
    ),
  }),
  operatorToken: setting('OPERATOR_TOKEN', '<token>', {
    description: 'Token of the operator API; it replaces every earlier one.',
    absent: 'minted at the first start, and printed once',
    parse: parseText(/^[!-~]{16,256}$/, '16 to 256 printable ASCII characters without space'),
  }),
  secretKey: setting('SECRET_KEY', '<key>', {
    description: 'Seals keys and credentials in the database: 32 random bytes as base64 or 64 hex digits.',
    absent: 'minted into the file secret-key of the data folder; with PostgreSQL it is required',
    parse: parseSecretKey,
  }),
  ledger: setting('LEDGER', '<file>', {
    description:
      'File outside the database into which the digests of every erasure go, so that a restored backup brings nobody back. ' +
      'Best on another disk than the data, and never part of a backup of it. Each node has its own.',
    absent: 'the file erasure-ledger in the data folder, with a warning in `/readyz`',
    parse: parseText(/^[^\0]+$/, 'the path of a file'),
  }),
  ledgerLost: setting('LEDGER_LOST', '<position>', {
    description:
      'Your word that the ledger is lost for good and the database was not restored from a backup: the position that the refused ' +
      'start has named. A new ledger is written from the database. For one start.',
    absent: 'a lost ledger stops the start',
    parse: parseInteger(0, Number.MAX_SAFE_INTEGER),
  }),
  publicUrl: setting('PUBLIC_URL', '<url>', {
    description: 'Address under which clients reach this server; stands in receipts as the issuer.',
    absent: 'receipts name `lethe` as their issuer',
    parse: parseUrl,
  }),
  trustedProxies: setting('TRUSTED_PROXIES', '<list>', {
    description:
      'Proxies whose X-Forwarded-For is believed: addresses, ranges, loopback, linklocal or uniquelocal, joined by commas. ' +
      'Behind a proxy that is not listed all callers look like one.',
    default: '',
    parse: parseProxies,
  }),
  rateLimit: setting('RATE_LIMIT', '<calls>', {
    description:
      'Calls of the server API per second, app and node, for all apps; 0 switches every rate limit off.',
    absent: "each app's own limit, 500 unless set",
    parse: parseInteger(0, 1_000_000),
  }),
  allowPrivateNetwork: setting('ALLOW_PRIVATE_NETWORK', '<true|false>', {
    description:
      'For development only: requests of the server may go to private and loopback addresses, such as push services on this machine.',
    default: 'false',
    parse: parseBoolean,
  }),
  demo: setting('DEMO', '<true|false>', {
    description:
      'Serve the demo at /demo: a page on which anybody who can open it registers as a user of the first app and sends a push to itself.',
    absent:
      'true where LETHE_HOST is a loopback address and neither LETHE_PUBLIC_URL nor LETHE_TRUSTED_PROXIES is set',
    parse: parseBoolean,
  }),
  auditDays: setting('AUDIT_DAYS', '<days>', {
    description: 'How long an entry of the audit log is kept.',
    default: '365',
    parse: parseInteger(1, 36_500),
  }),
  logLevel: setting('LOG_LEVEL', '<level>', {
    description: `Least level of the log on stderr: ${LOG_LEVELS.join(', ')}.`,
    default: 'warn',
    parse: parseLogLevel,
  }),
  transactionLeaseMs: setting('TRANSACTION_LEASE', '<milliseconds>', {
    description:
      'How long a node that stopped in the middle of something holds what it took: rows that its transaction locked ' +
      '(PostgreSQL), erasures whose receipts it was signing.',
    default: '10000',
    parse: parseInteger(100, 600_000),
  }),
}

export type SettingName = keyof typeof settingTable
type ValueOf<S> = S extends Setting<infer Value> ? Value : never
type Defaulted =
  | 'host'
  | 'port'
  | 'dataDir'
  | 'trustedProxies'
  | 'allowPrivateNetwork'
  | 'demo'
  | 'auditDays'
  | 'logLevel'
  | 'transactionLeaseMs'

export type Settings = {
  readonly [Name in SettingName]:
    | ValueOf<(typeof settingTable)[Name]>
    | (Name extends Defaulted ? never : undefined)
}

/** Files of the data folder. */
export const dataFiles = {
  database: 'lethe.sqlite',
  /** Unless a setting says where it is. */
  ledger: 'erasure-ledger',
  /** Unless a setting gives the key. */
  secretKey: 'secret-key',
} as const

type Texts = Readonly<Record<string, string | undefined>>

/** Reads settings from flags, by their names in the code, and from the environment. A sentence for each thing wrong. */
export function readSettings(given: { flags: Texts; env: Texts }): Parsed<Settings> {
  const values: Record<string, unknown> = {}
  const faults = unknownVariables(given.env)
  for (const [name, one] of Object.entries(settingTable) as [SettingName, Setting][]) {
    const flag = given.flags[name]
    const text = flag ?? (given.env[one.env] || one.default)
    if (text === undefined) continue
    const parsed = one.parse(text)
    if (parsed.ok) values[name] = parsed.value
    else faults.push(`${flag === undefined ? one.env : one.flag} must be ${parsed.reason}.`)
  }
  const settings = { demo: isForTryingOut(values), ...values } as Settings
  faults.push(...contradictions(settings, faults))
  return faults.length === 0 ? accepted(settings) : refused(faults.join('\n'))
}

/** Whether nobody but people at this machine can reach the server: a proxy in front of it would let in others. */
function isForTryingOut({ host, publicUrl, trustedProxies }: Partial<Settings>): boolean {
  const isLoopback = host === 'localhost' || (host !== undefined && LOOPBACK?.has(host) === true)
  return isLoopback && publicUrl === undefined && trustedProxies?.length === 0
}

const LOOPBACK = compileAddressList(['127.0.0.0/8', '::1'])

function contradictions(settings: Settings, faults: readonly string[]): string[] {
  if (faults.length > 0) return []
  const found: string[] = []
  if ((settings.appKey === undefined) !== (settings.masterSecret === undefined)) {
    found.push('LETHE_APP_KEY and LETHE_MASTER_SECRET go together: set both, or neither.')
  }
  if (settings.databaseUrl !== undefined && settings.secretKey === undefined) {
    found.push(
      'LETHE_SECRET_KEY is required with LETHE_DATABASE_URL, the same on every node: ' +
        'make one with `openssl rand -hex 32` and keep it.',
    )
  }
  return found
}

/** LETHE_URL is the CLI's; LETHE_TEST_… are the tests'. */
function unknownVariables(env: Texts): string[] {
  const known = new Set<string>([...Object.values(settingTable).map((one) => one.env), 'LETHE_URL'])
  return Object.keys(env)
    .filter((name) => name.startsWith('LETHE_') && !name.startsWith('LETHE_TEST_') && !known.has(name))
    .map((name) => `${name} is not a setting of Lethe: see \`lethe serve --help\` for those there are.`)
}

function setting<Value>(
  word: string,
  placeholder: string,
  rest: Omit<Setting<Value>, 'flag' | 'env' | 'placeholder'>,
): Setting<Value> {
  const flag = `--${word.toLowerCase().replaceAll('_', '-')}`
  return { flag, env: `LETHE_${word}`, placeholder, ...rest }
}

function parseText(shape: RegExp, reason: string): (text: string) => Parsed<string> {
  return (text) => (shape.test(text) ? accepted(text) : refused(reason))
}

function parseInteger(min: number, max: number): (text: string) => Parsed<number> {
  return (text) => {
    const value = Number(text)
    const isRight = /^\d{1,15}$/.test(text) && value >= min && value <= max
    return isRight ? accepted(value) : refused(`a whole number from ${min} to ${max}`)
  }
}

function parseBoolean(text: string): Parsed<boolean> {
  return text === 'true' || text === 'false' ? accepted(text === 'true') : refused('true or false')
}

function parseLogLevel(text: string): Parsed<LogLevel> {
  const level = LOG_LEVELS.find((one) => one === text)
  return level ? accepted(level) : refused(`one of ${LOG_LEVELS.join(', ')}`)
}

/** 32 bytes as 64 hex digits or base64, with or without padding. */
export function parseSecretKey(text: string): Parsed<Uint8Array> {
  const isHex = /^[0-9a-f]{64}$/i.test(text)
  const isBase64 = /^[A-Za-z0-9+/_-]{43}=?$/.test(text)
  if (!isHex && !isBase64) return refused('32 bytes as 64 hex digits or as base64: `openssl rand -hex 32`')
  return accepted(Uint8Array.from(Buffer.from(text, isHex ? 'hex' : 'base64')))
}

function parseUrl(text: string): Parsed<string> {
  const url = URL.parse(text)
  const isRight =
    url && ['http:', 'https:'].includes(url.protocol) && !url.username && !url.search && !url.hash
  return isRight
    ? accepted(url.href.replace(/\/+$/, ''))
    : refused('a URL such as https://push.example.com, without credentials, query and fragment')
}

function parseProxies(text: string): Parsed<readonly string[]> {
  const entries = text.split(',').map((entry) => entry.trim())
  const proxies = entries.filter((entry) => entry !== '')
  const addresses = proxies.filter((entry) => !['loopback', 'linklocal', 'uniquelocal'].includes(entry))
  return compileAddressList(addresses)
    ? accepted(proxies)
    : refused('addresses, ranges such as 10.0.0.0/8, loopback, linklocal or uniquelocal, joined by commas')
}
