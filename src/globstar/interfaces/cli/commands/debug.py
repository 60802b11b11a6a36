"""core set debug category, core set debug channel, aoc set debug: the details of some parts and of some calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from globstar.base.log import hub
from globstar.core import events
from globstar.core.channel import Channel
from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.cli_data import CliText, table
from globstar.core.devicestate import EXTENSION_STATE_TEXT, DeviceState, extension_state_of
from globstar.core.framenames import FrameSet
from globstar.core.frametrace import Tracer
from globstar.core.system import System

#: Words that people know for parts, and the modules whose debug messages they stand for.
CATEGORIES: dict[str, tuple[str, ...]] = {
    "acl": ("acl",),
    "aoc": ("res_pjsip_aoc",),
    "dialplan": ("pbx", "pbx_config", "pbx_builtins"),
    "dtls": ("media.dtls",),
    "http": ("http", "res_http_websocket"),
    "ice": ("media.ice",),
    "rtp": ("res_rtp_asterisk", "media.engine", "media.relay", "media.native"),
    "sip": ("chan_pjsip", "res_pjsip", "res_pjsip_registrar", "res_pjsip_pubsub"),
    "stun": ("media.ice",),
    "t38": ("res_pjsip_t38", "udptl"),
}


def _category_words(system: System, args: list[str]) -> list[str]:
    return ["off", *CATEGORIES]


@cli_command(
    "core set debug category",
    usage="core set debug category <category>[:<sublevel>] [category[:<sublevel] ...]\n       core set debug category off",
    complete=_category_words,
)
def set_category(system: System, args: list[str]) -> str:
    """Set the debug level of parts by words that need no module's name.

    The level is 1 where none is given, and 0 ends it; ``off`` ends it for all. Categories are acl, aoc, dialplan, dtls, http,
    ice, rtp, sip, stun and t38.
    """
    if not args:
        raise CliUsage
    if [word.lower() for word in args] == ["off"]:
        for names in CATEGORIES.values():
            for name in names:
                hub.debug_modules.pop(name, None)
        return "Debug categories have been disabled."
    wanted: list[tuple[str, int]] = []
    for word in args:
        name, colon, level = word.lower().partition(":")
        if name not in CATEGORIES:
            raise CliFailure(f"There is no debug category '{name}'")
        if colon and not level.isdecimal():
            raise CliUsage
        wanted.append((name, int(level) if colon else 1))
    lines = []
    for name, number in wanted:
        for module in CATEGORIES[name]:
            hub.debug_modules[module] = number
            if not number:
                del hub.debug_modules[module]
        lines.append(f"Debug category '{name}' has been {f'enabled at level {number}' if number else 'disabled'}.")
    return "\n".join(lines)


@cli_command("core show debug")
def show_debug(system: System, args: list[str]) -> str:
    """Show the debug level of everything and of single modules, and the channels whose frames are shown (not in Asterisk)."""
    if args:
        raise CliUsage
    watched = [channel.name for channel in system.channels.values() if _KEY in channel.data]
    watch = system.services.get(_SERVICE)
    follows = watch is not None and bool(watch.undo)
    lines = [f"Core debug level: {hub.debug_level or 'OFF'}", "", f"{'Module':<30} Level"]
    lines += [f"{module:<30} {level}" for module, level in sorted(hub.debug_modules.items())]
    lines += ["", f"Channels whose frames are shown: {', '.join(watched) or 'none'}{', and all that come' if follows else ''}"]
    data = {"level": hub.debug_level, "modules": dict(hub.debug_modules), "channels": watched, "new_channels": follows}
    return CliText("\n".join(lines), data)


@cli_command(
    "aoc set debug", usage="aoc set debug {on|off}", complete=lambda system, args: ["on", "off"] if len(args) <= 1 else []
)
def set_aoc_debug(system: System, args: list[str]) -> str:
    """Show what becomes of advice of charge, or show it no more."""
    if len(args) != 1 or args[0].lower() not in ("on", "off"):
        raise CliUsage
    is_on = args[0].lower() == "on"
    if is_on:
        hub.debug_modules["res_pjsip_aoc"] = 1
    else:
        hub.debug_modules.pop("res_pjsip_aoc", None)
    return f"AOC debug {'enabled' if is_on else 'disabled'}"


@cli_command("core show device2extenstate")
def show_device_states(system: System, args: list[str]) -> str:
    """Show which state an extension has whose hint names two devices, for each pair of their states."""
    if args:
        raise CliUsage
    rows = [
        (one.name, other.name, EXTENSION_STATE_TEXT.get(extension_state_of([one, other]), "Unknown"))
        for one in DeviceState
        for other in DeviceState
        if other >= one
    ]
    return table((("Device", "<12"), ("Other device", "<12"), ("Extension", "<20")), rows)


# -- channels -------------------------------------------------------------------------------------------------------------

_SERVICE = "channel debug"
_KEY = "channel debug"


@dataclass(slots=True)
class _Watch:
    """Whether new channels are watched, and how to stop that."""

    undo: list[Callable[[], None]] = field(default_factory=list)


def _begin(channel: Channel) -> None:
    if _KEY not in channel.data:
        tracer = channel.data[_KEY] = Tracer(channel, FrameSet("", with_controls=False), is_white=False)
        tracer.start()


def _end(channel: Channel) -> bool:
    tracer = channel.data.pop(_KEY, None)
    if tracer is not None:
        tracer.stop()
    return tracer is not None


@cli_command(
    "core set debug channel",
    usage="core set debug channel <all|channel> [off]",
    complete=lambda system, args: ["all", *system.channels] if len(args) <= 1 else ["off"],
)
def set_channel(system: System, args: list[str]) -> str:
    """Show every frame that a channel, or all channels and those that come, reads and writes; with off stop that."""
    if not args or len(args) > 2 or (len(args) == 2 and args[1].lower() != "off"):
        raise CliUsage
    is_on = len(args) == 1
    if args[0].lower() == "all":
        watch: _Watch = system.services.setdefault(_SERVICE, _Watch())
        for undo in watch.undo:
            undo()
        watch.undo.clear()
        if is_on:
            watch.undo.append(system.bus.subscribe(events.ChannelCreated, lambda event: _begin(event.channel)))
        for channel in system.channels.values():
            (_begin if is_on else _end)(channel)
        return f"Debugging on all channels is {'enabled' if is_on else 'disabled'}"
    found = system.find_channel(args[0])
    if found is None:
        raise CliFailure(f"No such channel {args[0]}")
    (_begin if is_on else _end)(found)
    return f"Debugging {'enabled' if is_on else 'disabled'} on channel {found.name}"
