/** Waits for a condition instead of for luck. */

export { until } from '../../../../tools/until.ts'
