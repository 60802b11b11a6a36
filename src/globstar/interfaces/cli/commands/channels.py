"""core show channels, channel ..., bridges and hints."""

from __future__ import annotations

from globstar.core.bridge import LeaveReason
from globstar.core.bridgetech import BridgeCapability, suspend
from globstar.core.channel import Channel
from globstar.core.cli import CliFailure, CliUsage, by_place, cli_command, duration_text, plural
from globstar.core.cli_data import CliText
from globstar.core.devicestate import EXTENSION_STATE_TEXT
from globstar.core.dialing import Origination, originate
from globstar.core.format import MediaType
from globstar.core.pbx import parse_goto
from globstar.core.system import System


def _every_channel(system: System) -> list[str]:
    return list(system.channels)


def _channel_names(system: System, args: list[str]) -> list[str]:
    return _every_channel(system)


def _age(channel: Channel) -> float:
    return channel.system.now() - channel.created_at


def _count_lines(system: System) -> str:
    active = len(system.channels)
    return (
        f"{plural(active, 'active channel')}\n{plural(active_calls(system), 'active call')}\n"
        f"{plural(system.calls_processed, 'call')} processed\n"
    )


def active_calls(system: System) -> int:
    """Channels that run a dialplan of their own; the legs that they dialled are part of the same call."""
    return sum("pbx" in channel.data for channel in system.channels.values())


@cli_command(
    "core show channels",
    usage="core show channels [concise|verbose|count]",
    complete=lambda system, args: ["concise", "verbose", "count"],
)
def show_channels(system: System, args: list[str]) -> str:
    """List the channels.

    concise is made for programs, verbose shows more columns, count only the totals.
    """
    how = args[0] if args else ""
    if len(args) > 1 or how not in ("", "concise", "verbose", "count"):
        raise CliUsage
    lines = []
    if how == "verbose":
        lines.append(
            f"{'Channel':<80} {'Context':<24} {'Extension':<24} {'Prio':>4} {'State':<7} {'Application':<12} {'Data':<25} "
            f"{'CallerID':<15} {'Duration':<8} {'Accountcode':<11} {'PeerAccount':<11} {'BridgeID':<20}"
        )
    elif how == "":
        lines.append(f"{'Channel':<64} {'Location':<32} {'State':<7} {'Application(Data)':<30}")
    for channel in system.channels.values():
        bridge = channel.bridge_member.bridge.unique_id if channel.bridge_member is not None else ""
        number = channel.caller.id.number.text
        duration = _age(channel)
        if how == "concise":
            fields = [
                channel.name, channel.context, channel.extension, str(channel.priority), channel.state_text,
                channel.application or "(None)", channel.application_data, number, channel.account_code, channel.peer_account,
                str(channel.ama_flags), str(int(duration)), bridge, channel.unique_id,
            ]  # fmt: skip
            lines.append("!".join(fields))
        elif how == "verbose":
            lines.append(
                f"{channel.name:<80} {channel.context:<24} {channel.extension:<24} {channel.priority:>4} "
                f"{channel.state_text:<7} {channel.application or '(None)':<12} "
                f"{(channel.application_data or '(Empty)')[:25]:<25} "
                f"{number[:15]:<15} {duration_text(duration):<8} {channel.account_code[:11]:<11} "
                f"{channel.peer_account[:11]:<11} {bridge[:20]:<20}"
            )
        elif how == "":
            location = f"{channel.extension}@{channel.context}:{channel.priority}" if channel.extension else "(None)"
            application = f"{channel.application}({channel.application_data})" if channel.application else "(None)"
            lines.append(f"{channel.name:<64} {location:<32} {channel.state_text:<7} {application:<30}")
    if how == "count":
        counts = {"channels": len(system.channels), "calls": active_calls(system), "calls_processed": system.calls_processed}
        return CliText(_count_lines(system), counts)
    text = "\n".join(lines) if how == "concise" else "\n".join([*lines, _count_lines(system)])
    return CliText(text, [_channel_data(channel) for channel in system.channels.values()])


def _channel_data(channel: Channel) -> dict[str, object]:
    """What ``core show channels --json`` tells of a channel."""
    return {
        "channel": channel.name, "context": channel.context, "extension": channel.extension, "priority": channel.priority,
        "state": channel.state_text, "application": channel.application, "data": channel.application_data,
        "caller_id": channel.caller.id.number.text, "connected_line": channel.connected.id.number.text,
        "account_code": channel.account_code, "peer_account": channel.peer_account, "duration": int(_age(channel)),
        "bridge": channel.bridge_member.bridge.unique_id if channel.bridge_member is not None else "",
        "unique_id": channel.unique_id, "linked_id": channel.linked_id, "call_id": channel.call_id,
    }  # fmt: skip


@cli_command("core show calls", usage="core show calls [uptime [seconds]]", complete=by_place(("uptime",), ("seconds",)))
def show_calls(system: System, args: list[str]) -> str:
    """Count the calls that run and that have run."""
    text = f"{plural(active_calls(system), 'active call')}\n{plural(system.calls_processed, 'call')} processed\n"
    if args[:1] == ["uptime"]:
        text += f"System uptime: {int(system.wall_time() - system.started_wall)} seconds\n"
    return CliText(text, {"calls": active_calls(system), "calls_processed": system.calls_processed})


@cli_command("core show channel", usage="core show channel <channel>", complete=_channel_names)
def show_channel(system: System, args: list[str]) -> str:
    """Show everything about one channel."""
    if len(args) != 1:
        raise CliUsage
    channel = system.find_channel(args[0])
    if channel is None:
        return f"{args[0]} is not a known channel"

    def known(text: str) -> str:
        return text or "(N/A)"

    caller, connected = channel.caller.id, channel.connected.id
    age = int(_age(channel))
    left = channel.when_to_hangup
    bridge = channel.bridge_member.bridge if channel.bridge_member is not None else None
    read, write = channel.read_path, channel.write_path
    lines = [
        " -- General --",
        f"           Name: {channel.name}",
        f"           Type: {channel.tech.name}",
        f"       UniqueID: {channel.unique_id}",
        f"       LinkedID: {channel.linked_id}",
        f"      Caller ID: {known(caller.number.text)}",
        f" Caller ID Name: {known(caller.name.text)}",
        f"Connected Line ID: {known(connected.number.text)}",
        f"Connected Line ID Name: {known(connected.name.text)}",
        f"Eff. Connected Line ID: {known(connected.number.text)}",
        f"Eff. Connected Line ID Name: {known(connected.name.text)}",
        f"    DNID Digits: {known(channel.dialed.number)}",
        f"       Language: {channel.language}",
        f"          State: {channel.state_text} ({channel.state.value})",
        f"  NativeFormats: {channel.native_formats}",
        f"    WriteFormat: {channel.write_format.name}",
        f"     ReadFormat: {channel.read_format.name}",
        f" WriteTranscode: {'Yes ' + str(write) if write is not None else 'No '}",
        f"  ReadTranscode: {'Yes ' + str(read) if read is not None else 'No '}",
        f" Time to Hangup: {max(0, round(left - system.now())) if left is not None else 0}",
        f"   Elapsed Time: {age // 3600}h{age % 3600 // 60}m{age % 60}s",
        f"      Bridge ID: {bridge.unique_id if bridge is not None else '(Not bridged)'}",
        " --   PBX   --",
        f"        Context: {channel.context}",
        f"      Extension: {channel.extension}",
        f"       Priority: {channel.priority}",
        f"     Call Group: {sum(1 << group for group in channel.call_group)}",
        f"   Pickup Group: {sum(1 << group for group in channel.pickup_group)}",
        f"    Application: {channel.application or '(N/A)'}",
        f"           Data: {channel.application_data or '(Empty)'}",
        f" Call Identifier: {'[' + channel.call_id + ']' if channel.call_id else '(None)'}",
        "      Variables:",
        *(f"{name}={value}" for name, value in reversed(list(channel.variables))),
    ]
    engine = system.services.get("call records")
    if engine is not None:
        lines += ["  CDR Variables:", *engine.describe(channel)]
    lines += ["", " -- Streams --", *_streams(channel)]
    data = {
        **_channel_data(channel), "native_formats": str(channel.native_formats), "read_format": channel.read_format.name,
        "write_format": channel.write_format.name, "variables": dict(channel.variables), "voice_dropped": channel.dropped_voice,
        "technology": {name: str(value) for name, value in channel.tech.describe(channel).items()},
    }  # fmt: skip
    return CliText("\n".join(lines) + "\n", data)


def _streams(channel: Channel) -> list[str]:
    """The streams of a channel by kind, with its formats of each."""
    lines: list[str] = []
    for kind in (MediaType.AUDIO, MediaType.VIDEO, MediaType.TEXT, MediaType.IMAGE):
        formats = [format.name for format in channel.native_formats if format.codec.media is kind]
        if formats:
            lines += [
                f"Name: {kind.value}-{len(lines) // 6}", f"    Type: {kind.value}", "    State: sendrecv", "    Group: -1",
                f"    Formats: ({'|'.join(formats)})", "    Metadata:",
            ]  # fmt: skip
    return lines


@cli_command("channel request hangup", usage="channel request hangup <all>|<channel> [<channel> ...]", complete=_channel_names)
def request_hangup(system: System, args: list[str]) -> str:
    """Ask channels to hang up."""
    if not args:
        raise CliUsage
    if args == ["all"]:
        for channel in list(system.channels.values()):
            channel.request_hangup()
        return ""
    lines = []
    for name in args:
        found = system.find_channel(name)
        if found is None:
            lines.append(f"{name} is not a known channel")
        else:
            lines.append(f"Requested Hangup on channel '{found.name}'")
            found.request_hangup()
    return "\n".join(lines)


@cli_command(
    "channel redirect", usage="channel redirect <channel> <[[context,]exten,]priority>", complete=by_place(_every_channel)
)
def redirect(system: System, args: list[str]) -> str:
    """Send a channel elsewhere in the dialplan."""
    if len(args) != 2:
        raise CliUsage
    channel = system.find_channel(args[0])
    if channel is None:
        raise CliFailure(f"Channel '{args[0]}' not found")
    place = parse_goto(channel, args[1])
    if place is None:
        raise CliFailure(f"Failed to redirect {channel.name} to {args[1]}")
    channel.redirect(*place)
    return f"Channel '{channel.name}' successfully redirected to {args[1]}"


@cli_command(
    "channel originate",
    usage="channel originate <tech/data> application <appname> [appdata]\n"
    "       channel originate <tech/data> extension [exten@][context]",
    complete=lambda system, args: ["application", "extension"] if len(args) == 2 else [],
)
async def channel_originate(system: System, args: list[str]) -> str:
    """Call a device and connect it to an application or an extension.

    The device has 30 seconds to answer. Without a context the default one is used, without an extension s.
    Application arguments that contain blanks are put in double quotes.
    """
    if len(args) < 3 or args[1] not in ("application", "extension"):
        raise CliUsage
    what = Origination(dial_string=args[0])
    if args[1] == "application":
        what.application, what.data = args[2], " ".join(args[3:])
    else:
        extension, at, context = args[2].partition("@")
        what.extension, what.context = extension or "s", (context if at else "") or "default"
    system.tasks.start(originate(system, what), name=f"originate {args[0]}")
    return ""


_CAPABILITY_NAMES = {
    BridgeCapability.HOLDING: "Holding",
    BridgeCapability.EARLY: "Early",
    BridgeCapability.NATIVE: "Native",
    BridgeCapability.ONE_TO_ONE: "1to1Mix",
    BridgeCapability.MULTIMIX: "MultiMix",
}


@cli_command("bridge show all")
def bridge_show_all(system: System, args: list[str]) -> str:
    """List the bridges."""
    lines, data = [f"{'Bridge-ID':<36} {'Name':<36} {'Chans':>5} {'Type':<15} {'Technology':<15} Duration"], []
    for bridge in system.bridges.values():
        age = duration_text(system.now() - bridge.created_at)
        lines.append(
            f"{bridge.unique_id:<36} {bridge.name or '<unknown>':<36} {len(bridge.members):>5} {bridge.kind:<15} "
            f"{bridge.technology.name:<15} {age}"
        )
        data.append(
            {
                "bridge": bridge.unique_id, "name": bridge.name, "type": bridge.kind, "technology": bridge.technology.name,
                "duration": int(system.now() - bridge.created_at), "channels": [channel.name for channel in bridge.channels],
            }
        )  # fmt: skip
    return CliText("\n".join(lines), data)


def _by_age(channel: Channel) -> tuple[float, int, str]:
    """For sorting: the oldest first; of those made at a moment the one with the lower number."""
    number = channel.unique_id.rpartition(".")[2]
    return channel.created_at, int(number) if number.isdecimal() else 0, channel.unique_id


@cli_command("bridge show", usage="bridge show <bridge-id>", complete=lambda system, args: list(system.bridges))
def bridge_show(system: System, args: list[str]) -> str:
    """Show one bridge."""
    if len(args) != 1:
        raise CliUsage
    bridge = system.bridges.get(args[0])
    if bridge is None:
        return f"Bridge '{args[0]}' not found"
    return "\n".join(
        [
            f"Id: {bridge.unique_id}",
            f"Type: {bridge.kind}",
            f"Technology: {bridge.technology.name}",
            f"Subclass: {bridge.kind}",
            f"Creator: {bridge.creator}",
            f"Name: {bridge.name}",
            f"Video-Mode: {bridge.video_mode}",
            f"Video-Source-Id: {bridge.video_source.unique_id if bridge.video_source is not None else ''}",
            f"Num-Channels: {len(bridge.members)}",
            f"Num-Active: {len(bridge.members)}",
            f"Duration: {duration_text(system.now() - bridge.created_at)}",
            *(f"Channel: {channel.name}" for channel in sorted(bridge.channels, key=_by_age)),
        ]
    )


@cli_command("bridge explain", usage="bridge explain <bridge-id>", complete=lambda system, args: list(system.bridges))
def bridge_explain(system: System, args: list[str]) -> str:
    """Say why a bridge uses its technology and not another."""
    if len(args) != 1:
        raise CliUsage
    bridge = system.bridges.get(args[0])
    return f"Bridge '{args[0]}' not found" if bridge is None else "\n".join(bridge.explain())


@cli_command("bridge destroy", usage="bridge destroy <bridge-id>", complete=lambda system, args: list(system.bridges))
def bridge_destroy(system: System, args: list[str]) -> str:
    """End a bridge; all who are in it leave."""
    if len(args) != 1:
        raise CliUsage
    bridge = system.bridges.get(args[0])
    if bridge is None:
        return f"Bridge '{args[0]}' not found"
    bridge.dissolve()
    return f"Destroying bridge '{args[0]}'"


def _kick_words(system: System, args: list[str]) -> list[str]:
    if len(args) <= 1:
        return list(system.bridges)
    bridge = system.bridges.get(args[0])
    return ["all", *(channel.name for channel in bridge.channels)] if bridge is not None else []


@cli_command("bridge kick", usage="bridge kick <bridge-id> <channel-name | all>", complete=_kick_words)
def bridge_kick(system: System, args: list[str]) -> str:
    """Take a channel out of its bridge, or all.

    A channel that runs a dialplan goes on in it, the others hang up.
    """
    if len(args) != 2:
        raise CliUsage
    bridge = system.bridges.get(args[0])
    if bridge is None:
        return f"Bridge '{args[0]}' not found"
    if args[1] == "all":
        for member in tuple(bridge.members):
            member.leave(LeaveReason.KICKED)
        return f"Kicking all channels from bridge '{args[0]}'"
    found = [member for member in bridge.members if member.channel.name.lower() == args[1].lower()]
    if not found:
        return f"Channel '{args[1]}' not found in bridge '{args[0]}'"
    found[0].leave(LeaveReason.KICKED)
    return f"Kicking channel '{found[0].channel.name}' from bridge '{args[0]}'"


_technologies = by_place(lambda system: [spec.technology.name for spec in system.bridge_technologies])


@cli_command("bridge technology show")
def bridge_technology_show(system: System, args: list[str]) -> str:
    """List the bridge technologies."""
    lines, data = [f"{'Name':<20} {'Type':<20} {'Priority':<8} Suspended"], []
    for spec in sorted(system.bridge_technologies, key=lambda spec: -spec.technology.preference):
        kind = _CAPABILITY_NAMES.get(spec.technology.capability, "")
        suspended = "Yes" if spec.is_suspended else "No"
        lines.append(f"{spec.name:<20} {kind:<20} {spec.technology.preference:>8} {suspended}")
        data.append({"name": spec.name, "type": kind, "priority": spec.technology.preference, "is_suspended": spec.is_suspended})
    return CliText("\n".join(lines), data)


def _suspend(system: System, args: list[str], suspended: bool) -> str:
    if len(args) != 1:
        raise CliUsage
    spec = system.bridge_technologies.get(args[0])
    if spec is None:
        return f"Bridge technology '{args[0]}' not found"
    suspend(system, spec, is_suspended=suspended)
    return f"{'Suspended' if suspended else 'Unsuspended'} bridge technology '{args[0]}'"


@cli_command("bridge technology suspend", usage="bridge technology suspend <technology-name>", complete=_technologies)
def bridge_technology_suspend(system: System, args: list[str]) -> str:
    """Do not use a bridge technology any more."""
    return _suspend(system, args, True)


@cli_command("bridge technology unsuspend", usage="bridge technology unsuspend <technology-name>", complete=_technologies)
def bridge_technology_unsuspend(system: System, args: list[str]) -> str:
    """Use a bridge technology again."""
    return _suspend(system, args, False)


def _hint_line(system: System, context: str, extension: str, hint: str) -> str:
    devices = hint.partition(",")[0]
    state = EXTENSION_STATE_TEXT.get(system.device_states.hint_state(devices), "Unknown")
    presence = system.device_states.presence(hint.partition(",")[2])
    watchers = system.device_states.watchers(context, extension)
    return f"{f'{extension}@{context}':<30}: {hint:<60}  State:{state:<15} Presence:{presence:<15} Watchers {watchers:>2}"


def _hint_data(system: System, context: str, extension: str, hint: str) -> dict[str, object]:
    devices, _, presence = hint.partition(",")
    return {
        "extension": extension, "context": context, "hint": hint,
        "state": EXTENSION_STATE_TEXT.get(system.device_states.hint_state(devices), "Unknown"),
        "presence": str(system.device_states.presence(presence)),
        "watchers": system.device_states.watchers(context, extension),
    }  # fmt: skip


@cli_command("core show hints")
def show_hints(system: System, args: list[str]) -> str:
    """List the hints of the dialplan with their states."""
    steps = list(system.plan.hints())
    if not steps:
        return "There are no registered dialplan hints"
    lines = ["", "    -= Registered Asterisk Dial Plan Hints =-"]
    lines += [_hint_line(system, step.context, step.extension, step.app_name) for step in steps]
    data = [_hint_data(system, step.context, step.extension, step.app_name) for step in steps]
    return CliText("\n".join([*lines, "----------------", f"- {len(steps)} hints registered\n"]), data)


@cli_command(
    "core show hint",
    usage="core show hint <exten>",
    complete=by_place(lambda system: {hint.extension for hint in system.plan.hints()}),
)
def show_hint(system: System, args: list[str]) -> str:
    """Show the hints of one extension."""
    if len(args) != 1:
        raise CliUsage
    extension, _, context = args[0].partition("@")
    steps = [s for s in system.plan.hints() if s.extension == extension and context in ("", s.context)]
    if not steps:
        return f"No hints matching extension {args[0]}"
    lines = [_hint_line(system, step.context, step.extension, step.app_name) for step in steps]
    data = [_hint_data(system, step.context, step.extension, step.app_name) for step in steps]
    return CliText("\n".join([*lines, f"{plural(len(steps), 'hint')} matching extension {args[0]}"]), data)
