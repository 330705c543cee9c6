"""Pushes as the client's own classes build them, and who got them."""

import time

import engagelab
from check import client, expect, is_old, users

# Who can be reached: in a browser, on Android, on iOS, and on an Android phone whose vendor refuses everything.
alice, bob, carol, rita = (users[name] for name in ("alice", "bob", "carol", "rita"))
everybody = ("alice", "bob", "carol", "rita")

# Longer than a push takes on the slowest machine; a push that has not arrived then never will.
ARRIVAL_SECONDS = 20

_receivers = {}


def to_ids(*ids):
    return engagelab.PushTo(registration_id=list(ids))


def notification(**parts):
    return engagelab.NotificationMessage(**(parts or {"alert": "Hello"}))


def param(to="all", request_id=None, custom_args=None, options=None, **content):
    """A push of a plain notification, unless `content` has another."""
    content = content or {"notification": notification()}
    content.setdefault("platform", "all")
    if options is not None:
        options = engagelab.Options(**options)
    body = engagelab.PushBody(options=options, **content)
    return engagelab.PushParam(from_="push", to=to, request_id=request_id, custom_args=custom_args, body=body)


def send(**given):
    return client.push.send(param(**given))


def batch(*requests):
    """Each request is a target and what its push has beside it; a plain notification, if that is nothing."""
    return engagelab.BatchPushParam(
        requests=[
            engagelab.BatchPushRequest(target=target, **{"platform": "all", "notification": notification(), **given})
            for target, given in requests
        ]
    )


def results_of(answer):
    """What a batch answered: by target, the id of the message, or code and message of the error."""
    if is_old:
        return {
            target: one["msg_id"] if one["success"] else tuple(one["error"].values())
            for target, one in answer["results"].items()
        }
    return {
        target: one.msg_id if one.success else (one.error["code"], one.error["message"])
        for target, one in answer.results.items()
    }


def expect_accepted(title, result, request_id=None):
    """The id of the message: a decimal number in a text. Answers it."""
    is_id = isinstance(result.msg_id, str) and result.msg_id.isdecimal() and int(result.msg_id) > 0
    expect(title, (is_id, result.request_id), (True, request_id))
    return result.msg_id


def expect_receivers(title, msg_id, names):
    """That exactly these users are those of the message, now and when `expect_nobody_else` is called."""
    _receivers[msg_id] = sorted(names)
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while receivers(msg_id) != sorted(names) and time.monotonic() < deadline:
        time.sleep(0.02)
    expect(f"{title}: who got it", receivers(msg_id), sorted(names))


def expect_nobody_else():
    now = {msg_id: receivers(msg_id) for msg_id in _receivers}
    expect("who got what, at the end", now, _receivers)


def receivers(msg_id):
    rows = client.status.message_lifecycle(msg_id, list(users.values()))
    return sorted(name for name, registration_id in users.items() if registration_id in rows)
