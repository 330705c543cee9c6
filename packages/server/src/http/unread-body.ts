/**
 * A caller that is refused before its body is read may still be sending it. Were the connection ended at once, such a caller
 * would find it broken and never hear why: many clients, EngageLab's own among them, write everything before they read.
 */

import type { IncomingMessage } from 'node:http'

/** Ours: more than twice the longest body that is ever read. Whoever sends more may find the connection broken. */
const DISCARDED_BYTES_MAX = 16 * 1024 * 1024

/** Runs `answer` when nothing more of the body is to come, at once where there is none. What comes is thrown away. */
export function afterBody(request: IncomingMessage, answer: () => void): void {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  const hasBody = encoding !== undefined || Number(length ?? 0) > 0
  if (!hasBody || request.readableEnded || request.destroyed || Number(length) > DISCARDED_BYTES_MAX) {
    answer()
    return
  }
  let bytes = 0
  const count = (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > DISCARDED_BYTES_MAX) finish()
  }
  const finish = () => {
    request.off('data', count).off('end', finish).off('close', finish)
    answer()
  }
  // A request that does not arrive in time is closed.
  request.on('data', count).on('end', finish).on('close', finish).resume()
}
