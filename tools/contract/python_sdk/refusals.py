"""Pushes that are refused: status, number and words of each error, as the client decodes them."""

import engagelab
from check import client, expect, expect_error, is_old, stranger
from pushes import alice, batch, bob, notification, param, send, to_ids

FIFTEEN_DAYS = 15 * 86_400


def refusals():
    nobody_there()
    audiences()
    contents()
    options()
    batches()
    others()


def refused(title, code, words, status=400, **given):
    expect_error(f"push.send {title}", lambda: send(**given), (status, code, words))


def nobody_there():
    fits = "to: nobody who can be reached fits it on these platforms"
    refused("to a tag that nobody has", 21011, fits, to=engagelab.PushTo(tag=["nobody"]))
    refused("to an alias that nobody has", 21011, fits, to=engagelab.PushTo(alias=["nobody"]))
    refused("to a user on another platform", 21011, fits, to=to_ids(bob), platform="ios", notification=notification())
    unknown = "to.registration_id: none of them is a user of this app"
    refused("to an unknown id", 20101, unknown, to=to_ids("0" * 32))


def audiences():
    to = engagelab.PushTo
    refused("without to", 21002, "to is required in the body", to=None)
    keys = "to: all, or at least one of tag, tag_and, tag_not, alias and registration_id that is not empty"
    refused("to nothing", 21003, keys, to=to())
    refused("to empty lists", 21003, keys, to=to(tag=[], registration_id=[]))
    refused("to a segment", 21003, "to.seg: not supported yet", to=to(seg=engagelab.Seg(id="s")))
    live = "to.live_activity_id: not supported yet"
    refused("to a live activity", 21003, live, to=to(live_activity_id="la"))
    unknown = {"to": {"tags": ["vip"]}, "body": {"platform": "all", "notification": {"alert": "x"}}}
    misspelt = (400, 21015, 'unknown parameter "tags" in to')
    expect_error("push.send_raw to a misspelt key", lambda: client.push.send_raw(unknown), misspelt)


def contents():
    kinds = "only one of them is possible"
    both = {"notification": notification(), "message": engagelab.CustomMessage(msg_content="x")}
    refused("of both", 21306, f"body.notification, body.message: {kinds}", status=401, **both)
    live = engagelab.LiveActivityMessage(ios=engagelab.LiveActivityIOS(event="update", content_state={"score": 1}))
    refused("of a live activity", 21003, "body.live_activity: this is not supported yet", live_activity=live)
    two = f"body.notification, body.live_activity: {kinds}"
    refused("of a live activity and more", 21054, two, notification=notification(), live_activity=live)
    refused("of nothing", 21002, "body.notification or body.message is required", platform="all")
    refused("without platform", 21002, "body.platform is required", platform=None, notification=notification())
    platforms = "body.platform: all, or some of web, android, ios, hmos"
    refused("to a platform that is none", 21003, platforms, platform="windows", notification=notification())
    long = "body.notification.android: 4012 bytes of at most 4000"
    refused("that is too long", 21005, long, platform="android", notification=notification(alert="x" * 4000))
    if not is_old:
        two = f"body.notification, body.voip: {kinds}"
        refused("of a call and more", 21057, two, notification=notification(), voip={"call_id": "1"})
        refused("of a call", 21003, "body.voip: this is not supported yet", voip={"call_id": "1"})


def options():
    def wrong(title, code, message, **options):
        refused(f"with {title}", code, f"body.options.{message}", options=options)

    cid = "cid: 1 to 64 characters of A-Z a-z 0-9 _ -"
    for text in ("", "a b", "字", "x" * 65):
        wrong("a wrong cid", 23003, cid, cid=text)
    wrong("a long duration", 23006, "big_push_duration: 1441 of 0 to 1440 minutes", big_push_duration=1441)
    too_long = f"time_to_live: must be <= {FIFTEEN_DAYS}"
    wrong("a long time to live", 21003, too_long, time_to_live=FIFTEEN_DAYS + 1)
    wrong("a plan", 21003, "plan_id: this is not supported yet", plan_id="p1")
    wrong("a text to speak", 21003, "voice_value: this is not supported yet", voice_value="v")
    wrong("a wrong type", 21016, "time_to_live: must be integer", time_to_live="60")
    channel = {"fcm": {"distribution_new": "pigeon"}}
    refused(
        "by a way that is none", 27009, "body.options.third_party_channel.fcm.distribution_new: this is one of mtpush, "
        "pns_mtpush, fcm_mtpush, mtpush_pns, mtpush_fcm", status=401, options={"third_party_channel": channel},
    )


def batches():
    twice = (400, 21003, "requests: 2 pushes to 1 targets; each may be there once")
    same = batch((alice, {}), (alice, {}))
    expect_error("push.batch_by_regid to a user twice", lambda: client.push.batch_by_regid(same), twice)
    many = batch(*((f"name{number}", {}) for number in range(501)))
    limit = (400, 21003, "requests: must not have more than 500 items")
    expect_error("push.batch_by_alias of 501", lambda: client.push.batch_by_alias(many), limit)
    few = (400, 21003, "requests: must not have fewer than 1 items")
    expect_error("push.batch_by_alias of none", lambda: client.push.batch_by_alias(batch()), few)


def others():
    long = "x" * 129
    refused("with long custom_args", 21003, "custom_args: 137 characters of at most 128", custom_args={"k": long})
    request_id = "request_id: must not have more than 128 characters"
    refused("with a long request_id", 21003, request_id, request_id=long)
    wrong = (401, 21004, "verification failed: the credentials are wrong")
    for name in ("send", "validate"):
        call = getattr(stranger.push, name)
        expect_error(f"push.{name} with a wrong secret", lambda: call(param()), wrong)
    expect_error("push.withdraw with a wrong secret", lambda: stranger.push.withdraw("1"), wrong)
    expect_error("push.batch_by_regid with a wrong secret", lambda: stranger.push.batch_by_regid(batch()), wrong)
