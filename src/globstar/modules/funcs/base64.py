"""base64 encode/decode dialplan functions."""

from __future__ import annotations

import base64
import string

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function

logger = Logger("func_base64")

_DIGITS = frozenset(string.ascii_letters + string.digits + "+/")


@function("BASE64_ENCODE", syntax="BASE64_ENCODE(string)")
def encode(channel: Channel | None, args: str) -> str:
    """A text in base64 (RFC 4648 section 4)."""
    if not args:
        raise FunctionError("BASE64_ENCODE needs a text")
    return base64.b64encode(args.encode("utf-8", "surrogateescape")).decode("ascii")


@function("BASE64_DECODE", syntax="BASE64_DECODE(string)")
def decode(channel: Channel | None, args: str) -> str:
    """The text behind base64 (RFC 4648 section 4).

    Bytes behind a zero byte are lost. A character that is no digit of base64 counts as the last one, with a warning.
    """
    if not args:
        raise FunctionError("BASE64_DECODE needs a text")
    digits = args.rstrip("=")
    if not _DIGITS.issuperset(digits):
        logger.warning(f"BASE64_DECODE: '{args}' is not base64")
        digits = "".join([digit if digit in _DIGITS else "/" for digit in digits])
    if len(digits) % 4 == 1:  # six bits alone make no byte
        digits = digits[:-1]
    decoded = base64.b64decode(digits + "=" * (-len(digits) % 4))
    return decoded.partition(b"\0")[0].decode("utf-8", "surrogateescape")
