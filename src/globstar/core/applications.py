"""Running one application by its name, as Exec, ExecIf and their like do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from globstar.base.log import Logger

if TYPE_CHECKING:
    from globstar.core.channel import Channel

logger = Logger("pbx")


def split_call(text: str) -> tuple[str, str]:
    """``Name(arguments)`` as name and arguments; what follows the last parenthesis is dropped."""
    name, opening, rest = text.partition("(")
    if not opening:
        return name.strip(), ""
    arguments, closing, _ = rest.rpartition(")")
    if not closing:
        logger.warning(f"no closing parenthesis in '{text}'")
        arguments = rest
    return name.strip(), arguments


def run_application(channel: Channel, name: str, arguments: str) -> Any:
    """Run an application, found whatever the case of its name; -1, with a warning, if there is none.

    What the application returns is returned: for one that waits, a coroutine.
    """
    spec = channel.system.applications.get(name)
    if spec is None:
        near = channel.system.applications.nearest(name)
        logger.warning(f"There is no application '{name}'" + (f"; did you mean {near}?" if near else ""))
        return -1
    return spec.run(channel, arguments)
