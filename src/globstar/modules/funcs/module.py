"""Checks if Asterisk module is loaded in memory."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.loader import ModuleStatus, normalise
from globstar.core.registry import function


@function("IFMODULE", syntax="IFMODULE(modulename.so)")
def if_module(channel: Channel | None, args: str) -> str:
    """1 if a module is loaded, else 0. The name may go without its .so."""
    if channel is None:
        raise FunctionError("IFMODULE needs a channel")
    module = channel.system.loader.modules.get(normalise(args))
    return "1" if module is not None and module.status is ModuleStatus.RUNNING else "0"
