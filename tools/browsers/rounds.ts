// How often the suites have passed, and how long that took.

/** `passed`: how long each round took that passed, in milliseconds. */
export function summaryOfRounds(passed: readonly number[], rounds: number): string {
  const counted = `${passed.length} of ${rounds} rounds passed`
  if (passed.length === 0) return counted
  const mean = passed.reduce((sum, one) => sum + one, 0) / passed.length
  const [shortest, longest] = [Math.min(...passed), Math.max(...passed)]
  return `${counted}: shortest ${seconds(shortest)}, mean ${seconds(mean)}, longest ${seconds(longest)}`
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1_000).toFixed(1)} s`
}
