/**
 * A statement prepared by hand and run over a whole batch: one text for both engines, sent once per connection and
 * then called by its name. Hot statements are written this way, because building SQL per call costs a Kysely query 60 to 400 %
 * of its own run time on single rows; everything else goes through Kysely.
 */

/** What a statement's text may ask of the engine that it is written for. */
export interface StatementText {
  /** The batch as a table called `input`, to stand in a `from` clause. */
  readonly input: string
  /** The placeholder of the nth scalar, counted from 1. */
  value(n: number): string
  /** Ends a select that locks the rows of `alias` against every other write; empty where there is one writer. */
  lockRows(alias: string): string
  /** Ends a select that takes rows nobody else holds; empty where there is one writer. */
  skipLocked(alias: string): string
}

/** The batch for a statement without columns. */
export const ONCE: readonly Record<never, never>[] = [{}]

export type InputColumns = Readonly<Record<string, 'text' | 'bigint'>>

export interface Statement<Input = never, _Row = unknown> {
  readonly name: string
  readonly columns: InputColumns
  readonly write: (q: StatementText) => string
  /** Carries the type only; never set. */
  readonly input?: Input
}

type InputRow<Columns extends InputColumns> = {
  readonly [Name in keyof Columns]: (Columns[Name] extends 'text' ? string : number) | null
}

/**
 * Declares a statement over a batch of rows with these columns. `name` is unique in the program. One without columns has
 * no `input` and is called with a batch of one empty row.
 */
export function statement<Output>() {
  return <const Columns extends InputColumns>(
    name: string,
    columns: Columns,
    write: (q: StatementText) => string,
  ): Statement<InputRow<Columns>, Output> => {
    declared.set(name, { name, columns, write })
    return { name, columns, write }
  }
}

const declared = new Map<string, Statement>()

/** Every statement of the modules that are loaded; their plans are tested. */
export function declaredStatements(): readonly Statement[] {
  return [...declared.values()]
}

/** A statement's text and its bound parameters, as an engine runs them. */
export interface Dialect {
  text(statement: Statement): string
  parameters(statement: Statement, rows: readonly unknown[], scalars: readonly (string | number)[]): unknown[]
}
