"""``[plc]`` of codecs.conf: concealment of lost packets."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean
from globstar.core.system import System
from globstar.core.translate import PlcSettings

logger = Logger("plc")


class PlcOptions(Options):
    """``[plc]`` of codecs.conf."""

    genericplc = option(boolean, True, help="Conceal losses where a codec has no concealment of its own.")
    genericplc_on_equal_codecs = option(boolean, False, help="Also where no translation is needed; this costs one.")


def load(system: System) -> None:
    """Read codecs.conf; without one there are the defaults."""
    config = system.configuration.read("codecs.conf")
    category = config.category("plc") if config is not None else None
    options = PlcOptions()
    if category is not None:
        report = Report()
        options = PlcOptions.read(category, report)
        for warning in report.warnings:
            logger.warning(str(warning))
    system.translation.plc = PlcSettings(options.genericplc, options.genericplc_on_equal_codecs)


def reload(system: System) -> None:
    """Read codecs.conf again, for paths built from now on."""
    load(system)
