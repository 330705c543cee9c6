/**
 * Answers that are still to be given when the server closes. Neither the framework nor Node ends their connections: a caller that
 * keeps its connection would make the server wait for a request that nobody is going to make.
 */

import type { IncomingMessage, Server, ServerResponse } from 'node:http'

export interface LastAnswers {
  /** Each connection on which an answer is under way ends with it. */
  endWithThem(): void
}

export function watchLastAnswers(server: Server): LastAnswers {
  const underWay = new Set<ServerResponse>()
  server.on('request', (_request: IncomingMessage, response: ServerResponse) => {
    underWay.add(response)
    response.once('close', remove)
  })
  function remove(this: ServerResponse): void {
    underWay.delete(this)
  }
  return {
    endWithThem: () => {
      for (const response of underWay) endWith(response)
    },
  }
}

function endWith(response: ServerResponse): void {
  const { socket } = response
  if (response.headersSent) response.once('finish', () => socket?.end())
  else response.setHeader('connection', 'close')
}
