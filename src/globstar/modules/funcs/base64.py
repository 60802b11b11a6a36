"""base64 encode/decode dialplan functions."""

from __future__ import annotations

import base64

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function


@function("BASE64_ENCODE", syntax="BASE64_ENCODE(string)")
def encode(channel: Channel | None, args: str) -> str:
    """A text in base64 (RFC 4648 section 4)."""
    if not args:
        raise FunctionError("BASE64_ENCODE needs a text")
    return base64.b64encode(args.encode("utf-8", "surrogateescape")).decode("ascii")


@function("BASE64_DECODE", syntax="BASE64_DECODE(string)")
def decode(channel: Channel | None, args: str) -> str:
    """The text behind base64 (RFC 4648 section 4); bytes behind a zero byte are lost."""
    if not args:
        raise FunctionError("BASE64_DECODE needs a text")
    text = args.encode("ascii", "ignore")
    decoded = base64.b64decode(text + b"=" * (-len(text) % 4))
    return decoded.partition(b"\0")[0].decode("utf-8", "surrogateescape")
