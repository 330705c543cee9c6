/** What the page writes down and the worker reads: an IndexedDB database of each app. */

/** Who the user of this browser is. */
export type StoredUser = {
  readonly kind: 'user'
  readonly registrationId: string
  readonly deviceSecret: string
  readonly isOptedOut: boolean
  /** Until when the browser keeps the cookie, milliseconds since the epoch; null: it has taken none. */
  readonly cookieExpiresAt: number | null
}

/** The deleted mark: that somebody was deleted here, and not who. */
export type StoredMark = { readonly kind: 'deleted'; readonly cookieExpiresAt: number | null }

export type StoredWho = StoredUser | StoredMark

/** What the worker needs to know. */
export type StoredConfig = {
  readonly appKey: string
  /** Of the app in the client API, without a slash at the end. */
  readonly appUrl: string
  /** Where the worker is registered. */
  readonly scope: string
  /** Where a click leads when the message does not say. */
  readonly openUrl?: string
}

/** `key`: of the registration that may be under way. */
type Entries = { readonly who: StoredWho; readonly config: StoredConfig; readonly key: string }

const STORE = 'kv'

export class Store {
  readonly #name: string

  constructor(name: string) {
    this.#name = name
  }

  /** @throws DOMException where the browser keeps no databases. */
  read<Name extends keyof Entries>(name: Name): Promise<Entries[Name] | undefined> {
    return this.#run('readonly', (store) => store.get(name))
  }

  /** Undefined takes the entry away. */
  async write<Name extends keyof Entries>(name: Name, value: Entries[Name] | undefined): Promise<void> {
    await this.#run('readwrite', (store) =>
      value === undefined ? store.delete(name) : store.put(value, name),
    )
  }

  async clear(): Promise<void> {
    await this.#run('readwrite', (store) => store.clear())
  }

  /** Opened for each use: a connection that stays open would keep the browser from clearing. */
  async #run<Result>(mode: IDBTransactionMode, use: (store: IDBObjectStore) => IDBRequest): Promise<Result> {
    const database = await opened(this.#name)
    try {
      return await new Promise<Result>((resolve, reject) => {
        const transaction = database.transaction(STORE, mode)
        const request = use(transaction.objectStore(STORE))
        transaction.oncomplete = () => resolve(request.result as Result)
        transaction.onabort = () => reject(transaction.error)
      })
    } finally {
      database.close()
    }
  }
}

function opened(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE)
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
    request.onblocked = () => reject(new Error('the database is held open elsewhere'))
  })
}
