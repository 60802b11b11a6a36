"""The parking service: lots by name, their extensions, and calls that come, go and are taken out."""

from __future__ import annotations

import asyncio
import random
import re
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core import events, say
from globstar.core.announce import start_announcement
from globstar.core.attended import introduce
from globstar.core.bridge import Bridge, BridgeMember, LeaveReason
from globstar.core.channel import Channel, ChannelGone
from globstar.core.devicestate import DeviceState
from globstar.core.pbx import exists, leads_at_once, learn, plan_of
from globstar.core.playback import play_all
from globstar.core.twoparty import PartyRights, give_rights
from globstar.dialplan.context import HINT, PriorityInUse, Step
from globstar.modules.res.parking.lot import ParkedCall, ParkingLot, ParkRequest
from globstar.modules.res.parking.settings import DEFAULT_LOT, LotSettings, ParkingSettings, positions, read_parking

if TYPE_CHECKING:
    from collections.abc import Callable

    from globstar.core.system import System

logger = Logger("res_parking")

SERVICE = "parking"
#: Owner of the extensions that are made here; behind a slash stands the lot, for those of one lot.
REGISTRAR = "res_parking"
#: Context of the extensions that call back who parked.
PARK_DIAL = "park-dial"
_FLAT = re.compile(r"[^A-Za-z0-9_]")


def _is_ours(step: Step) -> bool:
    return step.registrar.partition("/")[0] == REGISTRAR


class ParkingService:
    """All lots of a system; see :class:`globstar.core.services.Parking`."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.lots: dict[str, ParkingLot] = {}
        self.settings = ParkingSettings()
        self._random = random.Random()

    # -- life --------------------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read res_parking.conf, again if need be: parked calls stay where they are, lots that are gone go when empty."""
        settings = read_parking(self.system.configuration.read("res_parking.conf"))
        self.settings = settings
        self._remove_extensions()
        for name, lot in list(self.lots.items()):
            if name not in settings.lots and not lot.calls and not lot.is_dynamic:
                self.lots.pop(name).close()
        for name, new in settings.lots.items():
            held = self.lots.get(name)
            if held is None:
                self._add(ParkingLot(self.system, new))
            else:
                held.settings = new
        for lot in self.lots.values():
            self._add_extensions(lot)

    def start(self) -> None:
        """Answer for the devices ``park:701@context``."""
        self.system.device_states.add_provider("park", self._device_state)

    def stop(self) -> None:
        """Take extensions and devices back; parked calls are let go."""
        for lot in self.lots.values():
            for call in list(lot.calls.values()):
                call.member.leave(LeaveReason.DISSOLVED)
            lot.close()
        self._remove_extensions()
        self.system.device_states.remove_provider("park")

    def _add(self, lot: ParkingLot) -> None:
        lot.on_expiry = self._expired
        self.lots[lot.name] = lot

    # -- extensions --------------------------------------------------------------------------------------------------

    def _add_extensions(self, lot: ParkingLot) -> None:
        settings = lot.settings
        context = settings.context
        steps: list[Step] = []
        registrar = f"{REGISTRAR}/{lot.name}"
        if settings.parkext:
            data, owner = (lot.name, registrar) if settings.parkext_exclusive else ("", REGISTRAR)
            steps.append(Step(context, settings.parkext, 1, "Park", data, registrar=owner))
        first, last = settings.parkpos
        for space in range(first, last + 1):
            steps.append(Step(context, str(space), 1, "ParkedCall", f"{lot.name},{space}", registrar=registrar))
            if settings.parkinghints:
                steps.append(Step(context, str(space), HINT, f"park:{space}@{context}", registrar=registrar))
        if steps:
            self.system.plan.add_context(context, registrar)
        for step in steps:
            try:
                self.system.plan.add_step(step)
            except PriorityInUse:
                logger.warning(f"lot '{lot.name}': {context},{step.extension} is in use already")

    def _remove_extensions(self) -> None:
        plan = self.system.plan
        for context in list(plan.contexts.values()):
            for extension in list(context.extensions):
                for registrar in {step.registrar for step in extension.steps.values() if _is_ours(step)}:
                    plan.remove_steps(context.name, extension.name, any_caller=True, registrar=registrar)

    def _device_state(self, name: str) -> DeviceState | None:
        space, _, context = name.partition("@")
        for lot in self.lots.values():
            first, last = lot.settings.parkpos
            if lot.settings.context == context and space.isdecimal() and first <= int(space[:9]) <= last:
                return DeviceState.INUSE if int(space) in lot.calls else DeviceState.NOT_INUSE
        return DeviceState.INVALID

    # -- lots --------------------------------------------------------------------------------------------------------

    def find_lot(self, channel: Channel, name: str = "") -> ParkingLot | None:
        """The lot of that name, or of the channel: PARKINGLOT, its own, or default. A dynamic one is made if that is allowed."""
        name = name or channel.variables.get("PARKINGLOT") or channel.parking_lot or DEFAULT_LOT
        lot = self.lots.get(name)
        if lot is None and self.settings.is_dynamic:
            lot = self._make_dynamic(channel, name)
        if lot is None:
            logger.warning(f"{channel.name}: there is no parking lot '{name}'")
        return lot

    def _make_dynamic(self, channel: Channel, name: str) -> ParkingLot | None:
        """A lot like the one that PARKINGDYNAMIC names, with the context, places and extension of the other variables."""
        variable = channel.variables.get
        template = self.lots.get(variable("PARKINGDYNAMIC") or DEFAULT_LOT)
        if template is None:
            return None
        settings = LotSettings()
        settings.__dict__.update(template.settings.__dict__)
        settings.name = name
        changes = {"context": variable("PARKINGDYNCONTEXT"), "parkext": variable("PARKINGDYNEXTEN")}
        for attribute, value in changes.items():
            if value:
                settings.__dict__[attribute] = value
        places = variable("PARKINGDYNPOS")
        if places:
            try:
                settings.__dict__["parkpos"] = positions(places)
            except ValueError as fault:
                logger.warning(f"{channel.name}: PARKINGDYNPOS={places}: {fault}")
                return None
        lot = ParkingLot(self.system, settings, is_dynamic=True)
        self._add(lot)
        self._add_extensions(lot)
        logger.verbose(3, f"parking lot '{name}' made for {channel.name}")
        return lot

    # -- parking -----------------------------------------------------------------------------------------------------

    def reserve(self, lot: ParkingLot, request: ParkRequest) -> int:
        """A free place; 0 if there is none."""
        return lot.find_space(request, self._random.getrandbits(30))

    def takes(self, channel: Channel, context: str, extension: str) -> bool:
        """Whether a transfer to the extension parks."""
        step = plan_of(channel).find(context, extension, 1)
        return step is not None and _is_ours(step) and step.app_name == "Park"

    def park_transferee(
        self, member: BridgeMember, context: str = "", extension: str = "", told: Callable[[], None] | None = None
    ) -> bool:
        """Park the one other member of the bridge of a phone, tell that phone the place, and let it go. False if that cannot be.

        ``told`` is called when it is certain, before anything happens.
        """
        parker = member.channel
        step = plan_of(parker).find(context, extension, 1) if extension else None
        lot = self.find_lot(parker, step.data if step is not None else "")
        if lot is None or len(member.peers) != 1:
            return False
        request = ParkRequest(parker=dial_string(parker), parker_channel=parker)
        space = self.reserve(lot, request)
        if not space:
            logger.warning(f"{parker.name}: parking lot '{lot.name}' is full")
            return False
        if told is not None:
            told()
        peer, bridge = member.peers[0], member.bridge
        peer.channel.set_variable("BLINDTRANSFER", parker.name)
        bridge.dissolve_on_hangup = False
        member.digit_filter = None
        peer.digit_filter = None
        lot.bridge.move(peer)
        lot.park(space, peer, request)
        task = parker.system.start_call_task(parker, self._tell_parker(member, space), "parking")

        def left(_member: BridgeMember, _reason: LeaveReason) -> None:
            if task is not asyncio.current_task():
                task.cancel()
            if not bridge.is_dissolved and len(bridge.members) < 2:
                bridge.dissolve()

        member.when_left(left)
        return True

    def park_by_code(self, member: BridgeMember) -> None:
        """The code parkcall was pressed."""
        if not member.is_apart and not self.park_transferee(member):
            start_announcement(member, ["pbx-parkingfailed"])

    async def _tell_parker(self, member: BridgeMember, space: int) -> None:
        try:
            await play_all(member.channel, say.say_digits(str(space), member.channel.language))
        except ChannelGone:
            return
        finally:
            if not member.left.done():
                member.leave(LeaveReason.DIGIT)

    # -- out again ---------------------------------------------------------------------------------------------------

    def _expired(self, call: ParkedCall) -> None:
        """The time is over: back to who parked, or where the lot says, which switches may have to find first."""
        channel, settings = call.channel, call.lot.settings
        is_given = call.request.comeback is not None or settings.comebacktoorigin
        places = () if is_given else (_FLAT.sub("_", call.request.parker), "s")
        if all(leads_at_once(channel, settings.comebackcontext, place) is not None for place in places):
            self._come_back(call)
            return

        async def ask() -> None:
            await learn(channel, settings.comebackcontext, places)
            if not call.is_over:
                self._come_back(call)

        self.system.start_call_task(channel, ask(), "parking comeback")

    def _come_back(self, call: ParkedCall) -> None:
        channel, request, settings = call.channel, call.request, call.lot.settings
        flat = _FLAT.sub("_", request.parker)
        for name, value in (
            ("PARKING_SPACE", str(call.space)),
            ("PARKEDLOT", call.lot.name),
            ("PARKER", request.parker),
            ("PARKER_FLAT", flat),
            ("BRIDGE_FEATURES", ""),
        ):
            channel.set_variable(name, value)
        destination = request.comeback or self._comeback(channel, settings, request.parker, flat)
        logger.verbose(3, f"{channel.name} comes back from parking to {destination[1]}@{destination[0]}")
        call.end()
        call.member.destination, call.member.goes_on_later = destination, True
        call.publish("ParkedCallTimeOut", destination=destination)
        call.member.leave(LeaveReason.KICKED)

    def _comeback(self, channel: Channel, settings: LotSettings, parker: str, flat: str) -> tuple[str, str, int]:
        if settings.comebacktoorigin:
            step = Step(PARK_DIAL, flat, 1, "Dial", f"{parker},{settings.comebackdialtime}", registrar=REGISTRAR)
            for plan in {id(plan): plan for plan in (self.system.plan, plan_of(channel))}.values():
                plan.add_step(step, replace=True)
            return PARK_DIAL, flat, 1
        for context, extension in ((settings.comebackcontext, flat), (settings.comebackcontext, "s")):
            if exists(channel, context, extension):
                return context, extension, 1
        return "default", "s", 1

    async def retrieve(self, retriever: Channel, call: ParkedCall) -> None:
        """Connect ``retriever``, whose owner calls this, with a parked call until they part."""
        lot, member = call.lot, call.member
        settings = lot.settings
        call.end()
        bridge = Bridge(self.system)
        self._give_rights(member, settings, "callee", is_caller=False)
        self.system.bus.publish(events.ParkedCallTaken(call.channel, retriever))
        bridge.move(member)
        call.publish("UnParkedCall", retriever=retriever)
        own = bridge.join(retriever)
        self._give_rights(own, settings, "caller", is_caller=True)
        bridge.reconsider("digit features of a call that was parked")
        introduce(bridge)
        if settings.courtesytone:
            for one, who in ((own, "caller"), (member, "callee")):
                if settings.parkedplay in (who, "both"):
                    start_announcement(one, [settings.courtesytone])
        try:
            await own.left
        except asyncio.CancelledError:
            own.leave(LeaveReason.HANGUP)
            raise

    def _give_rights(self, member: BridgeMember, settings: LotSettings, who: str, *, is_caller: bool) -> None:
        rights = PartyRights(
            settings.parkedcalltransfers in (who, "both"),
            settings.parkedcallhangup in (who, "both"),
            is_caller=is_caller,
            may_park=settings.parkedcallreparking in (who, "both"),
            may_record=settings.parkedcallrecording in (who, "both"),
        )
        give_rights(member, rights)


def dial_string(channel: Channel) -> str:
    """``PJSIP/alice`` of ``PJSIP/alice-00000001``."""
    return channel.name.rpartition("-")[0] or channel.name
