"""Push, validate, batch and withdraw: what is accepted, what the client decodes, and who gets it."""

import engagelab
from check import client, expect, expect_error, is_old, slow, sloppy
from pushes import (
    alice, batch, bob, carol, everybody, expect_accepted, expect_receivers, notification, param, results_of, rita, send,
    to_ids,
)

UNKNOWN = "0" * 32
WITHDRAWN = (400, 21003, "Parameter value is invalid,msg_id not exist")


def sending():
    name_users()
    shortest()
    audiences()
    contents()
    options()
    validation()
    batches()
    rate_limit()
    withdrawals()


def name_users():
    tags = {alice: ["vip", "web"], bob: ["vip"], carol: ["ios"]}
    for registration_id, add in tags.items():
        param = engagelab.DeviceSetParam(tags=engagelab.DeviceSetTags(add=add))
        client.device.set(registration_id, param)
    client.device.set(alice, engagelab.DeviceSetParam(alias="alice"))
    client.device.set(bob, engagelab.DeviceSetParam(alias="bob"))


def shortest():
    msg_id = expect_accepted("push.send to all", send(request_id="r-1"), "r-1")
    expect_receivers("push.send to all", msg_id, everybody)
    expect_accepted("push.send without request_id", send())
    expect_accepted("push.send by an address with a trailing slash", sloppy.push.send(param()))
    raw = {"to": "all", "body": {"platform": "android", "notification": {"alert": "Hi"}}, "from": None}
    msg_id = expect_accepted("push.send_raw with one platform as a text", client.push.send_raw(raw))
    expect_receivers("push.send_raw", msg_id, ("bob", "rita"))


def audiences():
    to = engagelab.PushTo
    cases = [
        ("registration_id, one of them twice", to_ids(alice, carol, alice), ("alice", "carol")),
        ("tag", to(tag=["vip", "nobody"]), ("alice", "bob")),
        ("tag_and", to(tag_and=["vip", "web"]), ("alice",)),
        ("tag_not", to(tag_not=["vip"]), ("carol", "rita")),
        ("tag without tag_not", to(tag=["vip"], tag_not=["web"]), ("bob",)),
        ("alias", to(alias=["alice", "bob", "nobody"]), ("alice", "bob")),
        ("alias beside empty lists", to(alias=["alice"], tag=[], tag_and=[], registration_id=[]), ("alice",)),
        ("registration_id and tag", to(registration_id=[alice, carol], tag=["vip"]), ("alice",)),
    ]
    for title, audience, names in cases:
        msg_id = expect_accepted(f"push.send to {title}", send(to=audience))
        expect_receivers(f"to {title}", msg_id, names)


def contents():
    android = engagelab.AndroidNotification(
        alert="a", title="t", builder_id=1, channel_id="ch", priority=2, category="cat", style=3, big_text="bt",
        inbox={"line1": "v1"}, big_pic_path="/img.png", extras={"ek": {"deep": [1, None]}},
        intent=engagelab.AndroidIntent(url="app://"), large_icon="li.png", small_icon="si.png", sound="ding.mp3",
        badge_add_num=0, badge_class="com.x.Main", display_foreground="1", group_id="g1",
    )
    ios = engagelab.IOSNotification(
        alert={"title": "T", "body": "B"}, sound={"critical": 1, "name": "siren.caf", "volume": 0.5}, badge="+1",
        content_available=True, mutable_content=True, category="msg", extras={"url": "https://x.example"},
        thread_id="t-1", interruption_level="active",
    )
    hmos = engagelab.HmosNotification(
        alert="a", title="t", category="MARKETING", large_icon="https://x.example/li.png",
        intent=engagelab.HmosIntent(url="action.system.home"), badge_add_num=1, badge_set_num=5, test_message=True,
        receipt_id="rcpt", extras={"k": "v"}, style=3, inbox_content=["line1", "line2"], push_type=0, extra_data="ed",
        display_foreground="0",
    )
    every_field = notification(alert="Hello", android=android, ios=ios, hmos=hmos)
    msg_id = expect_accepted("push.send of every field", send(notification=every_field))
    expect_receivers("every field", msg_id, everybody)
    named = {"platform": ["android", "ios", "hmos"], "notification": every_field}
    msg_id = expect_accepted("push.send to three platforms", send(**named))
    expect_receivers("three platforms", msg_id, ("bob", "carol", "rita"))
    empty = notification(android=engagelab.AndroidNotification(alert="", channel_id="", extras={}))
    accepted = send(to=to_ids(bob), platform=["android"], notification=empty)
    expect_accepted("push.send of empty texts and objects", accepted)
    message = engagelab.CustomMessage(title="T", msg_content="body", content_type="text", extras={"a": 1})
    msg_id = expect_accepted("push.send of a message", send(to=to_ids(alice, bob), message=message))
    expect_receivers("a message", msg_id, ("alice", "bob"))
    if not is_old:
        expect_newer_contents()


def expect_newer_contents():
    """What 0.1.1 has and 0.1.0 has not: structured texts, absolute badges, the flags of Huawei."""
    android = engagelab.AndroidNotification(alert={"title": "T", "body": "B"}, badge_set_num=0, is_fold=False)
    structured = notification(alert={"title": "T", "body": "B"}, android=android)
    expect_accepted("push.send of structured alerts", send(notification=structured))
    message = engagelab.CustomMessage(msg_content={"key": "value"}, test_message=False, receipt_id="receipt")
    expect_accepted("push.send of a structured message", send(message=message, options={"auto_truncation": False}))


def options():
    everything = {
        "time_to_live": 60, "apns_production": True, "apns_collapse_id": "c", "classification": 1,
        "enhanc_message": False, "voice_value": "", "plan_id": "",
        "multi_language": {"en": {"content": "Hi", "title": "Shop"}, "zh-Hans": {"content": "你好"}},
        "third_party_channel": {"fcm": {"distribution_new": "pns_mtpush"}, "w3push": {"distribution": "first_ospush"}},
    }
    accepted = send(options=everything, custom_args={"business": "info"}, request_id="请求")
    msg_id = expect_accepted("push.send with options, custom_args and request_id", accepted, "请求")
    expect_receivers("with options", msg_id, everybody)

    once = {"to": to_ids(alice), "options": {"cid": "a-B_9"}}
    first = send(**once).msg_id
    expect("push.send with a cid again", send(**once).msg_id, first)
    other = send(to=to_ids(bob), options={"cid": "a-B_9"})
    expect("push.send of something else with that cid", other.msg_id, first)
    expect_receivers("with a cid", first, ("alice",))

    spread = send(to=to_ids(alice, bob), options={"big_push_duration": 1440}).msg_id
    expect_receivers("spread over a day, at once the first", spread, ("alice",))
    override = {"override_msg_id": int(spread)}
    msg_id = expect_accepted("push.send that overrides it", send(to=to_ids(alice, bob), options=override))
    expect_receivers("that overrides it", msg_id, ("alice", "bob"))
    missing = (400, 1003, "options.override_msg_id: no message of the last day has this id")
    expect_error("push.send that overrides nothing", lambda: send(options={"override_msg_id": 999_999_999}), missing)


def validation():
    result = client.push.validate(param(request_id="r-2"))
    expect("push.validate", (result.request_id, result.msg_id), ("r-2", "0"))
    result = client.push.validate(param(to=engagelab.PushTo(tag=["vip"]), options={"cid": "never-sent"}))
    expect("push.validate without request_id", (result.request_id, result.msg_id), (None, "0"))
    nobody = (400, 21011, "to: nobody who can be reached fits it on these platforms")
    no_one = param(to=engagelab.PushTo(tag=["nobody"]))
    expect_error("push.validate to nobody", lambda: client.push.validate(no_one), nobody)


def batches():
    wrong = {"message": engagelab.CustomMessage(msg_content="x")}
    plain = {"options": engagelab.Options(cid="item-1", apns_production=True), "custom_args": {"business": "info"}}
    by_id = client.push.batch_by_regid(batch((alice, plain), (bob, {"platform": "ios"}), (UNKNOWN, {}), (carol, wrong)))
    results = results_of(by_id)
    msg_id = results.pop(alice)
    expect("push.batch_by_regid: its id is a number", type(msg_id).__name__, "int")
    expected = {
        bob: (21011, "no user who can be reached fits the audience"),
        UNKNOWN: (20101, "registration id is unknown to this app"),
        carol: (21306, "notification, message: only one of them is possible"),
    }
    expect("push.batch_by_regid: each refusal", results, expected)
    expect("push.batch_by_regid: no rate limit", rate_limit_of(by_id), None)
    expect_receivers("push.batch_by_regid", str(msg_id), ("alice",))
    again = results_of(client.push.batch_by_regid(batch((alice, plain))))
    expect("push.batch_by_regid with a cid again", again, {alice: msg_id})

    by_alias = results_of(client.push.batch_by_alias(batch(("alice", {}), ("nobody", {}), ("bob", {}))))
    nobody = (21011, "no user who can be reached fits the audience")
    expect("push.batch_by_alias: nobody has it", by_alias.pop("nobody"), nobody)
    for name, msg_id in by_alias.items():
        expect_receivers("push.batch_by_alias", str(msg_id), (name,))


def rate_limit_of(answer):
    """`rate_limit_info` of a batch; the older client hands on what came."""
    if is_old:
        return answer.get("rate_limit_info")
    info = answer.rate_limit_info
    return info and {"rate_limit_occurred": info.rate_limit_occurred, "message": info.message}


def rate_limit():
    names = [f"name{number}" for number in range(5)]
    answer = slow.push.batch_by_alias(batch(*((name, {}) for name in names)))
    first, *others = results_of(answer).values()
    expect("push.batch_by_alias with one call left", first, (21011, "no user who can be reached fits the audience"))
    expect("push.batch_by_alias: the others", others, [(23008, "Rate limit exceeded for the API")] * 4)
    text = "Some requests were rate limited during batch processing"
    info = {"rate_limit_occurred": True, "message": text}
    expect("push.batch_by_alias: the rate limit", rate_limit_of(answer), info)
    expect_error("push.send without a call left", lambda: slow.push.send(param()), (429, 23008, "too many requests"))


def withdrawals():
    spread = send(to=to_ids(bob, alice), options={"big_push_duration": 10}).msg_id
    expect_receivers("spread over ten minutes, at once the first", spread, ("bob",))
    result = client.push.withdraw(spread)
    expect("push.withdraw", (result.request_id, result.msg_id), ("", spread))
    expect_error("push.withdraw again", lambda: client.push.withdraw(spread), WITHDRAWN)
    for msg_id in ("999999999", "0", "x", "9" * 20):
        expect_error(f"push.withdraw of {msg_id}", lambda: client.push.withdraw(msg_id), WITHDRAWN)
    sent = send(to=to_ids(rita)).msg_id
    expect_receivers("to a user whose vendor refuses", sent, ("rita",))
    expect("push.withdraw of what was sent", client.push.withdraw(sent).msg_id, sent)
    override = {"override_msg_id": int(sent)}
    missing = (400, 1003, "options.override_msg_id: no message of the last day has this id")
    expect_error("push.send that overrides what was withdrawn", lambda: send(options=override), missing)
