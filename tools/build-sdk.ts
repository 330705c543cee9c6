// `npm run build:sdk`: makes the files of the web SDK that the server hands out at /sdk/ and that the npm package holds.
// It prints their sizes, and fails where one is too large.
import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import process from 'node:process'
import { gzipSync } from 'node:zlib'
import { type BuildOptions, build } from 'esbuild'

const source = path.join(import.meta.dirname, '..', 'packages', 'web-sdk', 'src')
const dist = path.join(source, '..', 'dist')

interface Bundle {
  readonly file: string
  readonly entry: string
  readonly format: 'iife' | 'esm'
  /** Bytes with gzip at most: what the project promises its users. */
  readonly gzipBytesMax: number
}

const PAGE_BYTES_MAX = 10 * 1024
const WORKER_BYTES_MAX = 4 * 1024

const bundles: Bundle[] = [
  { file: 'lethe.js', entry: 'page/script.ts', format: 'iife', gzipBytesMax: PAGE_BYTES_MAX },
  { file: 'lethe.mjs', entry: 'page/index.ts', format: 'esm', gzipBytesMax: PAGE_BYTES_MAX },
  { file: 'mtpush.js', entry: 'page/mtpush.ts', format: 'iife', gzipBytesMax: PAGE_BYTES_MAX },
  { file: 'lethe-worker.js', entry: 'worker/index.ts', format: 'iife', gzipBytesMax: WORKER_BYTES_MAX },
]

/** Browsers of 2022 and newer: those that have Web Push in the form of today's standards. */
const common: BuildOptions = {
  bundle: true,
  minify: true,
  target: ['chrome109', 'firefox115', 'safari16.4'],
  legalComments: 'none',
  sourcemap: 'linked',
  logLevel: 'warning',
}

await mkdir(dist, { recursive: true })
let tooLarge = 0
for (const bundle of bundles) await make(bundle)
process.exitCode = tooLarge === 0 ? 0 : 1

async function make({ file, entry, format, gzipBytesMax }: Bundle): Promise<void> {
  const outfile = path.join(dist, file)
  await build({ ...common, format, entryPoints: [path.join(source, entry)], outfile })
  const bytes = readFileSync(outfile)
  const gzipBytes = gzipSync(bytes, { level: 9 }).length
  const isTooLarge = gzipBytes > gzipBytesMax
  if (isTooLarge) tooLarge += 1
  const size = `${file.padEnd(16)} ${String(bytes.length).padStart(6)} bytes, ${String(gzipBytes).padStart(5)} with gzip`
  process.stdout.write(`${size} (at most ${gzipBytesMax})${isTooLarge ? ' TOO LARGE' : ''}\n`)
}
