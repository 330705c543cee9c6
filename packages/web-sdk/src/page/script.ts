/** The page's part for a `<script>` tag: the global `Lethe`. It knows from where it was loaded, and takes that for the server. */

import { LetheError } from '@lethe/client/lethe-error.ts'
import { type Lethe as Instance, init } from './lethe.ts'
import type { InitOptions } from './options.ts'
import { scriptOrigin } from './script-origin.ts'

const baseUrl = scriptOrigin()

const Lethe = {
  LetheError,
  init: (options: InitOptions): Promise<Instance> =>
    init({ ...(baseUrl !== undefined && { baseUrl }), ...options }),
}

Object.assign(globalThis, { Lethe })
