"""Why nothing of an offer or answer can be used, in words for the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from globstar.proto.sdp.stream import CodecDescription, LocalMedia, accept
from globstar.proto.sdp.values import Media, RtpMap, SessionDescription

#: Lines, and codecs of a line, that are told of.
_MOST_LINES, _MOST_NAMES = 4, 8


def why_not(theirs: SessionDescription, ours: Sequence[LocalMedia | None], *, is_answer: bool = False) -> str:
    """The reasons by stream; ``ours`` are what we can do, for an answer in the order of its lines."""
    reasons: list[str] = []
    for index, line in enumerate(theirs.media):
        fitting = ours[index : index + 1] if is_answer else ours
        reason = f"{line.kind}: {_why(line, [mine for mine in fitting if mine is not None], is_answer=is_answer)}"
        if reason not in reasons:
            reasons.append(reason)
    told = reasons[:_MOST_LINES] + ["..."] * (len(reasons) > _MOST_LINES)
    return "; ".join(told) or "it has no streams"


def _why(theirs: Media, ours: Sequence[LocalMedia], *, is_answer: bool) -> str:
    if not theirs.port:
        return "is declined"
    same = [mine for mine in ours if mine.kind == theirs.kind]
    if not same:
        return "is not taken"
    spoken = same if is_answer else [mine for mine in same if theirs.protocol in mine.protocols]
    if not spoken:
        wanted = _names(protocol for mine in same for protocol in mine.protocols)
        return f"{theirs.protocol} is not taken, but {wanted}; see media_encryption and use_avpf"
    if all(accept(mine, theirs, is_answer=is_answer) is None for mine in spoken):
        maps = theirs.rtpmaps()
        offered = _names(_name(maps[number]) for number in theirs.payload_types if number in maps)
        allowed = _names(name for mine in spoken for name in (*map(_name, mine.codecs), *mine.formats))
        return f"no codec in common: offered are {offered or 'none that is known'}, allowed are {allowed}"
    return "no keys that can be used; see media_encryption"


def _name(codec: CodecDescription | RtpMap) -> str:
    """As rtpmap lines have it: what differs may be the clock, or the number of channels."""
    return f"{codec.name}/{codec.clock_rate}" + (f"/{codec.channels}" if codec.channels != 1 else "")


def _names(names: Iterable[str]) -> str:
    found = list(dict.fromkeys(names))
    return ", ".join(found[:_MOST_NAMES] + ["..."] * (len(found) > _MOST_NAMES))
