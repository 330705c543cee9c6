/** Lists in a query string. Older SDKs join the values by commas, newer ones repeat the parameter; both are read. */

/** The values of a parameter in the order given, without the empty ones. Absent and empty give an empty list. */
export function splitQueryList(query: string | readonly string[] | undefined): string[] {
  if (query === undefined) return []
  const parameters = typeof query === 'string' ? [query] : query
  return parameters.flatMap((parameter) => parameter.split(',')).filter((value) => value !== '')
}
