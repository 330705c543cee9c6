/** The id of a message: a decimal number that JavaScript, Java and Go count exactly. */
import { accepted, type Parsed, refused } from './parsed.ts'

/** The `msg_id` of a path or query: 1 to 2^53 - 1, without sign, leading zeros or spaces. */
export function parseMessageId(text: string): Parsed<number> {
  const number = /^[1-9][0-9]{0,15}$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(number)
    ? accepted(number)
    : refused('a message id is a decimal number below 2^53')
}
