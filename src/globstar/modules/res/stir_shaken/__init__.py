"""STIR/SHAKEN: signed caller numbers (RFC 8224, RFC 8588)."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.options import Report
from globstar.core.system import System
from globstar.modules.res.stir_shaken.commands import (
    show_attestation,
    show_eprofile,
    show_eprofiles,
    show_profile,
    show_profiles,
    show_tn,
    show_tns,
    show_verification,
    verify_certificate_file,
)
from globstar.modules.res.stir_shaken.functions import stir_shaken, stir_shaken_attestation
from globstar.modules.res.stir_shaken.service import StirService, load_files, make_service, start_check
from globstar.modules.res.stir_shaken.settings import StirSettings, read_settings

logger = Logger("res_stir_shaken")

#: what the loader finds here
__all__ = [
    "load",
    "reload",
    "show_attestation",
    "show_eprofile",
    "show_eprofiles",
    "show_profile",
    "show_profiles",
    "show_tn",
    "show_tns",
    "show_verification",
    "stir_shaken",
    "stir_shaken_attestation",
    "unload",
    "verify_certificate_file",
]

SERVICE = "stir shaken"


def _read(system: System) -> StirSettings:
    report = Report()
    settings = read_settings(system.configuration.read("stir_shaken.conf"), report)
    for warning in report.warnings:
        logger.warning(str(warning))
    return settings


async def load(system: System) -> None:
    """Read stir_shaken.conf and offer the service."""
    service = await make_service(system, _read(system))
    system.services[SERVICE] = service
    start_check(system, service)


async def reload(system: System) -> None:
    """Read it again; certificates that were fetched stay."""
    service = system.service(SERVICE, StirService)
    if service is not None:
        settings = _read(system)
        loaded = await system.run_blocking(load_files, settings)
        for problem in loaded.problems:
            logger.warning(problem)
        service.configure(settings, loaded)
        start_check(system, service)


async def unload(system: System) -> None:
    """Nothing is signed or checked any more."""
    service = system.services.pop(SERVICE, None)
    if service is not None:
        await service.close()
