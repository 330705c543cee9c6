/** Pushes that hold a mark in every field which a caller fills as it likes, for the canary. */

/** Makes a mark and remembers it. */
export type Mark = (suffix: string) => string

/** A push of a notification, without its audience. */
export function markedNotification(mark: Mark): object {
  return {
    from: mark('from'),
    request_id: mark('request'),
    custom_args: { order: mark('args') },
    body: {
      platform: 'all',
      notification: {
        alert: { title: mark('title'), body: mark('alert') },
        android: {
          channel_id: mark('channel'),
          big_text: mark('bigtext'),
          inbox: { line: mark('line') },
          extras: { deep: [{ [mark('extrakey')]: mark('extra') }] },
          intent: { url: mark('intent') },
          group_id: mark('group'),
        },
        ios: { category: mark('category'), 'thread-id': mark('thread'), extras: { k: mark('iosextra') } },
        web: {
          url: `https://shop.example/${mark('url')}`,
          icon: `https://shop.example/${mark('icon')}`,
          extras: { k: mark('webextra') },
        },
      },
      options: {
        cid: mark('cid'),
        apns_collapse_id: mark('collapse'),
        multi_language: { de: { title: mark('detitle'), content: mark('decontent') } },
        third_party_channel: { fcm: { channel_id: mark('fcmchannel') } },
        web_buttons: [
          { id: mark('button'), text: mark('buttontext'), url: `https://x.example/${mark('buttonurl')}` },
        ],
      },
    },
  }
}

/** A push of a custom message, without its audience. */
export function markedMessage(mark: Mark): object {
  return {
    request_id: mark('request'),
    custom_args: mark('args'),
    body: {
      platform: 'all',
      message: {
        msg_content: { [mark('contentkey')]: mark('content') },
        title: mark('title'),
        content_type: mark('type'),
        extras: { k: mark('extra') },
        receipt_id: mark('receipt'),
      },
      options: { cid: mark('cid'), apns_collapse_id: mark('collapse') },
    },
  }
}

/** One push of a batch. */
export function markedItem(target: string, mark: Mark): object {
  return {
    target,
    platform: 'all',
    notification: { alert: { title: mark('title'), body: mark('alert') } },
    options: { cid: mark('cid'), apns_collapse_id: mark('collapse') },
    custom_args: { order: mark('args') },
  }
}
