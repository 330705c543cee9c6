/** Tags and the alias of the user who calls. */

import type { ClientApi, Credentials } from './client-api.ts'

/** Every call answers once the server has it on disk, and rejects with a `LetheError`. */
export class TagsAndAlias {
  readonly #api: ClientApi
  readonly #self: Credentials

  constructor(api: ClientApi, self: Credentials) {
    this.#api = api
    this.#self = self
  }

  addTags(tags: readonly string[]): Promise<void> {
    return this.#api.changeSelf(this.#self, { tags: { add: [...tags] } })
  }

  deleteTags(tags: readonly string[]): Promise<void> {
    return this.#api.changeSelf(this.#self, { tags: { remove: [...tags] } })
  }

  /** Replaces all tags. */
  async setTags(tags: readonly string[]): Promise<void> {
    const wanted = new Set(tags)
    if (wanted.size === 0) return this.cleanTags()
    const present = new Set(await this.getAllTags())
    const add = [...wanted].filter((tag) => !present.has(tag))
    const remove = [...present].filter((tag) => !wanted.has(tag))
    await this.#api.changeSelf(this.#self, { tags: { add, remove } })
  }

  cleanTags(): Promise<void> {
    return this.#api.changeSelf(this.#self, { tags: '' })
  }

  async getAllTags(): Promise<string[]> {
    return (await this.#api.readSelf(this.#self)).tags
  }

  /** If another user has it, this one takes it over. */
  setAlias(alias: string): Promise<void> {
    return this.#api.changeSelf(this.#self, { alias })
  }

  /** The empty string: there is none. */
  async getAlias(): Promise<string> {
    return (await this.#api.readSelf(this.#self)).alias
  }

  deleteAlias(): Promise<void> {
    return this.#api.changeSelf(this.#self, { alias: '' })
  }
}
