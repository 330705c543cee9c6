/** The language of a user: a BCP 47 tag such as `zh-Hans-CN`, in canonical form. */
import { localeCharactersMax } from './limits.ts'
import { accepted, type Parsed, refused } from './parsed.ts'

const reason = 'the language is a BCP 47 tag such as en-US or zh-Hans-CN'

/** One language tag, canonical in case and in replaced subtags (`iw` is `he`). The `en_US` of older APIs is refused. */
export function parseLanguage(text: string): Parsed<string> {
  if (text.length > localeCharactersMax) return refused(reason)
  try {
    const [language] = Intl.getCanonicalLocales(text)
    return language === undefined ? refused(reason) : accepted(language)
  } catch {
    // A RangeError is the only way in which the standard library says that a tag is malformed.
    return refused(reason)
  }
}
