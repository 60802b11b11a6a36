"""Dump Info About The Calling Channel."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.numbers import leading_integer
from globstar.core.registry import application

logger = Logger("app_dumpchan")

_RULE = "=" * 80


@application("DumpChan", syntax="DumpChan([level])")
def dump_channel(channel: Channel, data: str) -> None:
    """Write what is known about the channel, with all its variables, to the verbose output.

    ``level`` says from which ``core set verbose`` on; without it always.
    """
    level = min(max(leading_integer(data), 0), 10)
    if not logger.is_verbose(level):
        return
    bridge = channel.bridge_member.bridge if channel.bridge_member is not None else None
    number, name = channel.caller.id.number, channel.caller.id.name
    rows = {
        "Name": channel.name,
        "Type": channel.tech.name,
        "UniqueID": channel.unique_id,
        "LinkedID": channel.linked_id,
        "CallerIDNum": number.text if number.valid else "(N/A)",
        "CallerIDName": name.text if name.valid else "(N/A)",
        "DNIDDigits": channel.dialed.number or "(N/A)",
        "State": f"{channel.state_text} ({int(channel.state)})",
        "Rings": "0",
        "NativeFormat": str(channel.native_formats),
        "WriteFormat": str(channel.write_format),
        "ReadFormat": str(channel.read_format),
        "RawWriteFormat": str(channel.raw_write_format),
        "RawReadFormat": str(channel.raw_read_format),
        "WriteTranscode": "Yes" if channel.write_path is not None else "No",
        "ReadTranscode": "Yes" if channel.read_path is not None else "No",
        "CallGroup": ",".join(map(str, sorted(channel.call_group))),
        "PickupGroup": ",".join(map(str, sorted(channel.pickup_group))),
        "Application": channel.application or "(N/A)",
        "Data": channel.application_data or "(Empty)",
        "BridgeID": bridge.unique_id if bridge is not None else "(Not bridged)",
        "Context": channel.context,
        "Extension": channel.extension,
        "Priority": str(channel.priority),
        "CallID": channel.call_id,
    }
    lines = [f"Dumping Info For Channel: {channel.name}:", _RULE, "Info:"]
    lines += [f"{label + '=':<20}{value}" for label, value in rows.items()]
    lines += ["", "Variables:"]
    lines += [f"{variable}={value}" for variable, value in reversed(list(channel.variables))]
    logger.verbose(level, "\n".join([*lines, _RULE]))
