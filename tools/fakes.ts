// `npm run fakes [-- --folder <folder>]`: the fake push services, for anybody's development. They speak the real protocols on
// this machine, check what they get as strictly as the vendors do, and print every message that arrives, decrypted. Nothing
// leaves the machine.
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { writeCredentials } from './fakes/credentials.ts'
import { makeDevices } from './fakes/devices.ts'
import { instructions } from './fakes/instructions.ts'
import { MessagePrinter } from './fakes/message-printer.ts'
import { startVendors } from './story/vendors.ts'

const folderDefault = './data/fakes'
const pollMs = 200

const folder = folderOf(process.argv.slice(2))
if (folder === undefined) {
  process.stderr.write(`There is one flag: --folder <folder>, ${folderDefault} unless given.\n`)
  process.exitCode = 2
} else await run(folder)

function folderOf(args: string[]): string | undefined {
  try {
    return parseArgs({ args, options: { folder: { type: 'string', default: folderDefault } } }).values.folder
  } catch {
    return undefined
  }
}

/** Until it is asked to stop. */
async function run(folder: string): Promise<void> {
  const stopping = new AbortController()
  // After Ctrl-C a signal comes twice: npm passes on what the terminal has sent to all.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort())
  const vendors = await startVendors()
  try {
    const say = (line: string) => void process.stdout.write(`${line}\n`)
    const devices = makeDevices(vendors.webPush)
    say(instructions(writeCredentials(vendors, folder), devices))
    const printer = new MessagePrinter({ vendors, devices, say })
    while (!stopping.signal.aborted) {
      printer.printNew()
      await sleep(pollMs, undefined, { signal: stopping.signal }).catch(() => {})
    }
  } finally {
    await vendors.stop()
  }
}
