"""CONNECTEDLINE: who is at the other end."""

from __future__ import annotations

from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.frame import Control
from globstar.core.functions import FunctionError
from globstar.core.party import PartyId
from globstar.core.registry import function
from globstar.modules.funcs.callerid.parts import read_part, write_part

#: Why the party changed, by number.
SOURCES = ("unknown", "answer", "diversion", "transfer", "transfer_alerting")


def _party(channel: Channel, data_type: str) -> tuple[PartyId, str]:
    if data_type.startswith("priv-"):
        return channel.connected.private, data_type[5:]
    return channel.connected.id, data_type


@function("CONNECTEDLINE", syntax="CONNECTEDLINE(datatype[,i])")
def connected_line(channel: Channel | None, args: str) -> str:
    """Who is at the other end.

    ``datatype`` is all, name, name-valid, name-charset, name-pres, num, num-valid, num-plan, num-pres, pres, subaddr,
    subaddr-valid, subaddr-type, subaddr-odd or tag, the same with priv- in front, or source. The endpoint is told of a change,
    unless ``i`` is given: so several parts can be set before it is told of all with the last one.
    """
    if channel is None:
        raise FunctionError("CONNECTEDLINE needs a channel")
    data_type = args.partition(",")[0].strip().lower()
    if data_type == "source":
        source = channel.connected.source
        return SOURCES[source] if 0 <= source < len(SOURCES) else str(source)
    return read_part(*_party(channel, data_type))


@connected_line.writer
def _write(channel: Channel | None, args: str, value: str) -> None:
    if channel is None:
        raise FunctionError("CONNECTEDLINE needs a channel")
    data_type, _, options = args.partition(",")
    data_type = data_type.strip().lower()
    if data_type == "source":
        wanted = value.strip().lower()
        if wanted.isdecimal() and int(wanted) < len(SOURCES):
            channel.connected.source = int(wanted)
        elif wanted in SOURCES:
            channel.connected.source = SOURCES.index(wanted)
        else:
            raise FunctionError(f"unknown source '{value}'")
    else:
        write_part(*_party(channel, data_type), value)
    channel.system.bus.publish(events.ConnectedLineChanged(channel))
    if "i" not in options:
        channel.tech.indicate(channel, Control.CONNECTED_LINE, channel.connected)
