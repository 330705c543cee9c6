// What to do with the fakes, as lines to paste into two other terminals.
import type { Credentials } from './credentials.ts'
import { type Devices, registrationsOf } from './devices.ts'

const url = 'http://127.0.0.1:7300'
/** Of the server that the lines start: it is for trying out, and has data of its own. */
const [appKey, masterSecret, operatorToken] = ['demo', 'demo-secret', 'demo-operator-token']
const asJson = `-H 'Content-Type: application/json'`

export function instructions(credentials: Credentials, devices: Devices): string {
  return `The fakes run until Ctrl-C. Their addresses, keys and certificates are new at each start, so start Lethe after them and set
everything again. The files stand in ${credentials.folder}.

In a second terminal, start a Lethe that trusts and reaches them:

${indented(startLines(credentials))}

In a third one, give its app the credentials and register a browser, an Android phone and an iPhone that the fakes know:

${indented([...channelLines(credentials), ...registrationsOf(devices).map(registerLine)])}

Then push as often as you like:

${indented([pushLine()])}

With a Lethe of your own, start it with the first two variables, and give APP, SECRET and LETHE_OPERATOR_TOKEN your values.
What arrives is printed here, decrypted, one line for each message:
`
}

function startLines({ ca, folder }: Credentials): string[] {
  return [
    `NODE_EXTRA_CA_CERTS=${quoted(ca)} LETHE_ALLOW_PRIVATE_NETWORK=true \\`,
    `LETHE_DATA_DIR=${quoted(`${folder}/lethe`)} LETHE_APP_KEY=${appKey} LETHE_MASTER_SECRET=${masterSecret} \\`,
    `LETHE_OPERATOR_TOKEN=${operatorToken} npm start`,
  ]
}

function channelLines({ fcm, apns }: Credentials): string[] {
  const { keyFile, keyId, teamId, topic, endpoint } = apns
  return [
    `export LETHE_URL=${url} LETHE_OPERATOR_TOKEN=${operatorToken} APP=${appKey} SECRET=${masterSecret}`,
    `npx lethe channel set $APP fcm --service-account ${quoted(fcm)}`,
    `npx lethe channel set $APP apns --key ${quoted(keyFile)} --key-id ${keyId} --team-id ${teamId} --topic ${topic} --endpoint ${endpoint}`,
  ]
}

function registerLine(body: object): string {
  return `curl -s "$LETHE_URL/client/v1/apps/$APP/registrations" ${asJson} -d '${JSON.stringify(body)}'; echo`
}

function pushLine(): string {
  const push = { to: 'all', body: { platform: 'all', notification: { alert: 'Hello' } } }
  return `curl -s -u "$APP:$SECRET" "$LETHE_URL/v4/push" ${asJson} -d '${JSON.stringify(push)}'; echo`
}

function indented(lines: string[]): string {
  return lines.map((line) => `  ${line}`).join('\n')
}

/** As one word of the shell. */
function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
