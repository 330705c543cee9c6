// The web site of a customer: a few files on an origin of its own, which stays the same while files are exchanged.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'

export type Site = {
  /** `http://localhost:port`. */
  readonly origin: string
  /** What the site serves now, by path. */
  readonly files: Map<string, string>
  /** Requests in the order in which they came: `GET /`. */
  readonly requests: string[]
  stop(): Promise<void>
}

const types: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.mjs': 'text/javascript' }

export async function startSite(files: Readonly<Record<string, string>>): Promise<Site> {
  const served = new Map(Object.entries(files))
  const requests: string[] = []
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    requests.push(`${request.method} ${pathname}`)
    const file = served.get(pathname)
    const type = types[path.extname(pathname)] ?? 'text/html; charset=utf-8'
    response.writeHead(file === undefined ? 404 : 200, { 'content-type': type, 'cache-control': 'no-store' })
    response.end(file ?? 'Not found')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    files: served,
    requests,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A page without anything that a browser would ask for besides. */
export function page(head: string): string {
  return `<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Shop</title>${head}<p>Welcome.</p></html>`
}
