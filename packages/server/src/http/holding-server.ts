/**
 * Stands where the server will stand while nobody may be served yet: answers every call with 503, and tells that the process
 * lives.
 */

import { once } from 'node:events'
import { createServer } from 'node:http'
import { errorBody } from '@lethe/protocol/errors.ts'

const JSON_TYPE = 'application/json; charset=utf-8'
/** What is held up usually takes no longer; ours. */
const RETRY_AFTER_SECONDS = 1

/** Resolves once it listens. The answer ends it: after that the address is free. `message`: why nobody is served. */
export async function holdCalls(
  at: { readonly host: string; readonly port: number },
  message: string,
): Promise<() => Promise<void>> {
  const held = JSON.stringify(errorBody('storageUnavailable', message))
  const server = createServer((request, response) => {
    const isHealth = request.url === '/healthz'
    response.writeHead(isHealth ? 200 : 503, {
      'content-type': JSON_TYPE,
      connection: 'close',
      ...(isHealth ? {} : { 'retry-after': String(RETRY_AFTER_SECONDS) }),
    })
    response.end(isHealth ? '{"status":"ok"}' : held)
    // What a caller still sends is read and dropped.
    request.resume()
  })
  server.listen(at.port, at.host)
  await once(server, 'listening')
  return async () => {
    const isClosed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await isClosed
  }
}
