/**
 * The address of a provider, behind which a test puts what it wants: the provider itself, a server that misbehaves, or
 * nobody. Connections are passed on as they are, with their TLS.
 */

import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** `cut`: connections end as soon as they are made. `mute`: they are taken, and nothing is said. Else the port to pass them on to. */
export type Destination = 'cut' | 'mute' | number

export interface ProviderFront {
  readonly origin: string
  /** From now on. Connections that are open stay as they are. */
  leadTo(destination: Destination): void
  /** Ends every connection. */
  cutAll(): void
  /** Nothing more passes through the connections that are open, and they stay open. */
  freezeAll(): void
}

export async function openFront(t: TestContext, first: Destination = 'cut'): Promise<ProviderFront> {
  let destination = first
  const sockets = new Set<Socket>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  }
  const server = createServer((near) => {
    keep(near)
    if (destination === 'cut') return near.destroy()
    if (destination === 'mute') return near.pause()
    const far = connect(destination, '127.0.0.1')
    keep(far)
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
    return near.pipe(far).pipe(near)
  })
  const cutAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    cutAll()
    server.close()
  })
  return {
    origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    leadTo: (next) => {
      destination = next
    },
    cutAll,
    freezeAll: () => {
      for (const socket of sockets) socket.unpipe().pause()
    },
  }
}
