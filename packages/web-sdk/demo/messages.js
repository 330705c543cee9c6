// What arrives while the page is open, the newest first.
import { element } from './panel.js'

const shownMax = 20

export function startMessages({ lethe }) {
  const list = element('messages')
  lethe.on('message', (detail) => {
    list.prepend(messageItem(detail))
    detail.shown()
    for (const old of [...list.children].slice(shownMax)) old.remove()
    element('no-messages').hidden = true
  })
  lethe.on('withdraw', ({ msgId }) => {
    for (const item of list.children) if (item.dataset.msgId === msgId) item.classList.add('withdrawn')
  })
  lethe.on('deleted', () => {
    list.replaceChildren()
    element('no-messages').hidden = false
  })
}

/** A notification has a body; a custom message has content for the site's own code. */
function messageItem({ message, clicked }) {
  const item = document.createElement('li')
  item.dataset.msgId = message.msg_id
  const content = message.kind === 'message' ? message.content : message.body
  const body = typeof content === 'string' ? content : JSON.stringify(content)
  item.append(made('strong', message.title ?? 'Lethe Tea'), timeNow(), made('p', body))
  if (isWebAddress(message.url)) {
    const link = made('a', 'Open its link')
    link.href = message.url
    link.addEventListener('click', clicked)
    item.append(link)
  }
  return item
}

/** Whoever may send may name any address, and one that is a script is not followed. */
function isWebAddress(url) {
  return url !== undefined && /^https?:$/.test(new URL(url, location.href).protocol)
}

function timeNow() {
  const now = new Date()
  const time = made('time', now.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }))
  time.dateTime = now.toISOString()
  return time
}

function made(name, text) {
  const node = document.createElement(name)
  node.textContent = text
  return node
}
