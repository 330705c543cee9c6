"""What all chapters share: the clients under test, the world they meet, and the comparison of results.

The only argument is the world as JSON: `url`, `app_key` and `master_secret`; `slow`, an app that may be called once a
second, with its key and secret; and `users`, registration ids by name.
"""

import json
import sys

import engagelab

world = json.loads(sys.argv[1])
users = world["users"]
url = world["url"]

client = engagelab.Client(world["app_key"], world["master_secret"], base_url=url)
# The client does not trim its address, so this one calls `//v4/...`.
sloppy = engagelab.Client(world["app_key"], world["master_secret"], base_url=url + "/")
stranger = engagelab.Client(world["app_key"], "wrong", base_url=url)
slow = engagelab.Client(world["slow"]["app_key"], world["slow"]["master_secret"], base_url=url)
# 0.1.0 has no call for tokens, joins lists by commas, takes several platforms, and hands on a batch as it comes.
is_old = not hasattr(client.device, "register_token")

_calls = 0


def calls():
    """How many results have been compared."""
    return _calls


def expect(title, actual, expected):
    global _calls
    _calls += 1
    if actual != expected:
        print(f"  WRONG {title}\n    got      {actual!r}\n    expected {expected!r}")
        sys.exit(1)
    print(f"  ok    {title} -> {shown(actual)}")


def expect_error(title, call, expected):
    """`expected`: HTTP status, code and message, as the client decodes them."""
    try:
        result = call()
    except engagelab.ApiError as error:
        expect(title, (error.status_code, error.error.code, error.error.message), expected)
    else:
        expect(title, result, expected)


def shown(value):
    text = json.dumps(value, ensure_ascii=False, default=vars)
    return text if len(text) <= 120 else text[:120] + "…"
