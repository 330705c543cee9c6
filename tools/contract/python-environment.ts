// A Python environment with one package of one version from PyPI in it, kept between runs. Whether there is a Python, and
// whether PyPI answers, is for the machine to say: where there is none, the answer is a sentence instead.
import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import path from 'node:path'

export type PythonEnvironment =
  | { kind: 'ready'; python: string }
  /** `reason`: in one line, why the package cannot be had here. */
  | { kind: 'missing'; reason: string }

export type Ended = { code: number | null; output: string }

const cache = path.join(import.meta.dirname, '..', '..', '.tmp', 'contract')
const installTimeoutMs = 180_000

/** `name==version`, unmodified and without anything else; `module` is what the package is imported as. */
export async function pythonEnvironment(wanted: {
  name: string
  version: string
  module: string
}): Promise<PythonEnvironment> {
  const { name, version, module } = wanted
  const folder = path.join(cache, `${name}-${version}`)
  const python = path.join(folder, 'bin', 'python')
  const installed = await run(python, ['-c', `import ${module}; print(${module}.__version__)`])
  if (installed.code === 0 && installed.output.trim() === version) return { kind: 'ready', python }

  rmSync(folder, { recursive: true, force: true })
  const made = await run('python3', ['-m', 'venv', folder])
  if (made.code !== 0) return missing('there is no python3 with venv', made)
  const flags = ['--no-deps', '--no-input', '--disable-pip-version-check', '--only-binary', ':all:']
  const got = await run(python, ['-m', 'pip', 'install', ...flags, `${name}==${version}`])
  return got.code === 0 ? { kind: 'ready', python } : missing(`PyPI gives no ${name}==${version}`, got)
}

/** Runs a program to its end. One that cannot be started ends with null. */
export function run(program: string, args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { timeout: installTimeoutMs }, (error, stdout, stderr) => {
      const isStarted = (error as NodeJS.ErrnoException | null)?.code !== 'ENOENT'
      resolve({ code: isStarted ? child.exitCode : null, output: `${stdout}${stderr}` })
    })
  })
}

function missing(what: string, { output }: Ended): PythonEnvironment {
  const last = output.trim().split('\n').at(-1) ?? ''
  return { kind: 'missing', reason: last === '' ? what : `${what}: ${last}` }
}
