"""Channels: their state, variables, and what can be done to them."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from globstar.base.regex import BadPattern, compile_regex
from globstar.core.cause import parse_cause
from globstar.core.channel import Channel, SoftHangup
from globstar.core.cli import duration_text
from globstar.core.features import settings_for
from globstar.core.frame import digit_end
from globstar.core.functions import FunctionError, confined
from globstar.core.local import LocalTech
from globstar.core.manager import (
    ActionFault,
    ActionRequest,
    Answer,
    ListItem,
    Permission,
    channel_fields,
    failure,
    known,
    listing,
    manager_action,
    requested_channel,
    success,
)
from globstar.core.nobody import channel_of_nobody
from globstar.core.pbx import learn, resolve_priority
from globstar.core.transfer import TransferOutcome, redirect_both, transfer_context, transfer_others

SYSTEM, CALL, REPORTING = Permission.SYSTEM, Permission.CALL, Permission.REPORTING
#: What can be pressed, and how long a digit is that an action presses.
DIGITS = "0123456789*#ABCD"
PRESSED_MS = 100
#: What can be written without a channel; other functions say that they need one.
_WRITTEN_ANYWHERE = frozenset(
    "AST_SORCERY DB DB_DELETE DEVICE_STATE ENV EXPORT FILE GLOBAL GLOBAL_DELETE PRESENCE_STATE QUEUE_MEMBER"
    " QUEUE_MEMBER_PENALTY QUEUE_VARIABLES REALTIME REALTIME_STORE SHARED".split()
)
Lines = list[tuple[str, "str | None"]]


def _groups(numbers: frozenset[int]) -> str:
    return str(sum(1 << number for number in numbers))


def _bridge_id(channel: Channel) -> str:
    member = channel.bridge_member
    return member.bridge.unique_id if member is not None else ""


def _status_fields(channel: Channel, names: list[str], *, shows_all: bool) -> Lines:
    now = channel.system.now()
    fields: Lines = [("Privilege", "Call"), *channel_fields(channel)]
    left = int(channel.when_to_hangup - now) if channel.when_to_hangup is not None else 0
    fields += [
        ("Type", channel.tech.name),
        ("DNID", channel.dialed.number),
        ("EffectiveConnectedLineNum", known(channel.connected.id.number)),
        ("EffectiveConnectedLineName", known(channel.connected.id.name)),
        ("TimeToHangup", str(left)),
        ("BridgeID", _bridge_id(channel)),
        ("Application", channel.application),
        ("Data", channel.application_data),
        ("Nativeformats", f"({'|'.join(format.name for format in channel.native_formats)})"),
        ("Readformat", channel.read_format.name),
        ("Readtrans", ""),
        ("Writeformat", channel.write_format.name),
        ("Writetrans", ""),
        ("Callgroup", _groups(channel.call_group)),
        ("Pickupgroup", _groups(channel.pickup_group)),
        ("Seconds", str(int(now - channel.created_at))),
    ]
    if shows_all:
        fields += [("Variable", f"{name}={value}") for name, value in channel.variables]
    fields += [("Variable", f"{name}={_read(channel, name)}") for name in names]
    return fields


def _read(channel: Channel, name: str) -> str:
    if name.endswith(")"):
        function, _, args = name.partition("(")
        return channel.call_function(function, args.removesuffix(")"))
    return channel.get_variable(name) or ""


@manager_action("Status", SYSTEM | CALL | REPORTING, synopsis="List channel status.")
def status(request: ActionRequest) -> Answer:
    """List one channel or all of them, with the variables that ``Variables`` names or, with ``AllVariables``, every one."""
    channels = [requested_channel(request)] if request.get("Channel") else list(request.system.channels.values())
    names = [name.strip() for text in request.get_all("Variables") for name in text.split(",") if name.strip()]
    shows_all = request.get("AllVariables").lower() in ("true", "yes", "1", "on")
    items = [ListItem("Status", _status_fields(channel, names, shows_all=shows_all), id_last=True) for channel in channels]
    return listing("Channel status will follow", "StatusComplete", items, ("Items", str(len(items))))


@manager_action("CoreShowChannels", SYSTEM | REPORTING, synopsis="List currently active channels.")
def core_show_channels(request: ActionRequest) -> Answer:
    """List every channel with what it does and for how long."""
    now = request.system.now()
    items = []
    for channel in request.system.channels.values():
        fields = channel_fields(channel)
        fields += [("Application", channel.application), ("ApplicationData", channel.application_data)]
        fields += [("Duration", duration_text(now - channel.created_at)), ("BridgeId", _bridge_id(channel))]
        items.append(ListItem("CoreShowChannel", fields))
    return listing("Channels will follow", "CoreShowChannelsComplete", items)


@manager_action("CoreShowChannelMap", SYSTEM | REPORTING, synopsis="List all channels connected to the specified channel.")
def core_show_channel_map(request: ActionRequest) -> Answer:
    """List the channels that a channel is connected to by bridges, and by Local channels from one half to the other."""
    channel = requested_channel(request)
    items = [
        ListItem("CoreShowChannelMap", (("Channel", channel.name), ("ConnectedChannel", name))) for name in _reached(channel)
    ]
    return listing("Channel map will follow", "CoreShowChannelMapComplete", items)


def _reached(channel: Channel) -> list[str]:
    """The names of the channels that are connected to a channel, the nearest first."""
    found = [channel]
    for near in found:
        member = near.bridge_member
        next_ones = [peer.channel for peer in member.peers] if member is not None else []
        if isinstance(near.tech, LocalTech):
            half = near.system.channels.get(near.name[:-1] + ("2" if near.name.endswith("1") else "1"))
            next_ones += [half] if half is not None else []
        found += [one for one in next_ones if one not in found]
    return [one.name for one in found[1:]]


@manager_action("Hangup", SYSTEM | CALL, synopsis="Hangup channel.")
def hangup(request: ActionRequest) -> Answer:
    """Hang up a channel, or every channel whose name a ``/regular expression/`` fits. No event tells of the request itself."""
    name = request.get("Channel")
    if not name:
        return failure("No channel specified")
    text = request.get("Cause")
    cause = parse_cause(text) if text else None
    if text and (cause is None or not 0 <= cause <= 127):
        cause = None
    if len(name) > 1 and name.startswith("/") and name.endswith("/"):
        try:
            pattern = compile_regex(name[1:-1])
        except BadPattern:
            return failure(f"Regex compile error in: {name}")
        chosen = [channel for key, channel in request.system.channels.items() if pattern.is_in(key)]
        items = [ListItem("ChannelHungup", (("Channel", channel.name),)) for channel in chosen]
        for channel in chosen:
            channel.request_hangup(SoftHangup.EXPLICIT, cause or 0, is_told=False)
        return listing("Channels hung up will follow", "ChannelsHungupListComplete", items)
    requested_channel(request).request_hangup(SoftHangup.EXPLICIT, cause or 0, is_told=False)
    return success("Channel Hungup")


@manager_action("Getvar", CALL | REPORTING, synopsis="Gets a channel variable or function value.")
async def getvar(request: ActionRequest) -> Answer:
    """Give the value of a variable or function, of a channel or without one."""
    name = request.get("Variable")
    if not name:
        return failure("No variable specified")
    channel = requested_channel(request) if request.get("Channel") else None
    if name.endswith(")"):
        function, _, args = name.partition("(")
        if function not in request.system.function_registry:
            return failure("No such variable")
        _check_danger(request, function, is_write=False)
        owner = channel if channel is not None else channel_of_nobody(request.system)
        with _bounds(request):
            value = await request.system.functions.read_async(owner, function, args.removesuffix(")"))
    else:
        value = (channel.get_variable(name) if channel is not None else request.system.globals.get(name)) or ""
    return success(None, ("Variable", name), ("Value", value))


def _bounds(request: ActionRequest) -> AbstractContextManager[None]:
    return nullcontext() if request.system.options.live_dangerously else confined()


def _check_danger(request: ActionRequest, function: str, *, is_write: bool) -> None:
    spec = request.system.function_registry.get(function)
    if spec is None or request.system.options.live_dangerously:
        return
    if spec.is_dangerous or (is_write and spec.is_dangerous_to_write):
        raise ActionFault("Operation not permitted" if is_write else "No such variable")


@manager_action("Setvar", CALL, synopsis="Sets a channel variable or function value.")
async def setvar(request: ActionRequest) -> Answer:
    """Set a variable or function of a channel, or a global variable."""
    name = request.get("Variable")
    if not name:
        return failure("No variable specified")
    channel = requested_channel(request) if request.get("Channel") else None
    value = request.get("Value")
    if name.endswith(")"):
        function, _, args = name.partition("(")
        _check_danger(request, function, is_write=True)
        owner = channel_of_nobody(request.system) if channel is None and function in _WRITTEN_ANYWHERE else channel
        try:
            with _bounds(request):
                waiting: Any = request.system.functions.write(owner, function, args.removesuffix(")"), value)
                if inspect.isawaitable(waiting):
                    await waiting
        except FunctionError:
            return failure("Operation failed")
    elif channel is not None:
        channel.set_variable(name, value)
    else:
        request.system.globals.set(name, value)
    return success("Variable Set")


def _place(request: ActionRequest, channel: Channel, extra: str = "") -> tuple[str, str, int]:
    context = request.get(f"{extra}Context", channel.context)
    extension = request.get(f"{extra}Exten", channel.extension)
    priority = resolve_priority(channel, context, extension, request.get(f"{extra}Priority", "1"))
    if priority is None:
        raise ActionFault("Invalid priority")
    return context, extension, priority


@manager_action("Redirect", CALL, synopsis="Redirect (transfer) a call.")
def redirect(request: ActionRequest) -> Answer:
    """Send a channel, or two that are bridged, to places in the dialplan."""
    if not request.get("Channel"):
        return failure("Channel not specified")
    try:
        channel = requested_channel(request)
    except ActionFault:
        return failure("Channel does not exist")
    place = _place(request, channel)
    if channel.is_hung_up or channel.soft_hangup & ~SoftHangup.ASYNC_GOTO:
        return failure("Redirect failed, channel not up.")
    if not request.get("ExtraChannel"):
        channel.redirect(*place)
        return success("Redirect successful")
    try:
        second = requested_channel(request, "ExtraChannel")
    except ActionFault:
        return failure("ExtraChannel does not exist")
    has_own = any(request.get(f"Extra{name}") for name in ("Context", "Exten", "Priority"))
    redirect_both(channel, place, second, _place(request, second, "Extra") if has_own else place)
    return success("Dual Redirect successful")


async def _press(channel: Channel, digits: str) -> None:
    """Let a channel press digits, as if its endpoint had."""
    for digit in digits:
        if not channel.is_hung_up:
            channel.deliver(digit_end(digit, PRESSED_MS))


@manager_action("Atxfer", CALL, synopsis="Attended transfer.")
async def atxfer(request: ActionRequest) -> Answer:
    """Press the code of an attended transfer and the extension for a channel; without the right to it they are mere digits."""
    if not request.get("Channel"):
        return failure("No channel specified")
    extension = request.get("Exten")
    if not extension:
        return failure("No extension specified")
    channel = _existing(request)
    code = settings_for(channel).atxfer
    if not code or any(digit.upper() not in DIGITS for digit in extension):
        return failure("Atxfer failed: there is no code for it" if not code else "Invalid extension")
    if request.get("Context"):
        channel.set_variable("TRANSFER_CONTEXT", request.get("Context"))
    await _press(channel, code)
    for _ in range(2):  # the feature has taken the channel apart then and hears the extension
        await asyncio.sleep(0)
    await _press(channel, extension)
    return success("Atxfer successfully queued")


@manager_action("CancelAtxfer", CALL, synopsis="Cancel an attended transfer.")
async def cancel_atxfer(request: ActionRequest) -> Answer:
    """Press the code that ends an attended transfer and goes back to the conversation."""
    if not request.get("Channel"):
        return failure("No channel specified")
    channel = _existing(request)
    code = settings_for(channel).attended_abort
    if not code:
        return failure("CancelAtxfer failed: there is no code for it")
    await _press(channel, code)
    return success("CancelAtxfer successfully queued")


def _existing(request: ActionRequest) -> Channel:
    try:
        return requested_channel(request)
    except ActionFault:
        raise ActionFault("Channel specified does not exist") from None


@manager_action("BlindTransfer", CALL, synopsis="Blind transfer channel(s) to the given destination")
async def blind_transfer(request: ActionRequest) -> Answer:
    """Send whoever the channel is bridged with to an extension."""
    if not request.get("Channel"):
        return failure("No channel specified")
    extension = request.get("Exten")
    if not extension:
        return failure("No extension specified")
    channel = _existing(request)
    context = request.get("Context") or transfer_context(channel)
    await learn(channel, context, [extension])
    outcome = transfer_others(channel, context, extension)
    if outcome is TransferOutcome.SUCCESS:
        return success("Transfer succeeded")
    return failure("Transfer invalid" if outcome is TransferOutcome.INVALID else "Transfer failed")


@manager_action("AbsoluteTimeout", SYSTEM | CALL, synopsis="Set absolute timeout.")
def absolute_timeout(request: ActionRequest) -> Answer:
    """Hang up a channel in some seconds; 0 forbids it."""
    channel = requested_channel(request)
    text = request.get("Timeout")
    if not text:
        return failure("No timeout specified")
    try:
        seconds = float(text)
    except ValueError:
        return failure("Invalid timeout")
    if not 0 <= seconds < 1e9:
        return failure("Invalid timeout")
    channel.set_absolute_timeout(seconds or None)
    return success("Timeout Set")
