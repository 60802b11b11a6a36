"""Asterisk RTP Stack."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.file import Category
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, integer, is_false, is_true
from globstar.core.cli import cli_command
from globstar.core.system import System
from globstar.media.engine import RtpEngine
from globstar.media.settings import MediaSettings, StrictRtp
from globstar.media.source import address_text
from globstar.media.watch import Watch
from globstar.modules.res.rtp_asterisk.cli import RTCP_WATCH, WATCH, drop, set_rtcp_debug, set_rtcp_stats, set_rtp_debug
from globstar.modules.res.rtp_asterisk.ice import SERVICE, IceOptions, configure, resolve_stun, set_stun_debug
from globstar.modules.res.rtp_asterisk.reports import RtcpWatch
from globstar.modules.res.rtp_asterisk.states import follow

__all__ = [
    "drop", "load", "reload", "resolve_stun", "set_rtcp_debug", "set_rtcp_stats", "set_rtp_debug", "set_stun_debug",
    "show_ports", "show_relay", "show_settings", "unload",
]  # fmt: skip

logger = Logger("res_rtp_asterisk")


def _strict(text: str) -> StrictRtp:
    if text.strip().lower() == "seqno":
        return StrictRtp.SEQNO
    if is_true(text):
        return StrictRtp.YES
    if is_false(text):
        return StrictRtp.NO
    raise ValueError("expected yes, no or seqno")


class RtpOptions(Options):
    """``[general]`` of rtp.conf."""

    rtpstart = option(integer(1024, 65535), 5000, help="First port of RTP.")
    rtpend = option(integer(1024, 65535), 31000, help="Last port of RTP.")
    strictrtp = option(_strict, StrictRtp.YES, help="Drop packets from other sources than the learnt one.")
    probation = option(integer(1), 4, help="Packets in a row that make a source the learnt one.")
    dtmftimeout = option(integer(1), 1200, unit="samples", help="How long a digit goes on of which no more packets come.")
    rtcpinterval = option(integer(500, 60000), 5000, unit="ms", help="Time between RTCP reports.")
    rtpchecksums = option(boolean, True, help="UDP checksums.")
    native_relay = option(boolean, True, reload=False, help="Relay packets in the native thread, where it was built.")
    relay_threads = option(integer(1, 64), 1, reload=False, help="Threads of the native relay.")
    relay_wait = option(
        integer(0, 10),
        4,
        unit="ms",
        reload=False,
        help="How long the native relay gathers packets at the most.",
    )
    relay_io_uring = option(
        boolean,
        True,
        reload=False,
        help="Let the native relay receive and send many packets with one system call, where the kernel permits it.",
    )
    icesupport = option(boolean, True, help="ICE, for endpoints with ice_support.")
    srtpreplayprotection = option(boolean, True, help="SRTP replay protection; it cannot be switched off.")
    dtls_mtu = option(integer(256), 1200, help="Largest DTLS packet.")


def read_settings(system: System) -> MediaSettings:
    """What rtp.conf says; raises ConfigError if the file is broken."""
    config = system.configuration.read("rtp.conf")
    category = config.category("general") if config is not None else None
    report = Report()
    report.unknown_sections(config or (), "general", "ice_host_candidates")
    category = category if category is not None else Category("general")
    options = RtpOptions.read(category, report, IceOptions._options)
    variable = category.find("srtpreplayprotection")
    if variable is not None and not options.srtpreplayprotection:
        report(variable, "option 'srtpreplayprotection' has no effect: replayed packets are always dropped")
    if options.rtpend <= options.rtpstart:
        at = category.find("rtpend") or category.find("rtpstart")
        where = f"{at.file}:{at.line}" if at is not None else "rtp.conf"
        logger.error(f"{where}: rtpend {options.rtpend} is not above rtpstart {options.rtpstart}; both are ignored")
        options.rtpstart, options.rtpend = RtpOptions().rtpstart, RtpOptions().rtpend
    for warning in report.warnings:
        logger.warning(str(warning))
    return MediaSettings(
        port_start=options.rtpstart,
        port_end=options.rtpend,
        strict_rtp=options.strictrtp,
        probation=options.probation,
        dtmf_timeout=options.dtmftimeout,
        rtcp_interval_ms=options.rtcpinterval,
        checksums=options.rtpchecksums,
        native_relay=options.native_relay,
        relay_threads=options.relay_threads,
        relay_wait_ms=options.relay_wait,
        relay_io_uring=options.relay_io_uring,
        ice=options.icesupport,
        dtls_mtu=options.dtls_mtu,
        lowest_dynamic=system.options.rtp_pt_dynamic,
    )


def load(system: System) -> None:
    """Offer the service ``rtp``: the engine that makes RTP sessions."""
    engine = RtpEngine(
        system.loop,
        read_settings(system),
        sockets=system.services.get("rtp sockets"),
        wall_clock=system.wall_time,
        ticker=system.ticker,
    )
    system.services["rtp"] = engine
    if system.test_events:
        follow(system, engine)
    configure(system, engine, system.configuration.read("rtp.conf"))
    system.services[WATCH] = Watch(engine)
    system.services[RTCP_WATCH] = engine.on_rtcp = RtcpWatch(system)


def reload(system: System) -> None:
    """Read rtp.conf again; sessions that are open keep what they have."""
    engine = system.service("rtp", RtpEngine)
    if engine is not None:
        engine.reload(read_settings(system))
        configure(system, engine, system.configuration.read("rtp.conf"))


async def unload(system: System) -> None:
    """Close every session."""
    setup = system.services.pop(SERVICE, None)
    if setup is not None:
        await setup.close()
    system.services.pop(WATCH, None)
    system.services.pop(RTCP_WATCH, None)
    engine = system.services.pop("rtp", None)
    if engine is not None:
        engine.close()


@cli_command("rtp show settings")
def show_settings(system: System, args: list[str]) -> str:
    """Show the settings of RTP."""
    engine = system.service("rtp", RtpEngine)
    if engine is None:
        return "RTP is not loaded"
    settings, servers = engine.settings, engine.ice_servers
    strict = {StrictRtp.YES: "Yes", StrictRtp.NO: "No", StrictRtp.SEQNO: "SEQNO Only"}[settings.strict_rtp]
    rows = [
        ("Port start", str(settings.port_start)),
        ("Port end", str(settings.port_end)),
        ("Checksums", "Yes" if settings.checksums else "No"),
        ("DTMF Timeout", str(settings.dtmf_timeout)),
        ("Strict RTP", strict),
    ]
    if settings.strict_rtp is not StrictRtp.NO:
        rows.append(("Probation", f"{settings.probation} frames"))
    rows += [
        ("Replay Protect", "Yes"),
        ("ICE support", "Yes" if settings.ice else "No"),
        ("STUN", "enabled" if servers.stun is not None else "disabled"),
        (" Address", address_text(servers.stun) if servers.stun is not None else "0.0.0.0:0"),
    ]
    if servers.turns:
        ways = ", ".join(server.transport.value for server in servers.turns)
        rows += [("TURN", "enabled"), (" Address", address_text(servers.turns[0].address)), (" Transport", ways)]
    return "\n\nGeneral Settings:\n----------------\n" + "".join(f"  {name + ':':<16} {value}\n" for name, value in rows)


@cli_command("rtp show relay")
def show_relay(system: System, args: list[str]) -> str:
    """Show whether packets are relayed natively, and how many."""
    engine = system.service("rtp", RtpEngine)
    if engine is None:
        return "RTP is not loaded"
    joined = sum(session.relay_path is not None for session in engine.sessions)
    if engine.native is None:
        return f"Relay in Python: {joined} streams\n"
    relay = engine.native
    threads = f"{relay.threads} thread{'' if relay.threads == 1 else 's'}"
    if relay.rings:
        threads += " by io_uring"
    return (
        f"Native relay: {len(relay)} of {joined} streams in {threads}, {relay.packets} packets, "
        f"{relay.parked} handed to the loop\n"
    )


@cli_command("rtp show ports")
def show_ports(system: System, args: list[str]) -> str:
    """Show how many RTP ports are given out, free, and other programs', and how often one was used before it had rested."""
    engine = system.service("rtp", RtpEngine)
    if engine is None:
        return "RTP is not loaded"
    engine.ports()
    lines = [f"{'Range':<14} {'Used':>6} {'Free':>6} {'Taken':>6} {'Unrested':>9}"]
    for ports in engine.ranges:
        name = f"{ports.start}-{ports.end}"
        lines.append(f"{name:<14} {ports.used:>6} {ports.free:>6} {ports.taken:>6} {ports.unrested:>9}")
    return "\n".join(lines) + "\n"
