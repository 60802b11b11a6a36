"""Call detail records: cdr.conf and the cdr commands."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.options import Report
from globstar.core.cdr.engine import SERVICE, CdrEngine
from globstar.core.cdr.record import CallRecord, format_time
from globstar.core.cdr.settings import CdrSettings
from globstar.core.cli import CliUsage, cli_command, plural
from globstar.core.cli_data import CliText, records
from globstar.core.outbox import describe_outboxes
from globstar.core.system import System

logger = Logger("cdr")


def _read(system: System) -> CdrSettings:
    config = system.configuration.read("cdr.conf")
    if config is None:
        return CdrSettings()
    report = Report()
    settings = CdrSettings()
    for category in config.categories_named("general"):
        settings = CdrSettings.read(category, report)
    for warning in report.warnings:
        logger.log(warning.level, str(warning))
    return settings


def load(system: System) -> None:
    """Read cdr.conf and start the engine."""
    system.services[SERVICE] = CdrEngine(system, _read(system))


def reload(system: System) -> None:
    """Read cdr.conf again; records that are being made go on."""
    engine_of(system).configure(_read(system))


def unload(system: System) -> None:
    """Hand over what waits and stop."""
    engine_of(system).close()
    system.services.pop(SERVICE)


def engine_of(system: System) -> CdrEngine:
    """The engine of a system."""
    engine: CdrEngine = system.services[SERVICE]
    return engine


def _yes(flag: bool) -> str:
    return "Yes" if flag else "No"


@cli_command("cdr show status")
def show_status(system: System, args: list[str]) -> str:
    """Show the settings of call detail records and their backends."""
    if args:
        raise CliUsage
    engine = engine_of(system)
    settings = engine.settings
    lines = [
        "",
        "Call Detail Record (CDR) settings",
        "----------------------------------",
        f"  Logging:                    {'Enabled' if settings.enable else 'Disabled'}",
        f"  Mode:                       {'Batch' if settings.batch else 'Simple'}",
    ]
    if settings.enable:
        lines += [
            f"  Log calls by default:       {_yes(settings.channeldefaultenabled)}",
            f"  Log unanswered calls:       {_yes(settings.unanswered)}",
            f"  Log congestion:             {_yes(settings.congestion)}",
            "",
            f"  Ignore bridging changes:    {_yes(settings.ignorestatechanges)}",
            "",
            f"  Ignore dial state changes:  {_yes(settings.ignoredialchanges)}",
            "",
            f"  Cancel disposition enabled: {_yes(settings.canceldispositionenabled)}",
            "",
        ]
        if settings.batch:
            poster = engine.poster
            threads = "Scheduler only" if settings.scheduleronly else "Scheduler plus separate threads"
            lines += [
                "* Batch Mode Settings",
                "  -------------------",
                f"  Safe shutdown:              {'Enabled' if settings.safeshutdown else 'Disabled'}",
                f"  Threading model:            {threads}",
                f"  Current batch size:         {plural(len(poster.waiting), 'record')}",
                f"  Maximum batch size:         {plural(settings.size, 'record')}",
                f"  Maximum batch time:         {plural(settings.time, 'second')}",
                f"  Next batch processing time: {plural(int(poster.next_batch_in()), 'second')}",
                "",
            ]
        lines += ["* Registered Backends", "  -------------------"]
        backends = list(engine.poster.backends)
        if not backends:
            lines.append("    (none)")
        for backend in backends:
            suspended = " (suspended) " if backend.name in engine.poster.suspended else ""
            lines.append(f"    {(backend.description or backend.name)[:19]}{suspended}")
        lines.append("")
    return "\n".join(lines) + "\n"


@cli_command("cdr show backends")
def show_backends(system: System, args: list[str]) -> str:
    """Show how many records each backend took, and how many wait because one is down."""
    if args:
        raise CliUsage
    return describe_outboxes(system, "cdr")


@cli_command("cdr submit")
def submit(system: System, args: list[str]) -> str:
    """Hand the waiting batch of call detail records to the backends."""
    if args:
        raise CliUsage
    engine = engine_of(system)
    if not engine.settings.enable:
        return "Cannot submit CDR batch: CDR engine disabled."
    if not engine.settings.batch:
        return "Cannot submit CDR batch: batch mode not enabled."
    engine.poster.submit()
    return "Submitted CDRs to backends for processing.  This may take a while."


@cli_command("cdr set debug", usage="cdr set debug [on|off]", complete=lambda system, args: ["on", "off"])
def set_debug(system: System, args: list[str]) -> str:
    """Log what happens to call detail records, or no longer so."""
    if len(args) != 1 or args[0].lower() not in ("on", "off"):
        raise CliUsage
    settings = engine_of(system).settings
    is_on = args[0].lower() == "on"
    word = "enabled" if is_on else "disabled"
    if settings.debug == is_on:
        return f"CDR debugging already {word}"
    settings.debug = is_on
    return f"CDR debugging {word}"


_ACTIVE = "%-25.25s %-25.25s %-15.15s %-8.8s %-8.8s %-8.8s %-8.8s %-8.8s"
_ONE = "%-10.10s %-20.20s %-25.25s %-15.15s %-15.15s %-8.8s %-8.8s %-8.8s %-8.8s %-8.8s"


@cli_command("cdr show active", usage="cdr show active [channel]", complete=lambda system, args: list(system.channels))
def show_active(system: System, args: list[str]) -> str:
    """Show the call detail records of the channels that are up, or of one channel."""
    if len(args) > 1:
        raise CliUsage
    engine = engine_of(system)
    if not args:
        active = ("Channel", "Dst. Channel", "LastApp", "Start", "Answer", "End", "Billsec", "Duration")
        rows: list[tuple[str, ...]] = []
        for channel in list(system.channels.values()):
            chain = engine.chain(channel)
            record = chain.last if chain is not None else None
            if record is not None and not (record.party_b is None and channel.is_outgoing and not record.is_own):
                rows.append((channel.name, _dstchannel(record), record.app, *_times(engine, record)))
        lines = ["", "Channels with Call Detail Record (CDR) Information", "-" * 50, *(_ACTIVE % row for row in (active, *rows))]
        return CliText("\n".join(lines) + "\n", records(active, rows))
    found = system.channels.get(args[0])
    chain = engine.chain(found) if found is not None else None
    if found is None or chain is None:
        return f"Unknown channel: {args[0]}"
    heads = ("AccountCode", "CallerID", "Dst. Channel", "LastApp", "Data", "Start", "Answer", "End", "Billsec", "Duration")
    rows = []
    for record in chain.records:
        now = engine.now()
        account, clid = record.value("accountcode", now) or "", record.value("clid", now) or ""
        rows.append((account, clid, _dstchannel(record), record.app, record.app_data, *_times(engine, record)))
    lines = ["", f"Call Detail Record (CDR) Information for {found.name}", "-" * 50, *(_ONE % row for row in (heads, *rows))]
    return CliText("\n".join(lines) + "\n", records(heads, rows))


def _dstchannel(record: CallRecord) -> str:
    return record.party_b.name if record.party_b is not None else "<none>"


def _times(engine: CdrEngine, record: CallRecord) -> tuple[str, str, str, str, str]:
    now = engine.now()
    record.read_channel()
    clock = [format_time(seconds)[11:] for seconds in (record.start, record.answer, record.end or now)]
    return clock[0], clock[1], clock[2], f"{int(record.billed(now)):08}", f"{int(record.duration(now)):08}"
