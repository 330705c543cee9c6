/** What `lethe serve` prints when it is up: where it is, and on the first start the credentials and something to try. */

import type { FirstStart, Settings, Started } from '@lethe/server/main.ts'

type Shown = Pick<Settings, 'databaseUrl' | 'dataDir' | 'publicUrl'>

export function banner(settings: Shown, { address, firstStart, hasDemo }: Started): string {
  const url = address.replace('//0.0.0.0', '//127.0.0.1').replace('//[::]', '//[::1]')
  const lines = [
    '',
    `Lethe listens on ${address}`,
    ...(settings.publicUrl === undefined ? [] : [`Known as        ${settings.publicUrl}`]),
    `Data            ${settings.databaseUrl === undefined ? settings.dataDir : 'PostgreSQL'}`,
    ...(hasDemo ? [`Demo            ${demoUrl(settings, address)}`] : []),
    ...credentials(firstStart),
    ...(firstStart.app ? example(url, firstStart.app) : []),
    '',
  ]
  return `${lines.join('\n')}\n`
}

/** Browsers let a page have push only over https and on this very machine, which they know by the name of localhost. */
function demoUrl({ publicUrl }: Shown, address: string): string {
  return `${publicUrl ?? address.replace(/\/\/(127\.0\.0\.1|0\.0\.0\.0|\[::1?\])(?=:|$)/, '//localhost')}/demo`
}

function credentials({ app, operatorToken }: FirstStart): string[] {
  const known = [
    ...(app ? [`App key         ${app.appKey}`, `Master secret   ${app.masterSecret}`] : []),
    ...(operatorToken === undefined ? [] : [`Operator token  ${operatorToken}`]),
  ]
  return known.length === 0 ? [] : ['', ...known, 'Keep these: they are shown this once.']
}

/** Lines that work when pasted one after another, in any shell that knows variables. */
function example(url: string, app: { readonly appKey: string; readonly masterSecret: string }): string[] {
  const [json, auth] = [`-H 'Content-Type: application/json'`, `-u "$APP:$SECRET"`]
  const cutId = `sed -E 's/.*"registration_id":"([^"]+)".*/\\1/'`
  return [
    '',
    'Try it: register a user, give it a tag and an alias, read it, delete it, and watch it being erased.',
    '',
    `  LETHE=${url}`,
    `  APP=${quoted(app.appKey)}`,
    `  SECRET=${quoted(app.masterSecret)}`,
    `  ID=$(curl -s "$LETHE/client/v1/apps/$APP/registrations" ${json} -d '{"platform":"web"}' | ${cutId})`,
    `  curl -s ${auth} "$LETHE/v4/devices/$ID" ${json} -d '{"tags":{"add":["news"]},"alias":"alice"}'; echo`,
    `  curl -s ${auth} "$LETHE/v4/devices/$ID"; echo`,
    `  curl -si ${auth} -X DELETE "$LETHE/v4/devices/$ID"; echo`,
    `  curl -s ${auth} "$LETHE/v4/devices/$ID/erasure"; echo`,
  ]
}

/** As a word of the shell. Keys may hold any printable character. */
function quoted(text: string): string {
  return /^[A-Za-z0-9_-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
