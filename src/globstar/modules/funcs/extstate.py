"""Gets an extension's state in the dialplan."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function

#: Names of extension states, by number.
_NAMES = {
    -2: "UNKNOWN", -1: "UNKNOWN", 0: "NOT_INUSE", 1: "INUSE", 2: "BUSY", 4: "UNAVAILABLE", 8: "RINGING", 9: "RINGINUSE",
    16: "ONHOLD", 17: "HOLDINUSE",
}  # fmt: skip


@function("EXTENSION_STATE", syntax="EXTENSION_STATE(extension[@context])")
def extension_state(channel: Channel | None, args: str) -> str:
    """The state of an extension that has a hint.

    UNKNOWN, NOT_INUSE, INUSE, BUSY, UNAVAILABLE, RINGING, RINGINUSE, HOLDINUSE or ONHOLD. The context is
    ``default`` if not given.
    """
    if channel is None:
        raise FunctionError("EXTENSION_STATE needs a channel")
    extension, _, context = args.partition("@")
    if not extension:
        raise FunctionError("EXTENSION_STATE needs an extension")
    state = channel.system.device_states.extension_state(context or "default", extension)
    return _NAMES.get(state, "UNKNOWN") if state is not None else "UNKNOWN"
