"""What one module offers to others through ``system.services``, as interfaces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from globstar.core.channel import Channel


@runtime_checkable
class MusicOnHold(Protocol):
    """Service ``music on hold`` (res_musiconhold)."""

    def start(self, channel: Channel, music_class: str = "") -> bool:
        """Play the class (the channel's own, else the default one, when empty) until stopped; False if there is none."""

    def stop(self, channel: Channel) -> None:
        """Stop the music."""


@runtime_checkable
class Prompts(Protocol):
    """Service ``prompts``: makes prompts that no sound file has."""

    def ensure_prompt(self, name: str, language: str = "en") -> Path | None:
        """The file of the prompt, made now if need be (slow: call it off the loop); None if nobody knows its words."""
