/** Counts bytes of UTF-8, the measure of tags and aliases, without the encoders that only some runtimes have. */

/** The bytes that `text` takes in UTF-8. A lone surrogate counts 3, as the replacement character that stands for it. */
export function utf8Bytes(text: string): number {
  let bytes = 0
  for (const character of text) bytes += bytesOfCodePoint(character.codePointAt(0) ?? 0)
  return bytes
}

function bytesOfCodePoint(codePoint: number): number {
  if (codePoint < 0x80) return 1
  if (codePoint < 0x800) return 2
  if (codePoint < 0x1_0000) return 3
  return 4
}
