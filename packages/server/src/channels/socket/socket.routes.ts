/** The endpoint of users' own sockets: looks whether a WebSocket was asked for. Who the user is comes with the first frame. */

import { ClientAppParams } from '@lethe/protocol/client.schemas.ts'
import { Type } from 'typebox'
import { type Operation, operation } from '../../kernel/operation.ts'
import { type Reply, refuse } from '../../kernel/reply.ts'

export function openSocket(): Operation {
  return operation({
    id: 'openSocket',
    summary: "Open the user's own socket",
    description:
      'A WebSocket, over which messages arrive at once and are acknowledged. The first frame of the client says which user it is: ' +
      'a browser can send no header. The frames are described in docs/guides/socket.md.',
    schema: {
      params: ClientAppParams,
      answers: { 101: Type.Null({ description: 'From here on the connection is a WebSocket.' }) },
    },
    handle: ({ header }): Reply => {
      const isAskedFor = header('upgrade')?.toLowerCase() === 'websocket'
      if (!isAskedFor || header('sec-websocket-version') !== VERSION) {
        return refuse('upgradeRequired', undefined, UPGRADE)
      }
      if (!KEY.test(header('sec-websocket-key') ?? '')) {
        return refuse('parameterInvalid', 'the header Sec-WebSocket-Key is not the base64 of 16 bytes')
      }
      return { status: 101, body: undefined }
    },
  })
}

/** RFC 6455. */
const VERSION = '13'
const KEY = /^[A-Za-z0-9+/]{22}==$/

/** Say what would be answered (RFC 9110 section 15.5.22, RFC 6455 section 4.4). */
const UPGRADE = { connection: 'close, upgrade', upgrade: 'websocket', 'sec-websocket-version': VERSION }
