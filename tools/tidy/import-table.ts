// Who may import whom: section 2 of the design as data. The rule that reads it is rules/imports.ts.
//
// An entry is a room (`storage`: everything in it) or a pattern of files below packages/server/src (`apps/x.ts`, `*/*.routes.ts`).
// A room may always import itself and the protocol, and tests may import anything.

/** Each room of the server, and the files that stand beside the rooms. The longest name that fits a file decides. */
export const rooms: Record<string, string[]> = {
  kernel: [],
  storage: ['kernel'],
  work: ['kernel', 'storage'],
  audit: ['kernel', 'storage', 'work'],
  apps: ['kernel', 'storage', 'audit'],
  admin: ['kernel', 'storage'],
  devices: ['kernel', 'storage', 'apps'],
  audience: ['kernel', 'storage', 'apps', 'devices/*.tables.ts'],
  erasure: ['kernel', 'storage', 'work', 'audit', 'apps', 'devices'],
  'erasure/bulk': ['kernel', 'storage', 'work', 'audit', 'apps', 'devices', 'erasure', 'audience'],
  channels: ['kernel'],
  // Clients report events by themselves, and prove who they are as they do in `devices`.
  statistics: ['kernel', 'storage', 'work', 'apps', 'devices/*.tables.ts', 'devices/authenticate-device.ts'],
  callbacks: ['kernel', 'storage', 'work', 'apps', 'devices/*.tables.ts'],
  push: [
    'kernel',
    'storage',
    'work',
    'apps',
    'devices',
    'audience',
    'channels/channel.ts',
    'statistics',
    'callbacks',
  ],
  // The page of the demo pushes to its own visitor.
  demo: ['kernel', 'apps', 'devices/authenticate-device.ts', 'push/push-to-one.ts'],
  http: [
    'kernel',
    '**/*.routes.ts',
    '**/*.admin.routes.ts',
    'apps/authenticate-app.ts',
    'devices/authenticate-device.ts',
    'admin/authenticate-operator.ts',
  ],

  'schema.ts': ['kernel', 'storage', '**/*.tables.ts'],
  'units.ts': ['kernel', 'storage', 'schema.ts', '**/*.tables.ts', '**/*.store.ts'],
  'config.ts': ['kernel'],
  'app.ts': ['*', '*/**'],
  'main.ts': ['kernel', 'storage', 'app.ts', 'config.ts'],
  'offline.ts': ['kernel', 'storage', 'erasure/ledger/*', 'config.ts'],
  'writer-thread.ts': ['kernel', 'storage', 'units.ts'],
}

/** Files that may import more than their room, types only. */
export const typesOnly: { files: string; mayImport: string[] }[] = [
  // The types of all tables, so that a database handle has one type everywhere. Values stay with schema.ts and units.ts.
  { files: '**/*.ts', mayImport: ['schema.ts'] },
]

/** Each package, and what it may import of the others: a whole package or one file of it. */
export const packages: Record<string, string[]> = {
  protocol: [],
  client: ['protocol'],
  'web-sdk': ['protocol', 'client'],
  server: ['protocol'],
  cli: ['protocol', 'server/src/main.ts', 'server/src/offline.ts'],
  console: ['protocol'],
}

/** Folders that run in different places and never import one another. */
export const strangers: [string, string][] = [['packages/web-sdk/src/page', 'packages/web-sdk/src/worker']]

/** Packages from outside that only one place of the server knows. */
export const knownOnlyTo: { name: string; files: string }[] = [
  { name: 'fastify', files: 'http/server.ts' },
  { name: '@fastify/*', files: 'http/server.ts' },
  { name: 'ws', files: 'http/socket-server.ts' },
  { name: 'better-sqlite3', files: 'storage/**' },
  { name: 'pg', files: 'storage/**' },
]
