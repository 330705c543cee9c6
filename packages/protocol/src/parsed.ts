/**
 * The result of a parser: the value in its canonical form, or the reason why there is none. A reason is a phrase that
 * can stand in an error message; it names a rule, a limit or a measure, and never repeats what was sent.
 */
export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: string }

export function accepted<Value>(value: Value): Parsed<Value> {
  return { ok: true, value }
}

export function refused(reason: string): Parsed<never> {
  return { ok: false, reason }
}
