/** Which users something is in flight to, on this node. A send is entered before its last look at the user and leaves when its outcome is known. */

import { type DeviceKey, keyOf } from '../devices/working-set.ts'

export class InFlight {
  readonly #counts = new Map<string, number>()
  /** Called once for each user whose last send has ended, of those that were asked about. */
  readonly #watched = new Map<string, () => void>()

  enter({ appKey, registrationId }: DeviceKey): void {
    const key = keyOf(appKey, registrationId)
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
  }

  leave({ appKey, registrationId }: DeviceKey): void {
    const key = keyOf(appKey, registrationId)
    const count = (this.#counts.get(key) ?? 0) - 1
    if (count > 0) {
      this.#counts.set(key, count)
      return
    }
    this.#counts.delete(key)
    const onEnd = this.#watched.get(key)
    this.#watched.delete(key)
    onEnd?.()
  }

  /** Whether something is; if so, `onEnd` is called when it has ended. */
  watch({ appKey, registrationId }: DeviceKey, onEnd: () => void): boolean {
    const key = keyOf(appKey, registrationId)
    if (!this.#counts.has(key)) return false
    const earlier = this.#watched.get(key)
    this.#watched.set(key, () => {
      earlier?.()
      onEnd()
    })
    return true
  }

  get size(): number {
    return this.#counts.size
  }
}
