/** A refusal by name: for parsers whose reasons have different numbers. Those with one reason return `Parsed`. */
import type { ErrorName } from './errors.ts'

/** The catalogue's entry, and a message that names the field and the rule and repeats no text that was sent. */
export type Refusal = { readonly ok: false; readonly error: ErrorName; readonly message: string }

/** A value that passed all rules, or why it did not. */
export type Judged<Value> = { readonly ok: true; readonly value: Value } | Refusal

export function passed<Value>(value: Value): Judged<Value> {
  return { ok: true, value }
}

export function fault(error: ErrorName, message: string): Refusal {
  return { ok: false, error, message }
}
