// docs/reference/client-api.md: every name that the packages for clients export, with its signature and its comment.
import path from 'node:path'
import { type Declaration, type Member, readExports } from './declarations.ts'
import { GENERATED } from './markdown.ts'

const folder = path.join(import.meta.dirname, '..', '..', 'packages')
const inPackage = (...parts: string[]) => path.join(folder, ...parts)

const packages = {
  '@lethe/client': inPackage('client', 'src'),
  '@lethe/protocol': inPackage('protocol', 'src'),
}

const chapters = [
  {
    title: '@lethe/web',
    entry: inPackage('web-sdk', 'src', 'page', 'index.ts'),
    about:
      'In a browser: what `/sdk/lethe.mjs` exports. The script `/sdk/lethe.js` sets the global `Lethe` with `init` and ' +
      '`LetheError`. [Add Lethe to a website](../guides/web.md) shows how to use it.',
  },
  {
    title: '@lethe/client',
    entry: inPackage('client', 'src', 'index.ts'),
    about: 'Everywhere else. [Mobile apps](../guides/mobile.md) shows how to use it.',
  },
  {
    title: 'MTpushInterface',
    entry: inPackage('web-sdk', 'src', 'page', 'mtpush.ts'),
    about:
      "EngageLab's names over the same: the global of `/sdk/mtpush.js`. [Move from EngageLab](../guides/move-from-engagelab.md) " +
      'has its methods.',
  },
]

export function clientPage(): string {
  const texts = chapters.map(({ title, entry, about }) => {
    const declarations = readExports(entry, packages)
    const names = declarations.map(({ name }) => `\`${name}\``).join(', ')
    return [`## ${title}`, about, `Exports: ${names}.`, ...declarations.map(section)].join('\n\n')
  })
  return `${GENERATED}
# Client API

Every name of the packages that run at a user's side. What is a promise rejects with a \`LetheError\` unless it says otherwise.

${texts.join('\n\n')}
`
}

function section({ name, signature, comment, members }: Declaration): string {
  return [`### ${name}`, code(signature), paragraphs(comment), ...members.map(item)]
    .filter(Boolean)
    .join('\n\n')
}

function item({ signature, comment }: Member): string {
  const text = paragraphs(comment).replace(/^(?=.)/gm, '  ')
  return text ? `- **\`${signature}\`**\n\n${text}` : `- **\`${signature}\`**`
}

function code(text: string): string {
  return `\`\`\`ts\n${text}\n\`\`\``
}

/** In comments `@throws Error when` says it; a page says it in words. */
function paragraphs(comment: string): string {
  return comment.replace(/^@throws (\w+)/gm, 'Throws `$1`:').replace(/^@returns /gm, 'Answers ')
}
