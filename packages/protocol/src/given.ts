/** Leaves out of a record what was not sent, so that a stored push has only what it says. */

/** The record without absent values and without empty texts, which SDKs send for fields that nobody set. */
export function given<Given extends object>(
  record: {
    [Key in keyof Given]: Given[Key] | undefined
  },
): Given {
  return Object.fromEntries(
    Object.entries(record).filter(([, value]) => value !== undefined && value !== ''),
  ) as Given
}
