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


@runtime_checkable
class CallRecords(Protocol):
    """Service ``call records``: the CDR engine, as applications and functions reach it."""

    def reset(self, channel: Channel, *, keep_variables: bool = False) -> None:
        """Begin the channel's record anew, with its times set back; user fields and variables are lost unless kept."""

    def fork(
        self,
        channel: Channel,
        *,
        sets_answer: bool = False,
        ends_original: bool = False,
        resets_times: bool = False,
        keeps_variables: bool = True,
    ) -> bool:
        """Begin a second record beside the channel's present one; False if there is none to fork.

        ``sets_answer``: an answered channel's new record was answered now. ``ends_original``: the present record is closed.
        ``resets_times``: start and answer of the new record are now. ``keeps_variables``: user fields and variables are copied.
        """
