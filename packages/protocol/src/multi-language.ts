/** The texts of a push in several languages: read from `multi_language`, and chosen for one user. */
import type { Static } from 'typebox'
import { parseLanguage } from './language.ts'
import { accepted, type Parsed, refused } from './parsed.ts'
import type { Alert, LanguageText } from './push.ts'
import { languagesPerPushMax } from './push-limits.ts'
import type { PushOptionsBody } from './push-options.schemas.ts'

type MultiLanguageBody = NonNullable<Static<typeof PushOptionsBody>['multi_language']>

/** The languages in the order sent. Refuses what is no language tag, one language twice, and a language without texts. */
export function parseMultiLanguage(body: MultiLanguageBody): Parsed<LanguageText[]> {
  const entries = Object.entries(body)
  if (entries.length > languagesPerPushMax)
    return refused(`at most ${languagesPerPushMax} languages, these are ${entries.length}`)
  const texts: LanguageText[] = []
  for (const [tag, { title, content, ios_subtitle }] of entries) {
    const parsed = parseLanguage(tag)
    if (!parsed.ok) return parsed
    if (texts.some(({ language }) => language === parsed.value)) return refused('one language is there twice')
    if (!title && !content && !ios_subtitle) return refused('a language has neither title nor content')
    texts.push({
      language: parsed.value,
      ...(title && { title }),
      ...(content && { content }),
      ...(ios_subtitle && { iosSubtitle: ios_subtitle }),
    })
  }
  return accepted(texts)
}

/**
 * The texts for a user whose language is `language` (canonical, or undefined if unknown): those of the longest tag that
 * begins it, so `zh-Hans-CN` finds `zh-Hans`. A tag without a script gets its usual one, so `zh-CN` finds it too.
 */
export function textFor(
  languages: readonly LanguageText[],
  language: string | undefined,
): LanguageText | undefined {
  if (language === undefined || languages.length === 0) return undefined
  const full = new Intl.Locale(language).maximize().toString()
  return longestPrefix(languages, language) ?? longestPrefix(languages, full)
}

/** The alert in another language. A text that is replaced is no longer looked up in the app's own texts. */
export function alertIn(alert: Alert, text: LanguageText | undefined): Alert {
  if (text === undefined) return alert
  const { title, content, iosSubtitle } = text
  let translated = alert
  if (title !== undefined) {
    const { titleLocKey, titleLocArgs, ...rest } = translated
    translated = { ...rest, title }
  }
  if (content !== undefined) {
    const { locKey, locArgs, ...rest } = translated
    translated = { ...rest, body: content }
  }
  if (iosSubtitle !== undefined) {
    const { subtitleLocKey, subtitleLocArgs, ...rest } = translated
    translated = { ...rest, subtitle: iosSubtitle }
  }
  return translated
}

function longestPrefix(languages: readonly LanguageText[], language: string): LanguageText | undefined {
  const subtags = language.split('-')
  for (let count = subtags.length; count > 0; count -= 1) {
    const prefix = subtags.slice(0, count).join('-')
    const text = languages.find((one) => one.language === prefix)
    if (text !== undefined) return text
  }
  return undefined
}
