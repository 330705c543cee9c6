// Opens so many sockets of users, in a process of its own, and keeps them open until its parent is gone.
import process from 'node:process'
import WebSocket from 'ws'

export type SocketClients = { url: string; ids: readonly string[]; secret: string; atOnce: number }

process.once('message', (message) => {
  void openAll(message as SocketClients).then((count) => process.send?.({ open: count }))
})
process.once('disconnect', () => process.exit(0))

async function openAll({ url, ids, secret, atOnce }: SocketClients): Promise<number> {
  let next = 0
  let open = 0
  const lane = async () => {
    for (let id = ids[next++]; id !== undefined; id = ids[next++]) {
      await openOne(url, JSON.stringify({ type: 'hello', registration_id: id, device_secret: secret }))
      open++
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return open
}

/** Resolves once the server has said welcome. */
function openOne(url: string, hello: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate: false })
    socket.once('open', () => socket.send(hello))
    socket.once('message', () => resolve())
    socket.once('error', reject)
    socket.once('close', (code) => reject(new Error(`a socket was closed with ${code}`)))
  })
}
