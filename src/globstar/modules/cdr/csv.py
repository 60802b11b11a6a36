"""Comma Separated Values CDR Backend."""

from __future__ import annotations

from pathlib import Path

from globstar.base.log import Logger
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean
from globstar.core.cdr.engine import SERVICE, CdrEngine
from globstar.core.cdr.posting import CdrBackendSpec
from globstar.core.cdr.record import FinishedRecord, format_time
from globstar.core.loader import ModuleDeclined
from globstar.core.outbox import Outbox, append_lines
from globstar.core.recordline import quoted
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
    """Settings of one system, and the lines on their way."""

    def __init__(self, system: System, settings: CsvSettings) -> None:
        self.settings = settings
        self.folder = Path(system.directories.astlogdir) / "cdr-csv"
        self.master = self.folder / "Master.csv"
        self.outbox = Outbox(system, "cdr_csv", append_lines)


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
    if engine is not None:
        engine.hand_over_all()
    state: _State | None = system.services.pop(_STATE, None)
    if state is not None:
        await state.outbox.close()


def _post(system: System, records: list[FinishedRecord]) -> None:
    state: _State = system.services[_STATE]
    for record in records:
        line = csv_line(record, state.settings)
        state.outbox.put([str(state.master), line])
        account = record.account_code
        if state.settings.accountlogs and account:
            if "/" in account or account.startswith("."):
                logger.warning(f"account code '{account}' cannot be the name of a file")
            else:
                state.outbox.put([str(state.folder / f"{account}.csv"), line])


def csv_line(record: FinishedRecord, settings: CsvSettings) -> str:
    """The line of one record: texts in quotes, which are doubled within; an unset time is empty."""
    is_utc = settings.usegmtime
    fields = [
        quoted(record.account_code), quoted(record.src), quoted(record.dst), quoted(record.dcontext), quoted(record.clid),
        quoted(record.channel), quoted(record.dstchannel), quoted(record.lastapp), quoted(record.lastdata),
        _time(record.start, is_utc), _time(record.answer, is_utc), _time(record.end, is_utc), str(record.duration),
        str(record.billsec), quoted(record.disposition), quoted(record.amaflags),
    ]  # fmt: skip
    if settings.loguniqueid:
        fields.append(quoted(record.uniqueid))
    if settings.loguserfield:
        fields.append(quoted(record.userfield))
    if settings.newcdrcolumns:
        fields += [quoted(record.peeraccount), quoted(record.linkedid), str(record.sequence)]
    return ",".join(fields)


def _time(seconds: float, is_utc: bool) -> str:
    return quoted(format_time(seconds, is_utc=is_utc)) if seconds else ""


backend = CdrBackendSpec(name="csv", description="csv", post=_post)
