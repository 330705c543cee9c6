/** What the main thread and the writer thread say to each other. */

/** What the writer thread is started with. */
export interface WriterData {
  readonly file: string
  /** The file, open for reading and writing; see `UnusedSpace`. */
  readonly descriptor: number
}

export interface WriteCall {
  readonly id: number
  readonly unit: string
  readonly input: unknown
}

export type ToWriter =
  | { readonly kind: 'write'; readonly now: number; readonly calls: readonly WriteCall[] }
  | { readonly kind: 'scrub'; readonly id: number }
  | { readonly kind: 'close' }

export type Failure =
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'fault'; readonly error: unknown }

export type FromWriter =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'done'
      readonly outcomes: readonly {
        readonly id: number
        readonly output?: unknown
        readonly failure?: Failure
      }[]
    }
  | { readonly kind: 'closed' }
  | { readonly kind: 'scrubbed'; readonly ids: readonly number[]; readonly isDone: boolean }
