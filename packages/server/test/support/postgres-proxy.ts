/** Stands between a node and PostgreSQL and can refuse the sessions of one application name, as a broken network would. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface PostgresProxy {
  /** The same database, through the proxy. */
  readonly url: string
  /** Ends the sessions of this application name and refuses new ones; undefined: refuses nobody. */
  refuse(applicationName: string | undefined): void
  /** Sessions refused or ended so far. */
  refusedCount(): number
  close(): void
}

/** `url`: a database behind a unix socket, as the embedded PostgreSQL gives it. */
export async function startPostgresProxy(url: string): Promise<PostgresProxy> {
  const [, database, folder] = /^postgres:\/\/postgres@\/([^?]+)\?host=(.+)$/.exec(url) ?? []
  if (database === undefined || folder === undefined) throw new Error(`this URL names no socket: ${url}`)
  const socketPath = `${decodeURIComponent(folder)}/.s.PGSQL.5432`
  const sessions = new Map<Socket, string>()
  let refused: string | undefined
  let refusedCount = 0
  const end = (socket: Socket) => {
    refusedCount++
    socket.destroy()
  }
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('close', () => sessions.delete(socket))
    socket.once('data', (first: Buffer) => {
      const name = applicationNameIn(first)
      if (name === refused && refused !== undefined) return end(socket)
      sessions.set(socket, name)
      const behind = connect(socketPath)
      behind.on('error', () => socket.destroy())
      behind.once('close', () => socket.destroy())
      socket.once('close', () => behind.destroy())
      behind.write(first)
      socket.pipe(behind)
      behind.pipe(socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `postgres://postgres@127.0.0.1:${port}/${database}`,
    refuse: (applicationName) => {
      refused = applicationName
      for (const [socket, name] of sessions) if (name === applicationName) end(socket)
    },
    refusedCount: () => refusedCount,
    close: () => {
      server.close()
      for (const socket of sessions.keys()) socket.destroy()
    },
  }
}

/** From the startup packet: length, protocol, then names and values, each ended by a zero byte. */
function applicationNameIn(packet: Buffer): string {
  const words = packet.toString('utf8', 8).split('\0')
  const at = words.indexOf('application_name')
  return at === -1 ? '' : (words[at + 1] ?? '')
}
