"""UUID generation dialplan function."""

from __future__ import annotations

import uuid

from globstar.core.channel import Channel
from globstar.core.registry import function


@function("UUID", syntax="UUID()")
def uuid_(channel: Channel | None, args: str) -> str:
    """A new random UUID (RFC 4122 section 4.4)."""
    return str(uuid.uuid4())
