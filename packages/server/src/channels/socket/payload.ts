/** What a push becomes for users' own sockets: the frame, written once for all of a platform and a language. */

import { messageFrame } from '@lethe/protocol/socket.ts'
import { socketMessageOf } from '@lethe/protocol/socket-message.ts'
import type { RenderInput } from '../channel.ts'
import type { OutgoingMessage } from './connection.ts'

export function renderForSocket(input: RenderInput): OutgoingMessage {
  return { msgId: input.msgId, frame: messageFrame(socketMessageOf(input)) }
}
