// docs/reference/settings.md: every setting of `lethe serve`.
import { type Setting, settingTable } from '../../packages/server/src/config.ts'
import { GENERATED, table } from './markdown.ts'

export function settingsPage(): string {
  const rows = Object.values<Setting>(settingTable).map((setting) => [
    `\`${setting.env}\``,
    `\`${setting.flag}\``,
    setting.default === undefined ? (setting.absent ?? 'none') : `\`${setting.default}\``,
    setting.description,
  ])
  return `${GENERATED}
# Settings

Given in the environment or as flags of \`lethe serve\`; a flag wins. A wrong or unknown setting stops the start with a sentence
that says how to mend it.

${table(['Variable', 'Flag', 'Default', 'What it does'], rows)}
`
}
