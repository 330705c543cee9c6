/** The browser's side of Web Push: permission, the worker, and its subscription. */

export type Permission = NotificationPermission | 'unsupported'

export class BrowserPush {
  readonly #workerUrl: string

  constructor(workerUrl: string) {
    this.#workerUrl = workerUrl
  }

  get permission(): Permission {
    return isSupported() ? Notification.permission : 'unsupported'
  }

  /** To be called from a click: browsers refuse to ask otherwise. */
  async requestPermission(): Promise<Permission> {
    return isSupported() ? Notification.requestPermission() : 'unsupported'
  }

  /** `changed` is called whenever the visitor changes the permission, also in the browser's own settings. */
  async watchPermission(changed: () => void): Promise<void> {
    // Not every browser can tell.
    const status = await navigator.permissions?.query({ name: 'notifications' }).catch(() => undefined)
    status?.addEventListener('change', changed)
  }

  /**
   * The subscription for this key, made if there is none. One that was made for another key is given up.
   *
   * @throws DOMException if the worker cannot be had, or the browser cannot reach its push service
   */
  async subscribe(vapidPublicKey: string): Promise<PushSubscription> {
    const registration = await navigator.serviceWorker.register(this.#workerUrl)
    await activation(registration)
    const { pushManager } = registration
    const present = await pushManager.getSubscription()
    if (present && base64url(present.options.applicationServerKey) === vapidPublicKey) return present
    await present?.unsubscribe()
    return pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: vapidPublicKey })
  }

  /** Null: there is none. */
  async current(): Promise<PushSubscription | null> {
    const registration = await this.#registration()
    return (await registration?.pushManager?.getSubscription()) ?? null
  }

  /** Gives up whatever subscription there is: the address it had leads nowhere from then on. */
  async unsubscribe(): Promise<void> {
    await (await this.current())?.unsubscribe()
  }

  /** Takes down what is shown of a message. */
  async takeDown(msgId: string): Promise<void> {
    const registration = await this.#registration()
    for (const shown of (await registration?.getNotifications()) ?? []) {
      if (shown.data?.message?.msg_id === msgId) shown.close()
    }
  }

  /** Where the worker rules; undefined without workers. */
  async scope(): Promise<string | undefined> {
    return (await this.#registration())?.scope
  }

  async #registration(): Promise<ServiceWorkerRegistration | undefined> {
    if (!('serviceWorker' in navigator)) return undefined
    return navigator.serviceWorker.getRegistration(this.#workerUrl)
  }
}

function isSupported(): boolean {
  return 'serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis
}

/** A subscription needs a worker that is active. */
function activation({ installing, waiting, active }: ServiceWorkerRegistration): Promise<void> {
  const worker = active ?? waiting ?? installing
  return new Promise((resolve, reject) => {
    const look = () => {
      if (worker?.state === 'activated') resolve()
      else if (worker?.state === 'redundant') reject(new Error('the service worker was not installed'))
    }
    worker?.addEventListener('statechange', look)
    look()
  })
}

function base64url(bytes: ArrayBuffer | null): string {
  const binary = String.fromCharCode(...new Uint8Array(bytes ?? new ArrayBuffer()))
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
