/** The time zone of a user: a name of the IANA database, such as `Asia/Kolkata`. */
import { localeCharactersMax } from './limits.ts'
import { accepted, type Parsed, refused } from './parsed.ts'

const reason = 'the time zone is an IANA name such as Europe/Berlin or UTC'

// Offsets such as +01:00 are no zones: they know nothing of summer time. They alone do not begin with a letter.
const nameShape = /^[A-Za-z][A-Za-z0-9_+/-]*$/

/**
 * One time zone by its IANA name, old single-word names such as `Japan` included. The spelling of letters is corrected,
 * but a zone is never renamed: the library calls Asia/Kolkata by its old name, and a user should read what was sent.
 */
export function parseTimeZone(text: string): Parsed<string> {
  if (text.length > localeCharactersMax || !nameShape.test(text)) return refused(reason)
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions()
    return accepted(timeZone.toLowerCase() === text.toLowerCase() ? timeZone : text)
  } catch {
    // A RangeError is the only way in which the standard library says that it does not know a zone.
    return refused(reason)
  }
}
