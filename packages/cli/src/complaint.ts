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
