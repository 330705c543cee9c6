/**
 * `options.third_party_channel`: which way a push takes. Lethe has two ways to each platform: its own socket (`mtpush` on
 * the wire), and one vendor: FCM on Android, Web Push on the web, APNs on iOS, which cannot be chosen. What is asked of
 * another vendor is refused, never ignored.
 */
import { fault, type Judged, passed } from './fault.ts'
import type { ChannelOrder } from './push.ts'
import type { ThirdPartyChannelBody, VendorBody } from './push-options.schemas.ts'

export type ThirdPartyChannel = {
  readonly channelOrder: { readonly android: ChannelOrder; readonly web: ChannelOrder }
  /** The notification channel for what goes through FCM, if it differs. */
  readonly fcmChannelId?: string
}

const androidOrders: ReadonlyMap<string, ChannelOrder> = new Map([
  ['mtpush', 'socketOnly'],
  ['pns_mtpush', 'vendorFirst'],
  ['fcm_mtpush', 'vendorFirst'],
  ['mtpush_pns', 'socketFirst'],
  ['mtpush_fcm', 'socketFirst'],
])

const webOrders: ReadonlyMap<string, ChannelOrder> = new Map([
  ['mtpush', 'socketOnly'],
  ['first_ospush', 'vendorFirst'],
  ['secondary_push', 'socketFirst'],
  ['ospush', 'vendorOnly'],
])

/** Keys of the block of a vendor that Lethe does nothing about. */
const vendorsOfOthers = ['xiaomi', 'huawei', 'honor', 'meizu', 'oppo', 'vivo'] as const
const fcmKeys = ['distribution_new', 'channel_id']

/** `where` stands before the names of fields. Absent, the vendor comes first: the documented default. */
export function parseThirdPartyChannel(
  body: ThirdPartyChannelBody | undefined,
  where: string,
): Judged<ThirdPartyChannel> {
  const all = order(body?.distribution_new, androidOrders, `${where}distribution_new`)
  if (!all.ok) return all
  const fcm = order(body?.fcm?.distribution_new, androidOrders, `${where}fcm.distribution_new`)
  if (!fcm.ok) return fcm
  const web = order(body?.w3push?.distribution, webOrders, `${where}w3push.distribution`)
  if (!web.ok) return web
  for (const vendor of vendorsOfOthers) {
    const refusal = refusalOfVendor(body?.[vendor], `${where}${vendor}`)
    if (refusal) return refusal
  }
  const strangeKey = Object.keys(body?.fcm ?? {}).find((key) => !fcmKeys.includes(key))
  if (strangeKey !== undefined)
    return fault('parameterInvalid', `${where}fcm.${strangeKey}: this is not supported yet`)
  const channelId = body?.fcm?.channel_id
  return passed({
    channelOrder: {
      android: fcm.value ?? all.value ?? 'vendorFirst',
      web: web.value ?? 'vendorFirst',
    },
    ...(channelId && { fcmChannelId: channelId }),
  })
}

/** Whether the sender chose a way: then there must be something to show. */
export function hasDistribution(body: ThirdPartyChannelBody | undefined): boolean {
  if (body === undefined) return false
  const { distribution_new, w3push, ...vendors } = body
  const ofVendors = Object.values(vendors).map((vendor) => vendor?.distribution_new)
  return [distribution_new, w3push?.distribution, ...ofVendors].some((one) => one !== undefined)
}

/** Our own socket alone is asked of nobody else, so a vendor's block may say that. */
function refusalOfVendor(vendor: VendorBody | undefined, where: string) {
  const parsed = order(vendor?.distribution_new, androidOrders, `${where}.distribution_new`)
  if (!parsed.ok) return parsed
  const asksForVendor =
    (parsed.value !== undefined && parsed.value !== 'socketOnly') ||
    Object.keys(vendor ?? {}).some((key) => key !== 'distribution_new')
  return asksForVendor
    ? fault('parameterInvalid', `${where}: sending through this vendor is not supported yet`)
    : undefined
}

function order(
  word: string | undefined,
  orders: ReadonlyMap<string, ChannelOrder>,
  where: string,
): Judged<ChannelOrder | undefined> {
  const found = orders.get(word ?? '')
  if (word !== undefined && found === undefined)
    return fault('distributionInvalid', `${where}: this is one of ${[...orders.keys()].join(', ')}`)
  return passed(found)
}
