/**
 * The limits of statistics on the wire, each with its source. "Documented" means the EngageLab Push API v4. Where v4 is silent
 * the figure of its predecessor, JPush v3, is taken. What remains is our own, with a reason.
 */

/** Days after which a message is forgotten with everything that became of it (documented: at most one month). */
export const messageDaysMax = 30

/** Messages in one query of statistics (documented). */
export const messagesPerStatisticsMax = 100

/** Registration ids in one query of what became of a message (JPush v3). The head of a request holds about 450 of ours. */
export const registrationIdsPerStatisticsMax = 1000

/** Rows in one answer of what became of messages (ours: some 2 MB). */
export const statusRowsMax = 10_000

/** Days for which users are counted in one query, and how many days back it may begin (JPush v3). */
export const userDaysMax = 60

/** The same in months (JPush v3). */
export const userMonthsMax = 2

/** Events in one report of a client (ours: more than one user gets in a day). */
export const eventsPerReportMax = 100

/** Characters of an event token in a report of a client (ours: one has 22; the rest is for longer ones some day). */
export const eventTokenCharactersMax = 64
