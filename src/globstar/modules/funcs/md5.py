"""MD5 digest dialplan functions."""

from __future__ import annotations

import hashlib

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function


@function("MD5", syntax="MD5(data)")
def md5(channel: Channel | None, args: str) -> str:
    """The MD5 digest of a text (RFC 1321), in hexadecimal."""
    if not args:
        raise FunctionError("MD5 needs a text")
    return hashlib.md5(args.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
