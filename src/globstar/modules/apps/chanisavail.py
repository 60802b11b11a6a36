"""Check channel availability."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.devicestate import DeviceState
from globstar.core.dialing import prepare_calls, request_channel
from globstar.core.registry import application
from globstar.core.tech import RequestFailed
from globstar.dialplan.arguments import argument, parse_options, split_arguments

logger = Logger("app_chanisavail")

_IDLE = (DeviceState.UNKNOWN, DeviceState.NOT_INUSE)


@application("ChanIsAvail", syntax="ChanIsAvail([Technology/Resource[&Technology2/Resource2...]][,options])")
async def chan_is_avail(channel: Channel, data: str) -> int:
    """Find out which of several devices can be called.

    AVAILCHAN is the channel that could be made for the first of them, AVAILORIGCHAN the device; both are empty if there is none.
    AVAILSTATUS is its device state, AVAILCAUSECODE why the last one failed.

    a: look at all of them; the lists are joined by &.
    s: a device that is in use at all is not available.
    t: look at the device state only.
    """
    arguments = split_arguments(data)
    options = parse_options(argument(arguments, 1), {"a": False, "s": False, "t": False}, logger.warning)
    names: list[str] = []
    devices: list[str] = []
    status = DeviceState.UNKNOWN
    cause = 0
    wanted = [device.strip() for device in argument(arguments, 0).split("&")]
    await prepare_calls(channel.system, wanted)
    for device in wanted:
        if not device:
            continue
        if "/" not in device:
            logger.warning(f"ChanIsAvail takes Technology/Resource, not '{device}'")
            return -1
        status = DeviceState.UNKNOWN
        if "s" in options or "t" in options:
            status = channel.system.device_states.state(device)
        if "t" in options:
            name = device if status in _IDLE else ""
        elif status not in _IDLE:
            name = ""
        else:
            name, cause = _try(channel, device)
        if name:
            names.append(name)
            devices.append(device)
            if "a" not in options:
                break
    channel.set_variable("AVAILCHAN", "&".join(names))
    channel.set_variable("AVAILORIGCHAN", "&".join(devices))
    channel.set_variable("AVAILSTATUS", str(int(status)))
    channel.set_variable("AVAILCAUSECODE", str(int(cause)))
    return 0


def _try(channel: Channel, device: str) -> tuple[str, int]:
    """Make a channel for the device and let it go: its name ("" if that fails) and the cause."""
    try:
        made = request_channel(channel.system, device, capabilities=channel.native_formats, requestor=channel)
    except RequestFailed as failed:
        return "", failed.cause
    name = made.name
    made.hangup()
    return name, 0
