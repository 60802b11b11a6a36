"""URI encode/decode dialplan functions."""

from __future__ import annotations

from urllib.parse import quote_from_bytes, unquote_to_bytes

from globstar.core.channel import Channel
from globstar.core.registry import function

#: The marks of RFC 2396 section 2.3 that are not encoded; letters and digits never are.
_MARKS = "-_.!~*'()"


@function("URIENCODE", syntax="URIENCODE(data)")
def encode(channel: Channel | None, args: str) -> str:
    """A text as part of a URI: what is not unreserved (RFC 2396 section 2.3) becomes %HH."""
    return quote_from_bytes(args.encode("utf-8", "surrogateescape"), safe=_MARKS)


@function("URIDECODE", syntax="URIDECODE(data)")
def decode(channel: Channel | None, args: str) -> str:
    """A text of a URI with every %HH turned into the character meant; a plus sign stays."""
    if "%" not in args:
        return args
    return unquote_to_bytes(args.encode("utf-8", "surrogateescape")).partition(b"\0")[0].decode("utf-8", "surrogateescape")
