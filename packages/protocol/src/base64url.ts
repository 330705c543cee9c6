/** Base64url (RFC 4648, section 5) in plain ECMAScript: the form in which browsers hand over Web Push keys. */

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const shape = /^[A-Za-z0-9_-]*={0,2}$/

/**
 * The bytes that `text` stands for, or undefined when it is not base64url. Padding may be there or not, but if it is
 * there it must be complete. Bits beyond the last byte must be zero, so that a value has one spelling.
 */
export function decodeBase64url(text: string): Uint8Array | undefined {
  if (!shape.test(text)) return undefined
  const digits = text.replace(/=+$/, '')
  if (digits.length !== text.length && text.length % 4 !== 0) return undefined
  if (digits.length % 4 === 1) return undefined
  const bytes = new Uint8Array(Math.floor((digits.length * 6) / 8))
  return fillBytes(bytes, digits) === 0 ? bytes : undefined
}

/** Fills `bytes` from `digits` and returns the bits that are left over. */
function fillBytes(bytes: Uint8Array, digits: string): number {
  let bits = 0
  let bitsCount = 0
  let position = 0
  for (const digit of digits) {
    bits = (bits << 6) | alphabet.indexOf(digit)
    bitsCount += 6
    if (bitsCount < 8) continue
    bitsCount -= 8
    bytes[position] = bits >> bitsCount
    position += 1
    bits &= (1 << bitsCount) - 1
  }
  return bits
}
