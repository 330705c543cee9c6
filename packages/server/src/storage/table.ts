/**
 * The declaration of a table: its columns, their types, and which of them tell something about whom. The compiler
 * derives row types from it, the boot check compares the live database with it, and the page on personal data is
 * printed from it. Migrations create tables; a declaration never does.
 */

import type { AnyPersonal } from '../kernel/personal.ts'

export interface Column<Value = unknown> {
  readonly type: 'text' | 'bigint'
  readonly isNullable: boolean
  /** What the column tells about a user; undefined where it tells nothing. */
  readonly tells?: string
  /** Carries the type only; never set. */
  readonly value?: Value
}

export interface Table<Columns extends Record<string, Column> = Record<string, Column>> {
  readonly name: string
  readonly columns: Columns
}

type ValueOf<C> = C extends Column<infer Value> ? Value : never

/** The row of a declared table. */
export type Row<T extends Table> = { [Name in keyof T['columns']]: ValueOf<T['columns'][Name]> }

export const text: Column<string> = { type: 'text', isNullable: false }
/** A whole number below 2^53. Times are milliseconds since the epoch. */
export const bigint: Column<number> = { type: 'bigint', isNullable: false }

/** A column of one of these words. */
export function oneOf<const Words extends readonly string[]>(..._words: Words): Column<Words[number]> {
  return { type: 'text', isNullable: false }
}

export function nullable<Value>(column: Column<Value>): Column<Value | null> {
  return { ...column, isNullable: true } as Column<Value | null>
}

/** A column that tells something about a user. Its values carry the mark that log and metrics refuse. */
export function personal<Value extends AnyPersonal>(column: Column<string>, what: string): Column<Value> {
  return { ...column, tells: what } as unknown as Column<Value>
}

export function table<const Columns extends Record<string, Column>>(
  name: string,
  columns: Columns,
): Table<Columns> {
  return { name, columns }
}
