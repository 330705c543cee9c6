/** The topic under which nodes hear that there may be something to do for deletions of many users. */
export const BULK_TOPIC = 'bulk'
