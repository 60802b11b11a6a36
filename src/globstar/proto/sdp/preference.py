"""Which codecs, in which order: the preference options of a PJSIP endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeVar

from globstar.base.errors import RemoteFault

Codec = TypeVar("Codec")


class IncomingPreference(Enum):
    """``incoming_call_offer_pref``: the codecs of our answer to a call's offer."""

    LOCAL = "local"
    LOCAL_FIRST = "local_first"
    REMOTE = "remote"
    REMOTE_FIRST = "remote_first"

    def choose(self, remote: Sequence[Codec], local: Sequence[Codec]) -> list[Codec]:
        """See :func:`choose_incoming`."""
        return choose_incoming(local, remote, self)


class OutgoingPreference(Enum):
    """``outgoing_call_offer_pref``: the codecs of our offer, given those of the calling side (remote)."""

    LOCAL = "local"
    LOCAL_MERGE = "local_merge"
    LOCAL_FIRST = "local_first"
    REMOTE = "remote"
    REMOTE_MERGE = "remote_merge"
    REMOTE_FIRST = "remote_first"


def choose_incoming(
    local: Sequence[Codec], remote: Sequence[Codec], preference: IncomingPreference = IncomingPreference.LOCAL
) -> list[Codec]:
    """The codecs common to both lists, in the order of the preferred one; only the first for ``*_first``."""
    by_local = preference in (IncomingPreference.LOCAL, IncomingPreference.LOCAL_FIRST)
    common = _common(local, remote) if by_local else _common(remote, local)
    only_first = preference in (IncomingPreference.LOCAL_FIRST, IncomingPreference.REMOTE_FIRST)
    return common[:1] if only_first else common


def choose_outgoing(
    local: Sequence[Codec],
    remote: Sequence[Codec],
    preference: OutgoingPreference = OutgoingPreference.REMOTE_MERGE,
) -> list[Codec]:
    """The codecs to offer to a callee whose endpoint allows ``local`` when the caller has ``remote``.

    When the choice leaves nothing, all local codecs are offered: the call is then transcoded, as Asterisk does.
    """
    if preference is OutgoingPreference.LOCAL_MERGE:
        chosen = list(local)
    elif preference is OutgoingPreference.REMOTE_MERGE:
        first = _common(remote, local)
        chosen = first + [codec for codec in local if codec not in first]
    elif preference in (OutgoingPreference.LOCAL, OutgoingPreference.LOCAL_FIRST):
        chosen = _common(local, remote)
    else:
        chosen = _common(remote, local)
    if preference in (OutgoingPreference.LOCAL_FIRST, OutgoingPreference.REMOTE_FIRST):
        chosen = chosen[:1]
    return chosen or list(local)


@dataclass(frozen=True, slots=True)
class CodecPreference:
    """The ``codec_prefs_*`` options: ``prefer: pending, operation: intersect, keep: all, transcode: allow``."""

    prefer: str = "pending"
    operation: str = "intersect"
    keep: str = "all"
    transcode: str = "allow"

    @staticmethod
    def parse(text: str, default: CodecPreference | None = None) -> CodecPreference:
        """Read the option's text; parts that are left out keep ``default``.

        Raises:
            RemoteFault: an unknown word.
        """
        base = default or CodecPreference()
        values = {"prefer": base.prefer, "operation": base.operation, "keep": base.keep, "transcode": base.transcode}
        for part in text.split(","):
            name, value = (piece.strip().lower() for piece in (part + ":").split(":")[:2])
            if value not in _CHOICES.get(name, ()):
                raise RemoteFault(f"codec preference: {part.strip()!r} is not understood")
            values[name] = value
        return CodecPreference(**values)

    def __str__(self) -> str:
        return f"prefer: {self.prefer}, operation: {self.operation}, keep: {self.keep}, transcode: {self.transcode}"

    def apply(self, pending: Sequence[Codec], configured: Sequence[Codec]) -> list[Codec]:
        """Combine what came in (``pending``) with what the endpoint allows (``configured``)."""
        preferred, other = (pending, configured) if self.prefer == "pending" else (configured, pending)
        if self.operation == "intersect":
            chosen = _common(preferred, other)
        elif self.operation == "union":
            chosen = list(preferred) + [codec for codec in other if codec not in preferred]
        elif self.operation == "only_preferred":
            chosen = list(preferred)
        else:
            chosen = list(other)
        return chosen[:1] if self.keep == "first" else chosen

    def choose(self, remote: Sequence[Codec], local: Sequence[Codec]) -> list[Codec]:
        """What of a description of the other side (``remote``) is used: no more than both sides have, whatever the operation."""
        pending = list(remote)
        kept = [codec for codec in replace(self, keep="all").apply(pending, local) if codec in pending and codec in local]
        return kept[:1] if self.keep == "first" else kept


_CHOICES = {
    "prefer": ("pending", "configured"),
    "operation": ("intersect", "union", "only_preferred", "only_nonpreferred"),
    "keep": ("all", "first"),
    "transcode": ("allow", "prevent"),
}


def _common(ordered: Iterable[Codec], other: Sequence[Codec]) -> list[Codec]:
    return [codec for codec in ordered if codec in other]
