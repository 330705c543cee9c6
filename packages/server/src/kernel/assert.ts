/** Assertions for what cannot happen. What can happen is returned as a value or answered as an error. */

export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure'
}

/** Throws an AssertionFailure unless `condition` holds. `message` must not contain a personal value. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message)
}

/** For the default branch of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`unreachable case of type ${typeof value}`)
}
