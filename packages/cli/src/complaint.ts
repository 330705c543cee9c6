/** What a command says when it cannot do its work: a sentence for people, and the exit code for scripts. */

export const EXIT_FAILED = 1
export const EXIT_USAGE = 2

export class Complaint extends Error {
  override readonly name = 'Complaint'
  readonly exitCode: number

  constructor(sentence: string, exitCode: number = EXIT_FAILED) {
    super(sentence)
    this.exitCode = exitCode
  }
}

/** Turns errors whose message is for people, and those of files, into complaints. */
export async function orComplaint<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const code = (error as { code?: unknown }).code
    throw new Complaint(code === undefined ? error.message : `A file cannot be read or written (${code}).`)
  }
}
