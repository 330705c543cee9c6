"""Devices, tags and aliases: every call of the client that reads or changes the registry, and what it refuses."""

from urllib.parse import quote

import engagelab
from check import client, expect, expect_error, is_old, sloppy, stranger, users

# Users of a browser and two phones, without tokens, tags and alias.
web, android, ios = users["web"], users["android"], users["ios"]

TAG = "贵宾"
ALIAS = "爱丽丝"


def registry():
    devices()
    tokens()
    tags()
    aliases()
    deletion()
    errors()


def set_device(registration_id, **param):
    return client.device.set(registration_id, engagelab.DeviceSetParam(**param))


def device(registration_id):
    result = client.device.get(registration_id)
    return (result.tags, result.alias)


def count(tags, platform):
    if is_old:
        return client.tag.get_count(tags, [platform] if platform else None).tags_count
    return client.tag.get_count(tags, platform).tags_count


def quota(tags, platform):
    if is_old:
        return client.tag.get_quota(tags, [platform] if platform else None).data
    return client.tag.get_quota(tags, platform).data


def tag_of_device(tag, registration_id):
    result = client.tag.get_device_status(quote(tag, safe=""), registration_id)
    # 0.1.0 looks for another key and finds none, here as with EngageLab's own server.
    return result if is_old else result.result


def devices():
    expect("device.get of a user with nothing", device(web), ([], ""))
    expect("device.get by an address with a trailing slash", sloppy.device.get(web).alias, "")
    tags = engagelab.DeviceSetTags(add=["b", "a", TAG], remove=["c"])
    expect("device.set of tags and alias", set_device(web, tags=tags, alias=ALIAS), None)
    expect("device.get", device(web), (["a", "b", TAG], ALIAS))
    expect("device.set of tags alone", set_device(web, tags=engagelab.DeviceSetTags(remove=["b"])), None)
    expect("device.get keeps the alias", device(web), (["a", TAG], ALIAS))
    expect('device.set with tags "" clears them', set_device(web, tags=""), None)
    expect("device.get without tags", device(web), ([], ALIAS))
    expect('device.set with alias "" clears it', set_device(web, alias=""), None)
    expect("device.get without alias", device(web), ([], ""))
    param = engagelab.DeviceStatusGetParam(registration_ids=[web, android, "unknown"])
    online = [{"regid": web, "online": True}, {"regid": android, "online": True}]
    expect("device.get_status", client.device.get_status(param), online)


def tokens():
    if is_old:
        return
    fcm = "f" * 22 + ":" + "x" * 100
    param = engagelab.DeviceTokenRegisterParam(platform="android", tokens=[fcm, "short"])
    first = client.device.register_token(param).results
    outcome = [(one.token, one.is_new, one.code, one.message) for one in first]
    expect(
        "device.register_token for android",
        outcome,
        [(fcm, True, 0, None), ("short", False, 21003, "invalid fcm token format")],
    )
    again = client.device.register_token(param).results[0]
    expected = (first[0].registration_id, False, 0)
    expect("device.register_token again", (again.registration_id, again.is_new, again.code), expected)
    param = engagelab.DeviceTokenRegisterParam(platform="ios", tokens=["ab" * 32], apns_production=True)
    apns = client.device.register_token(param).results[0]
    expect("device.register_token for ios", (apns.is_new, apns.code), (True, 0))
    expect("device.get of a user by token", device(apns.registration_id), ([], ""))
    param = engagelab.DeviceTokenRegisterParam(platform="ios", tokens=["ab" * 32])
    expect_error(
        "device.register_token for ios without its service",
        lambda: client.device.register_token(param),
        (400, 21002, "apns_production is required for ios"),
    )
    for one in (first[0], apns):
        expect("device.delete of a user by token", client.device.delete(one.registration_id), None)
    param = engagelab.DeviceTokenRegisterParam(platform="android", tokens=[fcm])
    dead = client.device.register_token(param).results[0]
    expect(
        "device.register_token of an erased token",
        (dead.registration_id, dead.is_new, dead.code),
        (None, False, 20101),
    )


def tags():
    expect("tag.list of an app without tags", client.tag.list().tags, [])
    ids = engagelab.TagRegistrationIDs(add=[web, android, ios])
    param = engagelab.TagSetParam(registration_ids=ids)
    expect("tag.set", client.tag.set(quote(TAG, safe=""), param), None)
    ids = engagelab.TagRegistrationIDs(add=[web], remove=[ios])
    param = engagelab.TagSetParam(registration_ids=ids)
    expect("tag.set that adds and removes", client.tag.set("vip", param), None)
    expect("tag.list", client.tag.list().tags, ["vip", TAG])
    expect("tag.get_count on android", count([TAG, "vip"], "android"), {TAG: 1, "vip": 0})
    expect("tag.get_count on the web", count([TAG, "never"], "web"), {TAG: 1, "never": 0})
    expect("tag.get_count on all", count([TAG, "vip"], "all"), {TAG: 3, "vip": 1})
    expected = client.tag.get_device_status("never", web) if is_old else True
    expect("tag.get_device_status of a holder", tag_of_device(TAG, web), expected)
    expected = expected if is_old else False
    expect("tag.get_device_status of somebody else", tag_of_device("vip", ios), expected)
    data = {
        "totalTagQuota": 100000,
        "useTagQuota": 2,
        "totalAliasQuota": 100000,
        "useAliasQuota": 0,
        "tagUidQuotaDetail": [{"tagName": TAG, "totalUidQuota": 100000, "useUidQuota": 1}],
    }
    expect("tag.get_quota", quota([TAG], "ios"), data)
    expect("tag.delete on some platforms", client.tag.delete(quote(TAG, safe=""), ["android", "ios"]), None)
    expect("tag.get_count afterwards", count([TAG], "all"), {TAG: 1})
    expect("tag.delete", client.tag.delete(quote(TAG, safe="")), None)
    expect("tag.delete", client.tag.delete("vip"), None)
    expect("tag.list afterwards", client.tag.list().tags, [])


def aliases():
    path = quote(ALIAS, safe="")
    set_device(web, alias=ALIAS)
    expect("alias.get", client.alias.get(path).registration_ids, [web])
    expect("alias.get on the web", client.alias.get(path, ["web"]).registration_ids, [web])
    expect("alias.get on other platforms", client.alias.get(path, ["android", "ios"]).registration_ids, [])
    set_device(android, alias=ALIAS)
    expect("alias.get after it moved", client.alias.get(path).registration_ids, [android])
    expect("alias.delete on other platforms", client.alias.delete(path, ["web", "ios"]), None)
    expect("alias.get still there", client.alias.get(path).registration_ids, [android])
    expect("alias.delete", client.alias.delete(path), None)
    expect("alias.get afterwards", client.alias.get(path).registration_ids, [])


def deletion():
    unknown = (400, 20101, "registration id is unknown to this app")
    set_device(web, tags=engagelab.DeviceSetTags(add=["last"]), alias="last")
    expect("device.delete", client.device.delete(web), None)
    expect("device.delete again", client.device.delete(web), None)
    expect_error("device.get of a deleted user", lambda: client.device.get(web), unknown)
    expect_error("device.set of a deleted user", lambda: set_device(web, alias="late"), unknown)
    expect_error("tag.get_device_status", lambda: client.tag.get_device_status("last", web), unknown)
    expect("tag.list without it", client.tag.list().tags, [])
    expect("alias.get without it", client.alias.get("last").registration_ids, [])
    param = engagelab.DeviceStatusGetParam(registration_ids=[web])
    expect("device.get_status without it", client.device.get_status(param), [])
    expect("device.get of another user", device(ios), ([], ""))


def errors():
    unknown = (400, 20101, "registration id is unknown to this app")
    wrong = (401, 21004, "verification failed: the credentials are wrong")
    one_id = "one registration id per request: 1 to 64 characters of A-Z a-z 0-9 _ -"
    expect_error("device.get of an unknown id", lambda: client.device.get("unknown"), unknown)
    expect_error("device.delete of an unknown id", lambda: client.device.delete("unknown"), unknown)
    expect_error("device.delete of two ids", lambda: client.device.delete(f"{android},{ios}"), (400, 21003, one_id))
    expect_error("device.delete of no id", lambda: client.device.delete(""), (400, 21003, one_id))
    expect_error("device.get with a wrong secret", lambda: stranger.device.get(ios), wrong)
    expect_error("device.delete with a wrong secret", lambda: stranger.device.delete(ios), wrong)
    too_long = (400, 21003, "the alias has 41 bytes of at most 40")
    expect_error("device.set of a long alias", lambda: set_device(ios, alias="x" * 41), too_long)
    expect("device.get after the refusals", device(ios), ([], ""))
