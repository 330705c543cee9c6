/** `lethe serve`: the settings of the server as flags, and the server itself. */

import process from 'node:process'
import { type Command, Option } from 'commander'
import { banner } from './banner.ts'
import { Complaint, EXIT_FAILED } from './complaint.ts'

type Server = typeof import('@lethe/server/main.ts')
type Setting = Server['settingTable'][keyof Server['settingTable']]

/** The server is loaded only when it is asked for: every other command should start at once. */
export async function addServeCommand(
  program: Command,
  { isAsked, setExitCode }: { isAsked: boolean; setExitCode: (code: number) => void },
): Promise<void> {
  const command = program
    .command('serve')
    .description('Run a server. Every setting can be given as a flag or in the environment; a flag wins.')
  if (!isAsked) return
  const server = await import('@lethe/server/main.ts')
  for (const setting of Object.values(server.settingTable)) command.addOption(optionOf(setting))
  command.action(async () => setExitCode(await run(server, command)))
}

async function run({ readSettings, serve, settingTable }: Server, command: Command): Promise<number> {
  const given = givenTo(command)
  const names = Object.entries(settingTable)
  const flags = Object.fromEntries(names.map(([name, { flag }]) => [name, given[attributeOf(flag)]]))
  const settings = readSettings({ flags, env: process.env })
  if (!settings.ok) throw new Complaint(settings.reason, EXIT_FAILED)
  return serve(settings.value, (started) => {
    process.stdout.write(banner(settings.value, started))
  })
}

/** `--operator-token` is an option of every command too, and commander hands it to the program, wherever it stands. */
function givenTo(command: Command): Record<string, string | undefined> {
  const program = command.parent
  const isGiven = program?.getOptionValueSource('operatorToken') === 'cli'
  return { ...command.opts(), ...(isGiven ? { operatorToken: program.getOptionValue('operatorToken') } : {}) }
}

/** Commander only writes the help: environment and defaults are read by the server's own table. */
function optionOf(setting: Setting): Option {
  const without = setting.default || setting.absent
  const words = `${setting.description} (${setting.env}${without ? `; default: ${without}` : ''})`
  return new Option(`${setting.flag} ${setting.placeholder}`, words)
}

/** `--data-dir` is `dataDir` to commander. */
function attributeOf(flag: string): string {
  return flag.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
