/** The shape of a registration id. Ours are 128 random bits, but ids imported from elsewhere must be found as well. */
import { registrationIdCharactersMax } from './limits.ts'
import { accepted, type Parsed, refused } from './parsed.ts'

/** The same rule for JSON Schema. Anchored, so that a list or a wildcard never passes for an id. */
export const registrationIdPattern = `^[A-Za-z0-9_-]{1,${registrationIdCharactersMax}}$`

const registrationIdShape = new RegExp(registrationIdPattern)

/** One registration id: 1 to 64 characters of A-Z a-z 0-9 _ -. Refuses everything else, lists and wildcards above all. */
export function parseRegistrationId(text: string): Parsed<string> {
  if (registrationIdShape.test(text)) return accepted(text)
  return refused(`a registration id is 1 to ${registrationIdCharactersMax} characters of A-Z a-z 0-9 _ -`)
}
