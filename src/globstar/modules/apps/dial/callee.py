"""Called channels: what they are told before the call, and what becomes of them after it."""

from __future__ import annotations

import copy

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.bridge import BridgeMember, LeaveReason
from globstar.core.cause import Cause
from globstar.core.channel import Channel
from globstar.core.dialing import show_application
from globstar.core.features import inherit_features
from globstar.core.groups import ChannelGroups
from globstar.core.party import Connected
from globstar.core.pbx import continue_in_dialplan, parse_goto, run_hangup_handlers
from globstar.core.pickup import release_of
from globstar.dialplan.arguments import bar_to_comma
from globstar.modules.apps.dial.options import DialArguments

logger = Logger("app_dial")

#: Key in ``channel.data`` of a callee whose own caller id was unknown and is therefore no news for the caller.
NO_CALLER_ID = "callee without caller id"


def prepare(caller: Channel, callee: Channel, number: str, arguments: DialArguments, *, is_forward: bool = False) -> None:
    """Tell a requested channel about the call: variables, place, parties."""
    if not is_forward:
        callee.variables.set("DIALEDPEERNUMBER", number)
    caller.variables.inherit_to(callee)
    inherit_features(caller, callee)
    _join_group(caller, callee)
    if not is_forward:  # the context stays that of the callee's endpoint
        callee.extension = caller.extension
    callee.priority = 1
    callee.call_id = caller.call_id
    callee.music_class = callee.music_class or caller.music_class
    callee.parking_lot = callee.parking_lot or caller.parking_lot
    if "c" in arguments.letters:
        callee.hangup_cause = Cause.ANSWERED_ELSEWHERE
    has_caller_id = _set_own_party(caller, callee, arguments, is_forward)
    if is_forward and not has_caller_id:
        callee.system.bus.publish(events.CallerIdChanged(callee))
    party = arguments.forced_party or (arguments.forced_on_forward if is_forward else None)
    callee.connected = Connected((party or caller.caller.id).copy(), caller.caller.ani.copy(), ani2=caller.caller.ani2)
    if caller.dialed.transit_network_select:
        callee.dialed.transit_network_select = caller.dialed.transit_network_select
    if caller.is_redirected:
        callee.redirecting = copy.deepcopy(caller.redirecting)
    show_application(callee, "AppDial", "(Outgoing Line)")
    if not is_forward and not has_caller_id and callee.system.heard.caller_id_changed:
        callee.system.bus.publish(events.CallerIdChanged(callee))
    told = callee.connected.id
    if (told.number.valid or told.name.valid) and callee.system.heard.connected_line_changed:
        callee.system.bus.publish(events.ConnectedLineChanged(callee))


def _join_group(caller: Channel, callee: Channel) -> None:
    """Put the callee into the group that OUTBOUND_GROUP_ONCE (for one Dial) or OUTBOUND_GROUP of the caller names."""
    name = caller.variables.get("OUTBOUND_GROUP_ONCE") or caller.variables.get("OUTBOUND_GROUP")
    groups = caller.system.service("groups", ChannelGroups) if name else None
    if name and groups is not None:
        group, _, category = name.partition("@")
        groups.put(callee, group, category)


def _set_own_party(caller: Channel, callee: Channel, arguments: DialArguments, is_forward: bool) -> bool:
    """Who the callee is: what its technology knows, or else the number that was dialled. True if it was known.

    A caller who was connected to somebody before gets that name with the number that it dials now.
    """
    if arguments.own_party is not None:
        callee.caller.id = arguments.own_party.copy()
        return False
    if callee.caller.id.number.valid:
        return True
    if caller.connected.id.number.valid and not is_forward:
        callee.caller.id = caller.connected.id.copy()
    else:
        callee.data[NO_CALLER_ID] = True
    callee.caller.id.set_number(caller.macro_extension or caller.extension)
    return False


def end_callee(callee: Channel, cause: int = 0) -> None:
    """Let go of a called channel: hang it up after the hangup handlers that were pushed on it.

    One that picked up the call goes back to its owner.
    """
    release = release_of(callee)
    if release is not None:
        release()
        return
    if callee.is_hung_up:
        return
    if cause and not callee.hangup_cause:
        callee.hangup_cause = cause
    if callee.hangup_handlers and "ending" not in callee.data:
        callee.data["ending"] = True
        callee.system.start_call_task(callee, _run_end(callee, has_h=False), "hangup handlers")
    elif "ending" not in callee.data:
        callee.hangup()


async def _run_end(callee: Channel, *, has_h: bool) -> None:
    try:
        if not has_h:
            callee.data["skip_h"] = True
        await run_hangup_handlers(callee)
    finally:
        callee.hangup()


class CalleeEnd:
    """Decides what becomes of an answered callee when it is out of the bridge."""

    __slots__ = ("arguments", "caller", "context", "extension", "priority", "release")

    def __init__(self, caller: Channel, arguments: DialArguments) -> None:
        self.arguments = arguments
        self.caller = caller
        self.context, self.extension, self.priority = caller.context, caller.extension, caller.priority

    def __call__(self, member: BridgeMember, reason: LeaveReason) -> None:
        """The callee left: sent elsewhere, going on by itself (option F), running h (option e), or hung up."""
        callee = member.channel
        if release_of(callee) is not None:
            end_callee(callee)
            return
        if callee.is_hung_up or continue_in_dialplan(callee):
            return
        may_go_on = not callee.soft_hangup and reason is not LeaveReason.LIMIT
        if "F" in self.arguments.letters and may_go_on and self._go_on(callee):
            return
        if "e" in self.arguments.letters:
            callee.context = self.context
            callee.data["ending"] = True
            callee.system.start_call_task(callee, _run_end(callee, has_h=True), "h extension")
            return
        end_callee(callee)

    def _go_on(self, callee: Channel) -> bool:
        """Option F: start the dialplan on the callee where it says, or at the caller's next priority."""
        text = self.arguments.options.get("F")
        if text:
            callee.context, callee.extension = self.context, self.extension
            place = parse_goto(callee, bar_to_comma(text))
            if place is None:
                return False
        else:
            place = (self.context, self.extension, self.priority + 1)
        callee.context, callee.extension, callee.priority = place
        callee.system.start_pbx(callee)
        return True
