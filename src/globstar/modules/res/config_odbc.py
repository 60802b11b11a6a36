"""Realtime ODBC configuration."""

from __future__ import annotations

from globstar.config.options import Options, Report, option
from globstar.config.values import boolean
from globstar.core.realtime.settings import log_report
from globstar.core.realtime.sqlengine import SqlRealtime
from globstar.core.sql.classes import SERVICE, DatabaseClasses
from globstar.core.sql.database import SqlDatabase
from globstar.core.system import System

REQUIRES = ("res_odbc",)
DRIVER = "odbc"


class GeneralOptions(Options):
    """``[general]`` of res_config_odbc.conf."""

    order_multi_row_results_by_initial_column = option(boolean, True, help="Several rows come ordered by their first column.")


def _options(system: System) -> GeneralOptions:
    report = Report()
    options = GeneralOptions()
    config = system.configuration.read("res_config_odbc.conf")
    general = config.category("general") if config is not None else None
    if general is not None:
        options = GeneralOptions.read(general, report)
    log_report(report)
    return options


def load(system: System) -> None:
    """Offer the databases of res_odbc.conf to extconfig.conf, by their names there."""

    def find(name: str, for_writing: bool) -> SqlDatabase | None:
        classes = system.service(SERVICE, DatabaseClasses)
        return classes.database(name) if classes is not None else None

    options = _options(system)
    system.realtime.add_engine(DRIVER, SqlRealtime(find, orders_multi=options.order_multi_row_results_by_initial_column))


def reload(system: System) -> None:
    """Read res_config_odbc.conf again, and look at tables anew."""
    load(system)


def unload(system: System) -> None:
    """No realtime over ODBC any more."""
    system.realtime.remove_engine(DRIVER)
