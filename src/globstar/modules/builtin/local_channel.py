"""Local channels."""

from globstar.core.local import LocalTech
from globstar.core.system import System
from globstar.core.tech import TechSpec

SERVICE = "Local channels"


def load(system: System) -> None:
    """Register the technology, which serves one system."""
    spec = TechSpec(name=LocalTech.name, module=__name__, tech=LocalTech(system))
    system.techs.register(spec)
    system.services[SERVICE] = spec


def unload(system: System) -> None:
    """Take the technology back."""
    system.techs.unregister(system.services.pop(SERVICE))
