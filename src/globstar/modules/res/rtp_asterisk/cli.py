"""``rtp set debug``, ``rtcp set debug``, ``rtcp set stats`` and ``rtp drop``."""

from __future__ import annotations

import ipaddress
import re
import socket

from globstar.base.log import Logger
from globstar.core.cli import CliUsage, cli_command
from globstar.core.system import System
from globstar.media.sockets import Address
from globstar.media.source import address_text
from globstar.media.watch import Dropper, Drops, Watch
from globstar.modules.res.rtp_asterisk.reports import RtcpWatch

logger = Logger("res_rtp_asterisk")

#: The service under which the watch over RTP packets stands.
WATCH = "rtp watch"
RTCP_WATCH = "rtcp watch"

_UNITS = {"usec": 1e-6, "msec": 1e-3, "sec": 1.0, "min": 60.0}


def _peer(text: str) -> Address | None:
    """``host[:port]`` with a numeric host, an IPv6 one in brackets if there is a port; None for anything else."""
    if text.count(":") > 1 and not text.startswith("["):
        text = f"[{text}]"
    found = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|(\d+\.\d+\.\d+\.\d+))(?::(\d{1,5}))?", text)
    if found is None or int(found[3] or 0) > 65535:
        return None
    try:
        return str(ipaddress.ip_address(found[1] or found[2])), int(found[3] or 0)
    except ValueError:
        return None


async def _peer_of_name(system: System, text: str) -> Address | None:
    """``name[:port]``, looked up; None where the name has no address. Raises CliUsage."""
    found = re.fullmatch(r"((?=[^:]*[a-zA-Z])[\w.-]{1,253})(?::(\d{1,5}))?", text)
    if found is None or int(found[2] or 0) > 65535:
        raise CliUsage
    try:
        addresses = await system.loop.getaddrinfo(found[1], None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return None
    return str(addresses[0][4][0]), int(found[2] or 0)


def _switch(system: System, args: list[str]) -> list[str]:
    return ["on", "off"] if len(args) == 1 else []


def _switch_or_peer(system: System, args: list[str]) -> list[str]:
    return ["on", "off", "ip"] if len(args) == 1 else []


async def _debug_choice(system: System, args: list[str]) -> bool | Address | None:
    """On, off, or a peer; None for one whose name has no address."""
    if len(args) == 1 and args[0].lower() in ("on", "off"):
        return args[0].lower() == "on"
    if len(args) == 2 and args[0].lower() == "ip":
        return _peer(args[1]) or await _peer_of_name(system, args[1])
    raise CliUsage


def _shown(peer: Address) -> str:
    return address_text(peer) if peer[1] else peer[0]


def packet_text(is_sent: bool, peer: Address, data: bytes) -> str:
    """One line on an RTP packet: whose it is, its type, sequence number, timestamp and length of payload."""
    kind, sequence = data[1] & 0x7F, int.from_bytes(data[2:4], "big")
    rtp_time = int.from_bytes(data[4:8], "big")
    start = "Sent RTP packet to     " if is_sent else "Got  RTP packet from   "
    size = max(len(data) - 12 - 4 * (data[0] & 15), 0)
    return f"{start} {address_text(peer)} (type {kind:02d}, seq {sequence:06d}, ts {rtp_time:06d}, len {size:06d})"


@cli_command("rtp set debug", usage="rtp set debug {on|off|ip host[:port]}", complete=_switch_or_peer)
async def set_rtp_debug(system: System, args: list[str]) -> str:
    """Show the RTP packets of all calls, or of one peer."""
    watch = system.service(WATCH, Watch)
    if watch is None:
        return "RTP is not loaded"
    choice = await _debug_choice(system, args)
    if choice is None:
        return f"'{args[1]}' has no address"
    if choice is False:
        watch.set(see=None, lose=watch.lose)
        return "RTP Packet Debugging Disabled"

    def see(is_sent: bool, peer: Address, data: bytes) -> None:
        if len(data) < 12 or 192 <= data[1] <= 223:
            return
        if choice is True or (peer[0] == choice[0] and choice[1] in (0, peer[1])):
            logger.verbose(0, packet_text(is_sent, peer, data))

    watch.set(see=see, lose=watch.lose)
    if isinstance(choice, tuple):
        return f"RTP Packet Debugging Enabled for address: {_shown(choice)}"
    return "RTP Packet Debugging Enabled"


@cli_command("rtcp set debug", usage="rtcp set debug {on|off|ip host[:port]}", complete=_switch_or_peer)
async def set_rtcp_debug(system: System, args: list[str]) -> str:
    """Show the RTCP packets of all calls, or of one peer."""
    watch = system.service(RTCP_WATCH, RtcpWatch)
    if watch is None:
        return "RTP is not loaded"
    choice = await _debug_choice(system, args)
    if choice is None:
        return f"'{args[1]}' has no address"
    watch.debug = choice
    if isinstance(watch.debug, tuple):
        return f"RTCP Packet Debugging Enabled for address: {_shown(watch.debug)}"
    return f"RTCP Packet Debugging {'Enabled' if watch.debug else 'Disabled'}"


@cli_command("rtcp set stats", usage="rtcp set stats {on|off}", complete=_switch)
def set_rtcp_stats(system: System, args: list[str]) -> str:
    """Show the figures of a stream with every report of it."""
    watch = system.service(RTCP_WATCH, RtcpWatch)
    if watch is None:
        return "RTP is not loaded"
    if len(args) != 1 or args[0].lower() not in ("on", "off"):
        raise CliUsage
    watch.stats = args[0].lower() == "on"
    return f"RTCP Stats {'Enabled' if watch.stats else 'Disabled'}"


def parse_drops(args: list[str]) -> Drops:
    """``<N> [random] incoming packets [every <N> [random] {usec|msec|sec|min}] [on <ip[:port]>]``. Raises CliUsage."""
    pattern = re.compile(
        r"(?P<count>\d{1,6})(?P<some> random)? incoming packets"
        r"(?: every (?P<every>\d{1,9})(?P<about> random)? (?P<unit>usec|msec|sec|min))?(?: on (?P<peer>\S+))?"
    )
    found = pattern.fullmatch(" ".join(args).lower())
    if found is None or not int(found["count"]):
        raise CliUsage
    peer = _peer(found["peer"]) if found["peer"] else None
    if found["peer"] and peer is None:
        raise CliUsage
    interval = int(found["every"]) * _UNITS[found["unit"]] if found["every"] else 0.0
    host, port = peer if peer is not None else (None, 0)
    return Drops(int(found["count"]), bool(found["some"]), interval, bool(found["about"]), host, port)


@cli_command(
    "rtp drop",
    usage="rtp drop [stop|[<N> [random] incoming packets[ every <N> [random] {usec|msec|sec|min}][ on <ip[:port]>]]",
)
def drop(system: System, args: list[str]) -> str:
    """Drop incoming RTP packets on purpose, to hear how a call bears it; without arguments show what is dropped."""
    watch = system.service(WATCH, Watch)
    if watch is None:
        return "RTP is not loaded"
    dropper = watch.lose if isinstance(watch.lose, Dropper) else None
    if not args:
        return _drops_text(dropper) if dropper is not None else "RTP packets are not being dropped."
    if [word.lower() for word in args] == ["stop"]:
        watch.set(see=watch.see, lose=None)
        dropped = f"; {dropper.dropped} were dropped" if dropper is not None else ""
        return f"RTP packets are not dropped any more{dropped}."
    dropper = Dropper(parse_drops(args), system.now, watch.chance)
    watch.set(see=watch.see, lose=dropper)
    return _drops_text(dropper)


def _drops_text(dropper: Dropper) -> str:
    drops = dropper.drops
    text = f"Dropping {'up to ' if drops.is_random_count else ''}{drops.count} incoming RTP packets"
    if drops.interval:
        text += f" every {'at most ' if drops.is_random_interval else ''}{drops.interval:g} seconds"
    if drops.host is not None:
        text += f" on {_shown((drops.host, drops.port))}"
    return f"{text}; {dropper.dropped} dropped so far."
