"""cURL Resource Module."""

from __future__ import annotations

from typing import Any

from globstar.base.log import Logger
from globstar.base.packages import is_installed
from globstar.config.options import did_you_mean
from globstar.core.curl import READERS, SERVICE, Curl, CurlFault, set_option
from globstar.core.loader import ModuleDeclined
from globstar.core.system import System

logger = Logger("res_curl")


def _defaults(system: System) -> dict[str, Any]:
    """The options of ``[globals]`` in res_curl.conf."""
    found: dict[str, Any] = {}
    config = system.configuration.read("res_curl.conf")
    globals_ = config.category("globals") if config is not None else None
    for variable in globals_ or ():
        try:
            set_option(found, variable.name, variable.value)
        except CurlFault as fault:
            near = did_you_mean(variable.name, READERS) if variable.name.lower() not in READERS else ""
            logger.warning(f"{variable.file}:{variable.line}: {fault}{near}")
    return found


def load(system: System) -> None:
    """Offer transfers, with the options of res_curl.conf."""
    if not is_installed("pycurl"):
        raise ModuleDeclined("pycurl is not installed (pip install 'globstar[curl]')")
    curl = Curl(system.loop)
    curl.defaults = _defaults(system)
    system.services[SERVICE] = curl


def reload(system: System) -> None:
    """Read res_curl.conf again."""
    system.services[SERVICE].defaults = _defaults(system)


def unload(system: System) -> None:
    """No more transfers."""
    system.services.pop(SERVICE).close()
