"""Comma Separated Values CDR Backend."""

from __future__ import annotations

from pathlib import Path

from globstar.base.log import Logger
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean
from globstar.core.cdr.engine import SERVICE, CdrEngine
from globstar.core.cdr.posting import CdrBackendSpec
from globstar.core.cdr.record import FinishedRecord, format_time
from globstar.core.linewriter import LineWriter
from globstar.core.loader import ModuleDeclined
from globstar.core.system import System

logger = Logger("cdr_csv")

_STATE = "cdr_csv"


class CsvSettings(Options):
    """The ``[csv]`` section of cdr.conf."""

    usegmtime = option(boolean, False, help="Write times in UTC instead of local time.")
    loguniqueid = option(boolean, False, help="Write the unique id.")
    loguserfield = option(boolean, False, help="Write the user field.")
    accountlogs = option(boolean, True, help="Write a file per account code as well.")
    newcdrcolumns = option(boolean, False, help="Write the peer's account, the linked id and the sequence number.")


class _State:
    """Settings and writer of one system."""

    def __init__(self, system: System, settings: CsvSettings) -> None:
        self.settings = settings
        self.folder = Path(system.directories.astlogdir) / "cdr-csv"
        self.master = self.folder / "Master.csv"
        self.writer = LineWriter(system, "cdr_csv")


def _read(system: System) -> CsvSettings | None:
    config = system.configuration.read("cdr.conf")
    sections = config.categories_named("csv") if config is not None else []
    if not sections:
        return None
    report = Report()
    settings = CsvSettings.read(sections[-1], report)
    for warning in report.warnings:
        logger.log(warning.level, str(warning))
    return settings


def load(system: System) -> None:
    """Begin to write Master.csv; declines without a [csv] section in cdr.conf."""
    settings = _read(system)
    if settings is None:
        raise ModuleDeclined("cdr.conf has no section [csv]")
    system.services[_STATE] = _State(system, settings)


def reload(system: System) -> None:
    """Read the section again; without one the old settings stay."""
    settings = _read(system)
    if settings is None:
        logger.warning("cdr.conf has no section [csv] any more; the settings stay")
    else:
        system.services[_STATE].settings = settings


async def unload(system: System) -> None:
    """Write what waits."""
    engine = system.service(SERVICE, CdrEngine)
    if engine is not None and engine.settings.safeshutdown:
        engine.poster.submit()
    state: _State | None = system.services.pop(_STATE, None)
    if state is not None:
        await state.writer.flush()


def _post(system: System, records: list[FinishedRecord]) -> None:
    state: _State = system.services[_STATE]
    for record in records:
        line = csv_line(record, state.settings)
        state.writer.append(state.master, line)
        account = record.account_code
        if state.settings.accountlogs and account:
            if "/" in account or account.startswith("."):
                logger.warning(f"account code '{account}' cannot be the name of a file")
            else:
                state.writer.append(state.folder / f"{account}.csv", line)


def csv_line(record: FinishedRecord, settings: CsvSettings) -> str:
    """The line of one record: texts in quotes, which are doubled within; an unset time is empty."""
    is_utc = settings.usegmtime
    fields = [
        _quoted(record.account_code), _quoted(record.src), _quoted(record.dst), _quoted(record.dcontext), _quoted(record.clid),
        _quoted(record.channel), _quoted(record.dstchannel), _quoted(record.lastapp), _quoted(record.lastdata),
        _time(record.start, is_utc), _time(record.answer, is_utc), _time(record.end, is_utc), str(record.duration),
        str(record.billsec), _quoted(record.disposition), _quoted(record.amaflags),
    ]  # fmt: skip
    if settings.loguniqueid:
        fields.append(_quoted(record.uniqueid))
    if settings.loguserfield:
        fields.append(_quoted(record.userfield))
    if settings.newcdrcolumns:
        fields += [_quoted(record.peeraccount), _quoted(record.linkedid), str(record.sequence)]
    return ",".join(fields)


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def _time(seconds: float, is_utc: bool) -> str:
    return _quoted(format_time(seconds, is_utc=is_utc)) if seconds else ""


backend = CdrBackendSpec(name="csv", description="csv", post=_post)
