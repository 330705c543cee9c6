// What axe-core, Deque's judge of accessibility, has against a page as it is now.
import axe, { type AxeResults } from 'axe-core'
import type { Page } from 'puppeteer-core'

/** One line each; none: it found nothing. Rules of all levels count, best practices too. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  // What is still fading in has the colours of no moment that lasts.
  await page.evaluate(
    'Promise.allSettled(document.getAnimations().map(({ finished }) => finished)).then(() => {})',
  )
  await page.evaluate(axe.source)
  const { violations } = (await page.evaluate(`axe.run({ resultTypes: ['violations'] })`)) as AxeResults
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} (${failureSummary ?? ''})`),
  )
}
