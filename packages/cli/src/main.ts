/** The `lethe` command: its subcommands, and the exit code of whichever runs. */

import process from 'node:process'
import { Command, CommanderError, Option } from 'commander'
import manifest from '../package.json' with { type: 'json' }
import { addAppCommands } from './app-commands.ts'
import { addAudienceCommands } from './audience-commands.ts'
import { addAuditCommands } from './audit-commands.ts'
import { addBackupCommands } from './backup-commands.ts'
import { addChannelCommands } from './channel-commands.ts'
import { Complaint, EXIT_USAGE } from './complaint.ts'
import { addDeletionCommands } from './deletion-commands.ts'
import { addErasureCommands } from './erasure-commands.ts'
import { addGuardCommands } from './guard-commands.ts'
import { addLedgerCommands } from './ledger-commands.ts'
import { addReceiptCommands } from './receipt-commands.ts'
import { addServeCommand } from './serve-command.ts'

/** Runs a command line and answers with the exit code: 0 done, 1 failed, 2 wrongly called. */
export async function main(args: readonly string[]): Promise<number> {
  const outcome = { code: 0 }
  const setExitCode = (code: number) => {
    outcome.code = code
  }
  try {
    const program = createProgram(setExitCode)
    await addServeCommand(program, { isAsked: args.includes('serve'), setExitCode })
    await program.parseAsync([...args], { from: 'user' })
    return outcome.code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE
    if (!(error instanceof Complaint)) throw error
    process.stderr.write(`${error.message}\n`)
    return error.exitCode
  }
}

function createProgram(setExitCode: (code: number) => void): Command {
  const program = new Command('lethe')
    .description('A push server that can forget, and the tools to run it.')
    .version(manifest.version, '-V, --version', 'print the version')
    .showHelpAfterError('(lethe --help shows how it is called)')
    .addOption(
      new Option('--url <url>', 'server to talk to').env('LETHE_URL').default('http://127.0.0.1:7300'),
    )
    .addOption(new Option('--operator-token <token>', 'proves that you run it').env('LETHE_OPERATOR_TOKEN'))
    .exitOverride()
  addAppCommands(program)
  addChannelCommands(program)
  addAudienceCommands(program)
  addAuditCommands(program)
  addGuardCommands(program)
  addDeletionCommands(program, setExitCode)
  addErasureCommands(program, setExitCode)
  addReceiptCommands(program, setExitCode)
  addLedgerCommands(program, setExitCode)
  addBackupCommands(program)
  return program
}
