"""dsp.conf: how digits in the audio are told from other sounds."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.options import Options, Report, option
from globstar.config.values import floating, integer
from globstar.core.system import System
from globstar.dsp.dtmf import DtmfSettings

logger = Logger("dsp")

#: The service that holds the :class:`DtmfSettings`.
SERVICE = "dtmf settings"


class DspOptions(Options):
    """``[default]`` of dsp.conf."""

    silencethreshold = option(integer(0, 32767), 256, help="Mean level below which audio is silence.")
    dtmf_normal_twist = option(floating(1, 100), 6.31, help="How much stronger the low group of a digit may be (ratio of power).")
    dtmf_reverse_twist = option(floating(1, 100), 2.51, help="How much stronger the high group may be.")
    relax_dtmf_normal_twist = option(floating(1, 100), 6.31, help="As dtmf_normal_twist, where detection is relaxed.")
    relax_dtmf_reverse_twist = option(floating(1, 100), 3.98, help="As dtmf_reverse_twist, where detection is relaxed.")
    dtmf_hits_to_begin = option(integer(1, 100), 2, help="Blocks of 12.75 ms that agree before a digit begins.")
    dtmf_misses_to_end = option(integer(1, 100), 3, help="Blocks without the digit before it ends.")


def load(system: System) -> None:
    """Read dsp.conf; without one there are the defaults."""
    config = system.configuration.read("dsp.conf")
    category = config.category("default") if config is not None else None
    options, report = DspOptions(), Report()
    if category is not None:
        options = DspOptions.read(category, report)
    report.unknown_sections(config or (), "default")
    for warning in report.warnings:
        logger.warning(str(warning))
    system.silence_threshold = options.silencethreshold
    system.services[SERVICE] = DtmfSettings(
        options.dtmf_hits_to_begin,
        options.dtmf_misses_to_end,
        options.dtmf_normal_twist,
        options.dtmf_reverse_twist,
        options.relax_dtmf_normal_twist,
        options.relax_dtmf_reverse_twist,
    )


def reload(system: System) -> None:
    """Read dsp.conf again, for detectors made from now on."""
    load(system)
