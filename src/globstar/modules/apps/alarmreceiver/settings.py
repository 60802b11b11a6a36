"""alarmreceiver.conf."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config import ConfigFile
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, integer, string

logger = Logger("app_alarmreceiver")


class AlarmOptions(Options):
    """``[general]``."""

    timestampformat: str = option(string, "%a %b %d, %Y @ %H:%M:%S %Z", help="strftime format of the time of a call.")
    eventcmd: str = option(string, "", help="Command of the shell that gets the events of a call on its standard input.")
    eventspooldir: str = option(string, "", help="Folder of the files of events; none are written without one.")
    logindividualevents = option(boolean, False, help="A file for each event instead of one for each call.")
    no_group_meta = option(boolean, False, help="Files of whole calls say nothing but the events.")
    fdtimeout = option(integer(1), 2000, unit="ms", help="How long to wait for the first digit of an event.")
    sdtimeout = option(integer(1), 200, unit="ms", help="How long to wait for each digit that follows.")
    answait = option(integer(0), 1250, unit="ms", help="How long to wait after the answer.")
    loudness = option(integer(100, 32000), 8192, help="Amplitude of the tones.")
    db_family: str = option(string, "", name="db-family", help="Family of the AstDB that counts calls, events and errors.")


def read_alarm_options(config: ConfigFile | None) -> AlarmOptions:
    """Read alarmreceiver.conf; what cannot be used is logged by file and line."""
    report = Report()
    options = AlarmOptions()
    for category in config or ():
        if category.name.lower() == "general":
            options = AlarmOptions.read(category, report)
        else:
            logger.warning(f"{category.file}:{category.line}: options stand in [general], not in [{category.name}]")
    for warning in report.warnings:
        logger.log(warning.level, str(warning))
    return options
