// A folder for the time of a test, which is removed also if this process ends before it is told to.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import process from 'node:process'

export type TemporaryFolder = { readonly path: string; remove(): void }

/** `name`: what it is for, and the beginning of its name. */
export function makeTemporaryFolder(name: string): TemporaryFolder {
  const folder = mkdtempSync(path.join(tmpdir(), `lethe-${name}-`))
  // A browser that has just ended may still be writing.
  const removeNow = () => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  process.once('exit', removeNow)
  return {
    path: folder,
    remove: () => {
      process.off('exit', removeNow)
      removeNow()
    },
  }
}
