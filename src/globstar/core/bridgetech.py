"""Bridge technologies: what moves the media of a bridge, and how one is described and found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntFlag
from typing import TYPE_CHECKING

from globstar.core import events
from globstar.core.registry import Spec

if TYPE_CHECKING:
    from globstar.core.bridge import Bridge, BridgeMember
    from globstar.core.system import System

#: Name of the service under which the candidates are kept.
_CACHE = "bridge technologies by preference"


class BridgeCapability(IntFlag):
    """What a bridge technology offers; a bridge asks for one or several."""

    HOLDING = 1
    EARLY = 2
    NATIVE = 4
    ONE_TO_ONE = 8
    MULTIMIX = 16


class BridgeTechnology:
    """One way to move media between the members of a bridge. One instance serves one bridge."""

    name = ""
    capability = BridgeCapability.ONE_TO_ONE
    #: the higher the better; Asterisk's bases are 10 holding, 20 early, 90 native, 50 one-to-one, 10 multimix
    preference = 50
    #: how many members a bridge must have for it to be considered
    least = 0
    #: members hear a mix: what one tells the other in a call of two (hold, ringing ...) is not told to the others
    mixes = False

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge

    @classmethod
    def unsuitable(cls, bridge: Bridge) -> str | None:
        """Why this technology cannot serve ``bridge`` as it is now; None if it can.

        One that does not show frames to the core asks :meth:`BridgeMember.frames_needed` of every member.
        """
        return None

    def start(self) -> None:
        """Begin to serve: bind every member's ``forward``. Called again when a member that was apart comes back."""

    def stop(self) -> None:
        """Undo :meth:`start`."""

    def media_changed(self) -> None:
        """A member's media have changed while this technology serves, and it goes on to serve: bind anew what depends on them."""

    def reconsidered(self) -> None:
        """What the members need was looked at again, and this technology goes on to serve: there may be more than one way."""

    def generator_changed(self, member: BridgeMember) -> None:
        """A member hears music or a tone of its own from now on, or no more."""

    def mix_changed(self) -> None:
        """How the bridge mixes has changed, or what a member gives to the mix and hears of it."""

    def detail(self) -> str:
        """How it serves, where there is more than one way."""
        return ""

    def is_noticed(self, member: BridgeMember) -> bool:
        """Whether the others get what a member sends beside voice: digits, pictures, text, conditions."""
        return True

    def member_joined(self, member: BridgeMember) -> None:
        """A member came while this technology serves."""

    def member_left(self, member: BridgeMember) -> None:
        """A member went while this technology serves."""


@dataclass(slots=True, kw_only=True)
class BridgeTechnologySpec(Spec):
    """A bridge technology offered by a module."""

    technology: type[BridgeTechnology]
    is_suspended: bool = False

    @property
    def kind(self) -> str:
        """Their registry's name."""
        return "bridge technology"

    def for_system(self) -> BridgeTechnologySpec:
        """See Spec: each system suspends its own, and a module that is loaded again brings one that is in use."""
        return replace(self, is_suspended=False)


def preference(spec: BridgeTechnologySpec) -> int:
    """The sort key of technologies: the preferred first."""
    return -spec.technology.preference


def candidates(system: System, capabilities: BridgeCapability) -> list[BridgeTechnologySpec]:
    """The technologies that offer one of ``capabilities``, the preferred first; found once per change of their registry."""
    registry = system.bridge_technologies
    cache: dict[tuple[int, int], list[BridgeTechnologySpec]] = system.services.setdefault(_CACHE, {})
    key = (registry.generation, int(capabilities))
    found = cache.get(key)
    if found is None:
        if cache and next(iter(cache))[0] != registry.generation:
            cache.clear()
        offered = [spec for spec in registry if spec.technology.capability & capabilities]
        found = cache[key] = sorted(offered, key=preference)
    return found


def suspend(system: System, spec: BridgeTechnologySpec, *, is_suspended: bool) -> None:
    """Use a technology no more, or again; bridges that are there change at once."""
    spec.is_suspended = is_suspended
    for bridge in list(system.bridges.values()):
        bridge.reconsider(f"{spec.name} was {'suspended' if is_suspended else 'unsuspended'}")


def follow_modules(system: System) -> None:
    """Let bridges change at once when a module brings technologies, or takes them away."""
    seen = system.bridge_technologies.generation

    def changed(event: events.ModuleChanged) -> None:
        nonlocal seen
        generation = system.bridge_technologies.generation
        if generation != seen:
            seen = generation
            for bridge in list(system.bridges.values()):
                bridge.reconsider(f"{event.module} was {'loaded' if event.is_loaded else 'unloaded'}")

    system.bus.subscribe(events.ModuleChanged, changed)
