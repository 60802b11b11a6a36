"""Which parameters of video must be the same on both sides, as nothing here decodes a picture to make it fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

#: Profiles of H.264 whose decoders take each other's pictures: phones name one for the other. By profile_idc.
_H264_FAMILIES = {66: "baseline", 88: "extended", 77: "main", 100: "high"}
#: Main with the constraints of baseline is baseline (RFC 6184 table 5).
_BASELINE_TOO = 0b10000000


def parameters(fmtp: str) -> dict[str, str]:
    """``name=value`` pairs; names in lower case."""
    found = {}
    for part in fmtp.split(";"):
        name, _, value = part.partition("=")
        if name.strip():
            found[name.strip().lower()] = value.strip()
    return found


def _h264(found: dict[str, str]) -> tuple[tuple[str, ...], str]:
    """Profile and packetization mode (RFC 6184 section 8.2.2); the level may differ."""
    level = found.get("profile-level-id", "42000a").lower()
    try:
        profile, constraints = int(level[:2], 16), int(level[2:4], 16)
    except ValueError:
        return (level,), found.get("packetization-mode", "0")
    family = _H264_FAMILIES.get(profile, str(profile))
    if profile in (77, 88) and constraints & _BASELINE_TOO:
        family = "baseline"
    return (family,), found.get("packetization-mode", "0")


def _h265(found: dict[str, str]) -> tuple[tuple[str, ...], str]:
    """Profile, and how many streams there are (RFC 7798 section 7.2.2); level and tier may differ."""
    return (found.get("profile-space", "0"), found.get("profile-id", "1")), found.get("tx-mode", "SRST").upper()


def _vp9(found: dict[str, str]) -> tuple[tuple[str, ...], str]:
    """The profile (RFC 9628 section 7)."""
    return (found.get("profile-id", "0"),), ""


def _av1(found: dict[str, str]) -> tuple[tuple[str, ...], str]:
    """The profile (RTP Payload Format for AV1, section 7.2.3); level and tier may differ."""
    return (found.get("profile", "0"),), ""


_READERS: dict[str, Callable[[dict[str, str]], tuple[tuple[str, ...], str]]] = {
    "H264": _h264, "H265": _h265, "VP9": _vp9, "AV1": _av1,
}  # fmt: skip


@lru_cache(maxsize=512)
def _key(name: str, fmtp: str) -> tuple[tuple[str, ...], str]:
    return _READERS[name](parameters(fmtp))


def video_fit(name: str, ours: str, theirs: str) -> int:
    """How well two sets of parameters of one encoding go together.

    0: pictures under one cannot be decoded under the other, as the profiles differ. 1: they can, though packets are made
    otherwise, which many decoders bear. 2: they are the same but for what may differ. Without parameters of ours all is well.
    """
    upper = name.upper()
    if not ours or upper not in _READERS:
        return 2
    (profile, mode), (their_profile, their_mode) = _key(upper, ours), _key(upper, theirs)
    if profile != their_profile:
        return 0
    return 2 if mode == their_mode else 1


def best_fit(name: str, ours: Iterable[str], theirs: str) -> int:
    """The best of :func:`video_fit` for several sets of our parameters."""
    return max(video_fit(name, fmtp, theirs) for fmtp in ours)


def other_variants(name: str, first: str, rest: Iterable[str]) -> tuple[str, ...]:
    """Those of ``rest`` that are another way to be seen: they go neither with ``first`` nor with one another."""
    found = [first]
    for fmtp in rest:
        if fmtp and best_fit(name, found, fmtp) < 2:
            found.append(fmtp)
    return tuple(found[1:])
