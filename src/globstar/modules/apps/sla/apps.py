"""SLATrunk and SLAStation."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone
from globstar.core.frame import Control
from globstar.core.registry import application
from globstar.core.services import MusicOnHold
from globstar.dialplan.arguments import argument, parse_options, split_arguments
from globstar.modules.apps.sla.lines import Line, LineState, Trunk
from globstar.modules.apps.sla.service import SlaService, service_of

logger = Logger("app_sla")


@application("SLATrunk", syntax="SLATrunk(trunk[,options])")
async def sla_trunk(channel: Channel, data: str) -> int:
    """A call comes in on a shared line: its stations ring, and the first to answer takes the call.

    The caller hears ringing meanwhile. Stations may hold the call, take it back and join it, as sla.conf allows. Options:

    M([class]): the caller hears music on hold instead of ringing.

    SLATRUNK_STATUS is SUCCESS, UNANSWERED (the caller hung up first), RINGTIMEOUT (nobody answered in time), or FAILURE (there is
    no such trunk, or it is in use).
    """
    arguments = split_arguments(data)
    options = parse_options(argument(arguments, 1), {"M": True}, lambda problem: logger.warning(f"SLATrunk: {problem}"))
    trunk = service_of(channel.system).trunks.get(argument(arguments, 0))
    if trunk is None or not trunk.is_idle:
        what = f"trunk '{argument(arguments, 0)}'"
        logger.error(f"SLATrunk: {what} is in use" if trunk is not None else f"SLATrunk: there is no {what}")
        channel.set_variable("SLATRUNK_STATUS", "FAILURE")
        return 0
    status = "UNANSWERED"
    try:
        if await _ring(channel, trunk, options.get("M") if "M" in options else None):
            status = "SUCCESS"
            channel.answer_at_once()
            await trunk.attend(channel)
        else:
            status = "RINGTIMEOUT"
    finally:
        channel.set_variable("SLATRUNK_STATUS", status)
    return 0


async def _ring(channel: Channel, trunk: Trunk, music_class: str | None) -> bool:
    """Wait for a station; whether one answered."""
    answered = trunk.ring(channel)
    music = channel.system.service("music on hold", MusicOnHold)  # type: ignore[type-abstract]
    is_answered = False
    try:
        if music_class is None or music is None or not music.start(channel, music_class):
            channel.indicate(Control.RINGING)
        is_answered = bool(await channel.wait_for(answered))
    finally:
        channel.stop_generator()
        if not is_answered:
            trunk.reset()
    return is_answered


@application("SLAStation", syntax="SLAStation(station)")
async def sla_station(channel: Channel, data: str) -> int:
    """A station of a shared line was picked up, or one of its keys pressed.

    ``station`` takes the line that rings, else the first that is free; ``station_trunk`` is the key of one line: it answers the
    call that rings, takes back or joins the one that is there, or calls out. SLASTATION_STATUS is SUCCESS, CONGESTION (no line is
    free, or this one may not be joined) or FAILURE (there is no such station).
    """
    name = argument(split_arguments(data), 0)
    if not name:
        logger.warning("SLAStation requires an argument (station)")
        channel.set_variable("SLASTATION_STATUS", "FAILURE")
        return 0
    status = "FAILURE"
    try:
        status = await _pick_up(channel, service_of(channel.system), name)
    except ChannelGone:
        status = "SUCCESS"
        raise
    finally:
        channel.set_variable("SLASTATION_STATUS", status)
    return 0


async def _pick_up(channel: Channel, service: SlaService, name: str) -> str:
    station = service.stations.get(name)
    line = service.lines.get(name)
    if station is not None:
        line = station.ringing_line() or next((one for one in station.lines if one.trunk.is_idle), None)
        if line is None:
            return "CONGESTION"
    if line is None:
        logger.warning(f"SLAStation: there is no station '{name}'")
        return "FAILURE"
    if line.channel is not None or not await _take(channel, line):
        return "CONGESTION"
    await line.talk(channel)
    return "SUCCESS"


async def _take(channel: Channel, line: Line) -> bool:
    """Make the line ready for the station; False if it may not have it."""
    trunk = line.trunk
    if trunk.is_ringing:
        trunk.answer()
        return True
    if line.state in (LineState.ONHOLD, LineState.ONHOLD_BYME):
        if not trunk.may_retrieve(line):
            return False
        trunk.retrieve()
        return True
    if trunk.is_idle:
        return await trunk.dial(channel)
    return trunk.settings.may_barge and trunk.outgoing is None
