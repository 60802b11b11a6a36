"""The applications of parking."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core import say
from globstar.core.announce import start_announcement
from globstar.core.channel import Channel, ChannelState
from globstar.core.dialing import Origination, originate
from globstar.core.pbx import parse_goto
from globstar.core.playback import play_all
from globstar.core.registry import application
from globstar.dialplan.arguments import ParsedOptions, argument, bar_to_comma, parse_options, split_arguments
from globstar.modules.res.parking.lot import ParkedCall, ParkingLot, ParkRequest, wait_until_out
from globstar.modules.res.parking.service import SERVICE, ParkingService, dial_string

logger = Logger("res_parking")

_OPTIONS = {"r": False, "R": False, "s": False, "c": True, "t": True}


def _service(channel: Channel) -> ParkingService:
    service = channel.system.service(SERVICE, ParkingService)
    assert service is not None
    return service


def _request(channel: Channel, options: ParsedOptions) -> ParkRequest:
    """What options and variables ask for. The parker is who transferred the channel, else the channel itself."""
    variables = channel.variables
    transferer = variables.own("BLINDTRANSFER") or variables.own("ATTENDEDTRANSFER") or ""
    parker = channel.system.channels.get(transferer)
    wanted = variables.get("PARKINGEXTEN") or ""
    timeout = options.get("t") if "t" in options else ""
    place = parse_goto(channel, bar_to_comma(options.get("c"))) if "c" in options else None
    return ParkRequest(
        parker=(transferer.rpartition("-")[0] or transferer) if transferer else dial_string(channel),
        parker_channel=parker,
        space=int(wanted) if wanted.isdecimal() and len(wanted) < 10 else 0,
        is_random="R" in options,
        is_ringing="r" in options,
        timeout=int(timeout) if timeout.isdecimal() and len(timeout) < 10 else None,
        comeback=place,
    )


async def _enter(channel: Channel, lot: ParkingLot, request: ParkRequest, *, is_spoken_to: bool = False) -> ParkedCall | None:
    """Park the channel itself; None if the lot is full."""
    if channel.state is not ChannelState.UP:
        await channel.answer(0)
    space = _service(channel).reserve(lot, request)
    if not space:
        logger.warning(f"{channel.name}: parking lot '{lot.name}' has no place")
        await play_all(channel, ["pbx-parkingfailed"])
        return None
    return lot.park(space, lot.bridge.join(channel), request, is_spoken_to=is_spoken_to)


@application("Park", syntax="Park([parking_lot_name][,options])")
async def park(channel: Channel, data: str) -> int:
    """Park the call in a free place of a lot, from which ParkedCall takes it.

    The lot is the named one, or that of PARKINGLOT, CHANNEL(parkinglot), or default. PARKINGEXTEN asks for a certain place. After
    its time the call goes back to who parked it, or where the lot says. With parkeddynamic in res_parking.conf a lot that does
    not exist is made after PARKINGDYNAMIC, PARKINGDYNCONTEXT, PARKINGDYNEXTEN and PARKINGDYNPOS.

    r: ringing instead of music.
    R: a random place.
    s: do not say the place.
    c(place): where the call goes after its time.
    t(seconds): that time.
    """
    arguments = split_arguments(data)
    options = parse_options(argument(arguments, 1), _OPTIONS, lambda problem: logger.warning(f"Park: {problem}"))
    lot = _service(channel).find_lot(channel, argument(arguments, 0))
    if lot is None:
        await play_all(channel, ["pbx-parkingfailed"])
        return 0
    says_place = "s" not in options and not channel.variables.own("BLINDTRANSFER")
    call = await _enter(channel, lot, _request(channel, options), is_spoken_to=says_place)
    if call is None:
        return 0
    if says_place:
        saying = start_announcement(call.member, say.say_digits(str(call.space), channel.language))
        saying.add_done_callback(lambda _: call.entertain())
    await wait_until_out(call.member)
    return -1


@application("ParkedCall", syntax="ParkedCall([parking_lot_name][,parking_space])")
async def parked_call(channel: Channel, data: str) -> int:
    """Take a parked call out of its place and talk to it; without a place the one that waits longest.

    If nobody is parked there the caller hears so, and the dialplan goes on with the next priority only if the caller stays.
    """
    arguments = split_arguments(data)
    lot = _service(channel).find_lot(channel, argument(arguments, 0))
    wanted = argument(arguments, 1)
    call: ParkedCall | None = None
    if lot is not None:
        call = lot.calls.get(int(wanted)) if wanted.isdecimal() and len(wanted) < 10 else None if wanted else lot.oldest()
    await channel.answer(0)
    if call is None or call.is_over:
        logger.verbose(3, f"{channel.name}: no call is parked at {wanted or 'any place'}")
        await play_all(channel, ["pbx-invalidpark"])
        return -1
    await _service(channel).retrieve(channel, call)
    return -1


@application("ParkAndAnnounce", syntax="ParkAndAnnounce([parking_lot_name][,options],announce_template,dial)")
async def park_and_announce(channel: Channel, data: str) -> int:
    """Park the call and tell somebody where: ``dial`` is called and hears the announcement.

    The announcement is a list of sounds, separated by colons; PARKED stands for the number of the place. Options are
    those of Park.
    """
    arguments = split_arguments(data)
    options = parse_options(argument(arguments, 1), _OPTIONS, lambda problem: logger.warning(f"ParkAndAnnounce: {problem}"))
    template, dialled = argument(arguments, 2), argument(arguments, 3)
    if not template or "/" not in dialled:
        logger.warning("ParkAndAnnounce requires an announcement and whom to call")
        return -1
    lot = _service(channel).find_lot(channel, argument(arguments, 0))
    call = await _enter(channel, lot, _request(channel, options)) if lot is not None else None
    if call is None:
        return 0
    channel.set_variable("PARKEDAT", str(call.space))
    language = channel.language
    sounds: list[str] = []
    for part in template.split(":"):
        sounds += say.say_digits(str(call.space), language) if part.strip() == "PARKED" else [part.strip()]
    what = Origination(
        dial_string=dialled,
        application="Playback",
        data="&".join(sound for sound in sounds if sound),
        caller_id=f"{channel.caller.id.name.text} <{channel.caller.id.number.text}>",
    )
    channel.system.tasks.start(originate(channel.system, what), name=f"parking announcement of {channel.name}")
    await wait_until_out(call.member)
    return -1
