/** Folders whose files the server hands out, as plain data: the web SDK, which pages of all origins load, and the demo. */

export interface StaticFolder {
  /** `/sdk`: its files are at `/sdk/…`. */
  readonly path: string
  /** Absolute. */
  readonly folder: string
  /** The file that the path itself answers with, at `/demo/`; absent: none. */
  readonly index?: string
  /** What a 404 says, and what the log, when there is no such folder. */
  readonly missing: string
  /** They go with a file of this name, over those of every answer. */
  headersOf(fileName: string): Readonly<Record<string, string>>
}

/** The built SDK. A page loads it with a script tag, an import or `importScripts`, from wherever it is. */
export function sdkFolder(folder: string): StaticFolder {
  return {
    path: '/sdk',
    folder,
    missing: 'the web SDK is not built: run `npm run build:sdk`, and start the server again',
    headersOf: (fileName) => ({
      ...typeOf(fileName),
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
      // A worker that is not current may be the one with the fault: browsers ask each time whether it is.
      'cache-control': fileName === WORKER ? 'no-cache' : `public, max-age=${SDK_SECONDS}`,
    }),
  }
}

/** The demo's page, which loads nothing from anywhere else and stands in no frame. */
export function demoFolder(folder: string): StaticFolder {
  return {
    path: '/demo',
    folder,
    index: 'index.html',
    missing: 'the demo is not part of this installation',
    headersOf: (fileName) => ({
      ...typeOf(fileName),
      'cache-control': 'no-cache',
      'content-security-policy': DEMO_POLICY,
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
    }),
  }
}

const WORKER = 'lethe-worker.js'

/** Ours: a mended SDK is everywhere within an hour, and a visit asks for it once. */
const SDK_SECONDS = 3_600

/** The SDK's own socket is of the same origin: `'self'` covers it. The worker's requests follow this policy too. */
const DEMO_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Where the usual table of types is not what browsers want, or does not know us: `.ts` is a film to it. */
const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  ts: 'text/plain; charset=utf-8',
  map: 'application/json; charset=utf-8',
}

function typeOf(fileName: string): Record<string, string> {
  const type = TYPES[fileName.slice(fileName.lastIndexOf('.') + 1)]
  return type === undefined ? {} : { 'content-type': type }
}
