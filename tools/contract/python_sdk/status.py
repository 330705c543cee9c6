"""Statistics: what the client reads of messages and of users."""

import datetime
import time

from check import client, expect, expect_error, is_old, stranger
from pushes import ARRIVAL_SECONDS, alice, bob, expect_nobody_else, rita, send, to_ids

COUNTERS = ("targets", "sent", "delivered", "impressions", "clicks")


def status():
    msg_id = send(to=to_ids(alice, bob, rita)).msg_id
    detail = until(lambda: client.status.message_detail([msg_id])[msg_id], lambda one: one["targets"] == 3)
    numbers(msg_id, detail)
    life_cycle(msg_id)
    refusals()
    user_days()
    expect_nobody_else()


def numbers(msg_id, detail):
    expect("status.message_detail", [detail[name] for name in COUNTERS], [3, 2, 0, 0, 0])
    sub = detail["sub"]["notification"]
    spellings = [sub[name] for name in ("target", "targets", "click", "clicks")]
    expect("status.message_detail: both spellings", spellings, [3, 3, 0, 0])
    channels = [sub["sub_android"]["fcm"], sub["sub_web"]["engageLab_web"], sub["sub_ios"]["apns"]]
    by_channel = [(one["targets"], one["sent"]) for one in channels]
    expect("status.message_detail: by channel", by_channel, [(2, 1), (1, 1), (0, 0)])
    said = detail["pushContent"]["notification"]["ios"]["alert"]
    expect("status.message_detail: what was said", said, {"body": "Hello"})
    several = client.status.message_detail([msg_id, "999999999"])
    expect("status.message_detail leaves unknown ids out", list(several), [msg_id])


def life_cycle(msg_id):
    found = client.status.message_lifecycle(msg_id, [alice, rita, "unknown"])
    sent, failed = found.pop(alice), found.pop(rita)
    expect("status.message_lifecycle leaves unknown ids out", found, {})
    expect("status.message_lifecycle: seconds", abs(sent.pop("itime") - time.time()) < 60, True)
    expect("status.message_lifecycle of a user", sent, {"status": "sent", "channel": "engageLab_web"})
    failed.pop("itime")
    reason = {"status": "failed", "error_message": "stub", "channel": "fcm"}
    expect("status.message_lifecycle of a failure", failed, reason)
    rows = client.status.batch_message_detail([msg_id])
    expected = sorted((msg_id, registration_id) for registration_id in (alice, bob, rita))
    expect("status.batch_message_detail", [(one["message_id"], one["registration_id"]) for one in rows], expected)


def refusals():
    wrong = (400, 21003, "message_ids: a message id is a decimal number below 2^53")
    expect_error("status.message_detail of no number", lambda: client.status.message_detail(["x"]), wrong)
    many = (400, 21003, "message_ids: 1 to 100 ids")
    hundred_one = [str(number + 1) for number in range(101)]
    expect_error("status.message_detail of 101", lambda: client.status.message_detail(hundred_one), many)
    secret = (401, 21004, "verification failed: the credentials are wrong")
    expect_error("status.message_detail with a wrong secret", lambda: stranger.status.message_detail(["1"]), secret)
    plan = ("p1",) if is_old else (["p1"], "2026-01-01", "2026-01-31")
    no_plans = (404, 21001, "this path does not exist")
    expect_error("status.plan_detail, which Lethe has not", lambda: client.status.plan_detail(*plan), no_plans)


def user_days():
    """From yesterday on, so that midnight may pass meanwhile."""
    start = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)).date().isoformat()
    result = until(lambda: client.status.users("DAY", start, 2), lambda result: new_users(result, "hmos") == 1)
    expect("status.users", (result.time_unit, result.start, result.duration), ("DAY", start, 2))
    expect("status.users: new ones on HarmonyOS", new_users(result, "hmos"), 1)
    expect("status.users: each day", [item["time"] for item in result.items][0], start)
    wrong = (400, 21003, "start: a day as yyyy-MM-dd")
    expect_error("status.users of no day", lambda: client.status.users("DAY", "today", 1), wrong)


def new_users(result, platform):
    return sum(item[platform]["new"] for item in result.items)


def until(ask, is_there):
    """The first answer that is the one waited for, or the last one."""
    deadline = time.monotonic() + ARRIVAL_SECONDS
    answer = ask()
    while not is_there(answer) and time.monotonic() < deadline:
        time.sleep(0.02)
        answer = ask()
    return answer
