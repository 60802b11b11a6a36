"""enum.conf: the zones of ENUM, and where the infrastructure tree branches off."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.file import ConfigFile
from globstar.config.options import Options, Report, option
from globstar.config.values import enumeration, string

logger = Logger("enum")

SERVICE = "enum settings"
DEFAULT_ZONE = "e164.arpa"


def _zone(text: str) -> tuple[str, ...]:
    return (text.strip().strip("."),)


class GeneralOptions(Options):
    """``[general]`` of enum.conf."""

    search = option(_zone, (), repeat="extend", help="Zones that are searched one after the other where none is given.")
    h323driver: str = option(string, "", help="Accepted; there is no H.323.")


class InfrastructureOptions(Options):
    """``[ienum]`` of enum.conf."""

    branchlabel: str = option(string, "i", help="The label at the branch.")
    ebl_alg: str = option(enumeration("ebl", "txt", "cc"), "cc", help="How the branch is found.")


class EnumSettings:
    """All of enum.conf."""

    def __init__(self, general: GeneralOptions, infrastructure: InfrastructureOptions) -> None:
        self.zones: tuple[str, ...] = general.search or (DEFAULT_ZONE,)
        self.label = infrastructure.branchlabel
        self.algorithm = infrastructure.ebl_alg


def read_settings(config: ConfigFile | None) -> EnumSettings:
    """Read the file; defaults without one."""
    report = Report()
    general, infrastructure = GeneralOptions(), InfrastructureOptions()
    for category in config.categories if config is not None else ():
        if category.name.lower() == "general":
            general = GeneralOptions.read(category, report)
        elif category.name.lower() == "ienum":
            infrastructure = InfrastructureOptions.read(category, report)
            variable = category.find("ebl_alg")
            if variable is not None and infrastructure.ebl_alg == "ebl":
                report(variable, "ebl_alg=ebl has no effect: the branch is found by the country code (cc)")
                infrastructure.ebl_alg = "cc"
        else:
            logger.warning(f"{category.file}:{category.line}: section [{category.name}] is unknown; there are general and ienum")
    for warning in report.warnings:
        logger.warning(str(warning))
    return EnumSettings(general, infrastructure)
