// Tells a story step by step: what is called, what came back, what is right about it. The first wrong answer ends it.
import assert from 'node:assert/strict'

export class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer'
}

export type Answer = {
  status: number
  headers: Headers
  /** As it came, byte for byte. */
  text: string
  /** The text read as JSON; undefined where there is none. */
  json: Record<string, unknown>
}

export type Call = { authorization?: string; body?: unknown; headers?: Record<string, string> }

/** Longer answers are cut when they are shown, never when they are compared. */
const shownCharactersMax = 110
const callTimeoutMs = 20_000

export class Narrator {
  readonly #url: string
  readonly #say: (line: string) => void

  /** `url`: where the server answers. `say` gets one line at a time. */
  constructor(url: string, say: (line: string) => void) {
    this.#url = url
    this.#say = say
  }

  chapter(title: string): void {
    this.#say(`\n${title}`)
  }

  /** Calls and shows the call and its answer. `line` is the method and the path. */
  async call(line: `${string} ${string}`, call: Call = {}): Promise<Answer> {
    const answer = await this.quietCall(line, call)
    const sent = call.body === undefined ? '' : ` ${JSON.stringify(call.body)}`
    this.#say(`  ${short(line + sent)}`)
    this.#say(`    -> ${answer.status} ${short(answer.text)}`)
    return answer
  }

  /** Calls without a word. */
  async quietCall(line: `${string} ${string}`, { authorization, body, headers }: Call = {}): Promise<Answer> {
    const [method = '', path = ''] = line.split(' ')
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: {
        accept: 'application/json',
        ...(authorization === undefined ? {} : { authorization }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(callTimeoutMs),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, json: parse(text) }
  }

  /** Compares, and puts a check mark behind what is right. */
  expect(title: string, actual: unknown, expected: unknown): void {
    try {
      assert.deepEqual(actual, expected)
    } catch (error) {
      this.#say(`    ✗ ${title}`)
      throw new WrongAnswer(`${title}\n${(error as Error).message}`)
    }
    this.#say(`    ✓ ${title}`)
  }

  remark(line: string): void {
    this.#say(`    ${line}`)
  }
}

function short(text: string): string {
  return text.length > shownCharactersMax ? `${text.slice(0, shownCharactersMax)}…` : text
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return {}
  }
}
