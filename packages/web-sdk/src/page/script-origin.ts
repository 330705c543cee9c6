/** From where the script that is just running was loaded: `https://push.example.com` of `https://push.example.com/sdk/lethe.js`. */
export function scriptOrigin(): string | undefined {
  const { currentScript } = document
  if (!(currentScript instanceof HTMLScriptElement) || !currentScript.src) return undefined
  return currentScript.src.replace(/\/sdk\/[^/]*$/, '').replace(/\/+$/, '')
}
