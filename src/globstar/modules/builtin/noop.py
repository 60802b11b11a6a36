"""NoOp."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.registry import application


@application("NoOp", syntax="NoOp([text])")
def no_operation(channel: Channel, data: str) -> None:
    """Do nothing.

    ``text`` is substituted like any data, so that it shows values on a verbose console and calls the functions in it.
    """
