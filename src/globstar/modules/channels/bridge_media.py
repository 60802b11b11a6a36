"""Bridge Media Channel Driver: announcers and recorders."""

from __future__ import annotations

from globstar.core.mediachannels import MediaChannelTech
from globstar.core.system import System
from globstar.core.tech import TechSpec

_SERVICE = "bridge media channels"
_TECHNOLOGIES = {"Announcer": "Bridge Media Announcing Channel Driver", "Recorder": "Bridge Media Recording Channel Driver"}


def load(system: System) -> None:
    """Register both technologies, which serve one system."""
    specs = [
        TechSpec(name=name, module=__name__, tech=MediaChannelTech(system, name, description))
        for name, description in _TECHNOLOGIES.items()
    ]
    for spec in specs:
        system.techs.register(spec)
    system.services[_SERVICE] = specs


def unload(system: System) -> None:
    """Take them back."""
    for spec in system.services.pop(_SERVICE):
        system.techs.unregister(spec)
