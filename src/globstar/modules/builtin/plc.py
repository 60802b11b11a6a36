"""``[plc]`` of codecs.conf: concealment of lost packets; and what of that file nobody reads."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config import ConfigFile
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean
from globstar.core.system import System
from globstar.core.translate import PlcSettings

logger = Logger("plc")

#: Sections that the modules of codecs read.
_SECTIONS = ("plc", "speex", "ilbc")
#: Types of formats for which no free library is there.
_PASSED_ON = {
    "silk": "SILK is passed from phone to phone as it comes, nothing here encodes it",
    "celt": "CELT is no codec of this server; Opus has taken its place",
}


class PlcOptions(Options):
    """``[plc]`` of codecs.conf."""

    genericplc = option(boolean, True, help="Conceal losses where a codec has no concealment of its own.")
    genericplc_on_equal_codecs = option(boolean, False, help="Also where no translation is needed; this costs one.")


def load(system: System) -> None:
    """Read codecs.conf; without one there are the defaults."""
    config = system.configuration.read("codecs.conf")
    options, report = PlcOptions(), Report()
    if config is not None:
        category = config.category("plc")
        if category is not None:
            options = PlcOptions.read(category, report)
        _tell_unread(config, report)
    for warning in report.warnings:
        logger.warning(str(warning))
    system.translation.plc = PlcSettings(options.genericplc, options.genericplc_on_equal_codecs)


def reload(system: System) -> None:
    """Read codecs.conf again, for paths built from now on."""
    load(system)


def _tell_unread(config: ConfigFile, report: Report) -> None:
    """Tell of sections that are no codec's, and of formats that nothing here encodes."""
    unknown = []
    for category in config:
        kind = (category.get("type") or "").strip().lower()
        if kind in _PASSED_ON:
            report(category, f"[{category.name}] has no effect: {_PASSED_ON[kind]}")
        elif kind != "opus":
            unknown.append(category)
    report.unknown_sections(unknown, *_SECTIONS)
