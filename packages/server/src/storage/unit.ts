/** How a store declares its write units; see `Unit` for what a unit promises. */

import type { Transaction, Unit } from './database.ts'

type Run<Input, Output, Tables> = (tx: Transaction<Tables>, inputs: readonly Input[]) => Promise<Output[]>

export function interactive<Input, Output, Tables>(
  name: string,
  run: Run<Input, Output, Tables>,
): Unit<Input, Output, Tables> {
  return { name, kind: 'interactive', run }
}

export function background<Input, Output, Tables>(
  name: string,
  run: Run<Input, Output, Tables>,
): Unit<Input, Output, Tables> {
  return { name, kind: 'background', run }
}
