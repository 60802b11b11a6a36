"""PJSIP Channel Driver."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.options import Report
from globstar.core.loader import ModuleDeclined
from globstar.core.system import System
from globstar.core.tech import TechSpec
from globstar.modules.channels.pjsip.driver import PjsipDriver
from globstar.modules.channels.pjsip.network import SocketNetwork
from globstar.modules.channels.pjsip.settings import PjsipSettings, read_settings
from globstar.modules.channels.pjsip.tech import PjsipTech

logger = Logger("chan_pjsip")

REQUIRES = ("res_rtp_asterisk",)
MODULE = "chan_pjsip"


def _read(system: System) -> PjsipSettings | None:
    """pjsip.conf as objects, with its warnings logged; None if there is no such file. Raises ConfigError."""
    config = system.configuration.read("pjsip.conf")
    if config is None:
        return None
    report = Report()
    settings = read_settings(config, report)
    for warning in report.warnings:
        logger.warning(str(warning))
    return settings


async def load(system: System) -> None:
    """Read pjsip.conf, bind its transports and offer the technology PJSIP."""
    settings = _read(system)
    if settings is None:
        raise ModuleDeclined("there is no pjsip.conf")
    tech = PjsipTech()
    network = system.services.get("sip network") or SocketNetwork(system.loop)
    driver = PjsipDriver(system, tech, settings, network=network, rtp=system.services["rtp"], rng=system.services.get("sip rng"))
    tech.driver = driver
    await driver.start()
    system.services["pjsip"] = driver
    system.techs.register(TechSpec(name=tech.name, tech=tech, module=MODULE))


async def reload(system: System) -> None:
    """Read pjsip.conf again; a broken file leaves everything as it is."""
    driver = system.service("pjsip", PjsipDriver)
    settings = _read(system)
    if driver is not None and settings is not None:
        await driver.apply(settings)


async def unload(system: System) -> None:
    """Give the transports back."""
    driver = system.services.pop("pjsip", None)
    if driver is not None:
        spec = system.techs.get(driver.tech.name)
        if spec is not None:
            system.techs.unregister(spec)
        await driver.stop()
        driver.tech.driver = None
