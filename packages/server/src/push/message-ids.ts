/** Ids of messages, taken from the database in blocks, so that a push costs no round trip for its id. */

import type { Db } from '../schema.ts'
import { takeMessageIds } from './accept-push.store.ts'

/** Ids of one block; what is left of it when a node stops is never used. */
const BLOCK = 1_000

export class MessageIds {
  readonly #database: Pick<Db, 'write'>
  #next = 0
  #end = 0
  #taking: Promise<void> | undefined

  constructor(database: Pick<Db, 'write'>) {
    this.#database = database
  }

  async take(): Promise<number> {
    while (this.#next === this.#end) await this.#takeBlock()
    return this.#next++
  }

  #takeBlock(): Promise<void> {
    this.#taking ??= this.#database
      .write(takeMessageIds, BLOCK)
      .then((first) => {
        this.#next = first
        this.#end = first + BLOCK
      })
      .finally(() => {
        this.#taking = undefined
      })
    return this.#taking
  }
}
