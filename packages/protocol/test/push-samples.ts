/**
 * Bodies of pushes as documents, SDKs and live users write them, for tests. `code` is 0 where Lethe accepts the body, else the
 * number of the error that it answers on purpose.
 */

export type PushSample = { readonly name: string; readonly code: number; readonly body: object }

const alert = 'Hello'
const sdkAndroid = {
  alert: 'a',
  title: 't',
  builder_id: 1,
  channel_id: 'ch',
  priority: 2,
  category: 'cat',
  style: 3,
  big_text: 'bt',
  inbox: { line1: 'v1' },
  big_pic_path: '/img.png',
  extras: { ek: 'ev' },
  intent: { url: 'app://' },
  large_icon: 'li.png',
  small_icon: 'si.png',
  sound: 'ding.mp3',
  badge_add_num: 5,
  badge_set_num: 0,
  badge_class: 'com.x.Main',
  display_foreground: '1',
  group_id: 'g1',
  is_fold: false,
}
const sdkIos = {
  alert: { title: 'T', subtitle: 'S', body: 'B' },
  sound: { critical: 1, name: 'siren.caf', volume: 0.5 },
  badge: '+1',
  'content-available': true,
  'mutable-content': true,
  category: 'msg',
  extras: { url: 'https://x.example' },
  'thread-id': 't-1',
  'interruption-level': 'active',
}
const sdkHmos = {
  alert: 'a',
  title: 't',
  category: 'MARKETING',
  large_icon: 'https://x.example/li.png',
  intent: { url: 'action.system.home' },
  badge_add_num: 1,
  badge_set_num: 5,
  test_message: true,
  receipt_id: 'rcpt',
  extras: { k: 'v' },
  style: 3,
  inbox_content: ['line1', 'line2'],
  push_type: 0,
  extra_data: 'ed',
  display_foreground: '0',
}
const web = {
  alert,
  url: 'https://shop.example',
  title: 'Shop',
  icon: 'https://shop.example/i.png',
  image: 'https://shop.example/p.png',
  extras: { a: { b: [1, null] } },
}

/** A push to everybody. */
export function broadcast(content: object): { from: string; to: string; body: object } {
  return { from: 'push', to: 'all', body: { platform: 'all', ...content } }
}

export const pushSamples: readonly PushSample[] = [
  {
    name: 'the documents, app push',
    code: 0,
    body: {
      from: 'push',
      to: 'all',
      body: {
        platform: 'all',
        notification: {
          android: { alert, title: 'Send to Android', builder_id: 1, extras: { newsid: 321 } },
          ios: { alert, sound: 'default', badge: '+1', extras: { newsid: 321 } },
        },
        options: { time_to_live: 60, apns_production: false },
      },
      request_id: '12345678',
      custom_args: 'business info',
    },
  },
  {
    name: 'the documents, notification and message in one',
    code: 21306,
    body: broadcast({ notification: { alert }, message: { msg_content: 'Hi', title: 'msg' } }),
  },
  { name: 'the skill, the shortest push', code: 0, body: broadcast({ notification: { alert } }) },
  {
    name: 'the documents, web push',
    code: 0,
    body: {
      from: 'push',
      to: { tag: ['news'] },
      body: {
        platform: 'web',
        notification: { alert, web },
        options: {
          time_to_live: 86_400,
          override_msg_id: 1_828_256_757,
          big_push_duration: 10,
          web_buttons: [
            { id: 'b1', text: 'Buy', icon: 'https://shop.example/b.png', url: 'https://shop.example' },
          ],
          multi_language: { en: { content: 'Hi', title: 'Shop' }, 'zh-Hans': { content: '你好' } },
          third_party_channel: { w3push: { distribution: 'secondary_push' } },
          cid: 'a-B_9',
        },
      },
    },
  },
  {
    name: 'the documents, group push with its options beside the body',
    code: 0,
    body: {
      from: 'push',
      to: 'all',
      body: { platform: 'web', notification: { alert, web: { url: 'https://shop.example', title: 'Shop' } } },
      options: { time_to_live: 60, apns_production: true },
      request_id: '12345678',
      custom_args: 'business info',
    },
  },
  {
    name: 'Java, explicit nulls',
    code: 0,
    body: {
      from: null,
      to: 'all',
      request_id: null,
      custom_args: { a: null },
      body: {
        platform: 'ios',
        notification: { alert, android: null, ios: { alert: null, badge: null, sound: 'default' } },
        message: null,
        live_activity: null,
        options: null,
      },
      scheduleId: '6a1b1bd2-8f4d-11f0-9c1c-0242ac120002',
    },
  },
  {
    name: 'Java, the test of validation: three kinds in one',
    code: 21057,
    body: {
      to: 'all',
      body: {
        platform: 'all',
        notification: { android: { badge_set_num: 0, is_fold: false } },
        message: { msg_content: { key: 'value' }, test_message: false, receipt_id: 'receipt' },
        voip: { call_id: '1' },
        options: { auto_truncation: false },
      },
    },
  },
  {
    name: 'Java, a live activity',
    code: 21003,
    body: {
      to: { live_activity_id: 'la' },
      body: {
        platform: ['ios'],
        live_activity: {
          ios: {
            event: 'update',
            'attributes-type': null,
            'content-state': { score: 1 },
            alert: { title: 'T', body: 'B', sound: 's' },
            'dismissal-date': 1_700_000_000,
            'stale-date': 1_700_000_001,
            attributes: { team: 'A' },
            'relevance-score': 75,
            'apns-priority': 10,
          },
        },
      },
    },
  },
  {
    name: 'Python, every field of every platform',
    code: 0,
    body: {
      to: { registration_id: ['r1', 'r1'], tag: [] },
      request_id: 'r1',
      custom_args: { k: 'v' },
      body: {
        platform: ['android', 'ios', 'hmos'],
        notification: { alert: { title: 'T', body: 'hi' }, android: sdkAndroid, ios: sdkIos, hmos: sdkHmos },
        options: {
          time_to_live: 0,
          override_msg_id: 123_456,
          apns_production: true,
          apns_collapse_id: 'cid',
          big_push_duration: 600,
          classification: 1,
          enhanc_message: false,
          auto_truncation: false,
          cid: 'c1',
        },
      },
    },
  },
  {
    name: 'Python, empty texts, lists and objects',
    code: 0,
    body: {
      to: { tag: [], alias: ['user_001'] },
      body: {
        platform: 'android',
        notification: { android: { alert: '', channel_id: '', extras: {} } },
        options: { multi_language: {}, web_buttons: [], voice_value: '', plan_id: '' },
      },
    },
  },
  {
    name: 'Python, a custom message',
    code: 0,
    body: {
      to: 'all',
      body: {
        platform: 'all',
        message: { title: 'T', msg_content: 'body', content_type: 'text', extras: { a: 1 } },
      },
    },
  },
  {
    name: 'Python, options that Lethe has not',
    code: 21003,
    body: broadcast({ notification: { alert }, options: { voice_value: 'voice_tpl', plan_id: 'p1' } }),
  },
  {
    name: 'PHP, without from and with both blocks',
    code: 0,
    body: {
      to: { alias: ['a'] },
      body: {
        platform: 'all',
        notification: { android: { alert, title: 'T' }, ios: { alert, sound: 'default' } },
      },
    },
  },
  {
    name: 'the fork of JPush',
    code: 0,
    body: {
      from: 'push',
      to: 'all',
      body: {
        platform: 'android',
        message: { msg_content: 'Hi' },
        options: { apns_production: true, time_to_live: 86_400 },
      },
    },
  },
  {
    name: 'OpenIM, one platform as a text',
    code: 0,
    body: {
      to: { alias: ['u1'] },
      body: {
        platform: 'ios',
        notification: {
          ios: {
            alert: { title: 'T', body: 'B' },
            badge: '+1',
            sound: 'default',
            'mutable-content': true,
            'content-available': true,
            extras: { ex: '{}' },
          },
        },
        options: { apns_production: false, apns_collapse_id: 'conversation' },
      },
    },
  },
  {
    name: 'a live user, a way for each vendor',
    code: 21003,
    body: broadcast({
      notification: { alert },
      options: {
        time_to_live: 0,
        third_party_channel: {
          fcm: { distribution_new: 'mtpush_pns' },
          huawei: { distribution_new: 'mtpush_pns', importance: 'NORMAL', category: 'IM' },
        },
      },
    }),
  },
]

const item = { platform: 'web', notification: { alert, web } }

export const batchSamples: readonly PushSample[] = [
  {
    name: 'the documents, web push',
    code: 0,
    body: {
      requests: [
        {
          target: 'r1',
          ...item,
          options: { apns_production: true, cid: 'c1' },
          custom_args: { business: 'info' },
        },
        { target: 'r2', ...item },
      ],
    },
  },
  {
    name: 'Java, nulls',
    code: 0,
    body: {
      requests: [
        {
          target: 'r1',
          platform: 'all',
          notification: { alert },
          message: null,
          options: null,
          custom_args: null,
        },
      ],
    },
  },
  {
    name: 'Python, a message',
    code: 0,
    body: { requests: [{ target: 'a', platform: ['android', 'ios'], message: { msg_content: 'Hi' } }] },
  },
]
