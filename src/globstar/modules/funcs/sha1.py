"""SHA-1 computation dialplan function."""

from __future__ import annotations

import hashlib

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function


@function("SHA1", syntax="SHA1(data)")
def sha1(channel: Channel | None, args: str) -> str:
    """The SHA-1 digest of a text (RFC 3174), in hexadecimal."""
    if not args:
        raise FunctionError("SHA1 needs a text")
    return hashlib.sha1(args.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
