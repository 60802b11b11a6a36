"""Streams that share one transport: ``a=group:BUNDLE`` (RFC 9143), and the header extension that tells them apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from globstar.proto.sdp.feedback import extension_number
from globstar.proto.sdp.values import Attribute, Media, SessionDescription

#: the RTP header extension that names the stream of a packet (RFC 9143 section 16.2)
MID_EXTENSION = "urn:ietf:params:rtp-hdrext:sdes:mid"
#: the numbers of the one-byte form (RFC 8285 section 4.2)
_NUMBERS = range(1, 15)
#: What a transport says of itself that stands on every line of its bundle: RFC 9143 section 7.1.3 wants it on one line only, but
#: browsers repeat it, and some stacks refuse lines without.
_REPEATED = frozenset(("ice-ufrag", "ice-pwd", "fingerprint", "setup"))
#: longest identification that fits the one-byte form of a header extension (RFC 8285 section 4.2)
MAX_MID = 16


@dataclass(frozen=True, slots=True)
class Bundling:
    """What bundling means for one agreed stream.

    ``tag`` is the index of the m-line whose transport it uses, which may be its own; ``extension`` is the number of the header
    extension for its mid in both directions, 0 where there is none.
    """

    mid: str
    tag: int
    extension: int = 0


@dataclass(frozen=True, slots=True)
class LocalSource:
    """How a bundled stream of ours introduces itself (RFC 5576, RFC 8830): ``cname`` is one for all streams of a call."""

    ssrc: int
    cname: str
    stream: str
    track: str

    def attributes(self) -> tuple[Attribute, ...]:
        """The lines of SDP."""
        return Attribute("ssrc", f"{self.ssrc} cname:{self.cname}"), Attribute("msid", f"{self.stream} {self.track}")


def bundles(description: SessionDescription) -> list[tuple[str, ...]]:
    """The mids of each BUNDLE group, as they stand; those of lines that are not there are left out."""
    groups = description.all("group")
    if not groups:
        return []
    known = {media.mid for media in description.media}
    found = []
    for value in groups:
        semantics, *mids = value.split()
        if semantics.upper() == "BUNDLE":
            found.append(tuple(dict.fromkeys(mid for mid in mids if mid in known)))
    return found


def choose_bundle(description: SessionDescription, usable: Iterable[Media]) -> tuple[str, ...]:
    """The group of an offer that is taken: the first that has one of the ``usable`` lines; () for none."""
    if not description.has("group"):
        return ()
    mids = {media.mid for media in usable}
    return next((group for group in bundles(description) if not mids.isdisjoint(group)), ())


def is_offered(media: Media, group: Sequence[str]) -> bool:
    """Whether an offered line is none of the rejected ones: port 0 may also mean that it lives in the bundle alone."""
    return media.port != 0 or (media.mid in group and media.has("bundle-only"))


def mid_extension(media: Media) -> int:
    """The number of the header extension for the mid; 0 where there is none."""
    return extension_number(media, MID_EXTENSION)


def free_extension(description: SessionDescription | None, *taken: int) -> int:
    """A number for a header extension that means nothing else to a peer who has sent ``description``, and none of the ``taken``.

    The meaning of a number stays for the whole session (RFC 8285 section 5): browsers do not bear another one.
    """
    lines = description.media if description is not None else ()
    used = {value.partition(" ")[0].partition("/")[0] for line in lines for value in line.all("extmap")} | set(map(str, taken))
    return next((number for number in _NUMBERS if str(number) not in used), 0)


def repeated(keys: Iterable[Attribute]) -> tuple[Attribute, ...]:
    """Of the lines of a transport those that the other streams on it show too."""
    return tuple(attribute for attribute in keys if attribute.name in _REPEATED)


def session_attributes(group: Sequence[str]) -> tuple[Attribute, ...]:
    """What stands above the streams."""
    if not group:
        return ()
    return Attribute("msid-semantic", "WMS *"), Attribute("group", f"BUNDLE {' '.join(group)}")


def line_attributes(mid: str, extension: int) -> tuple[Attribute, ...]:
    """What a line of a bundle says for it."""
    if not mid:
        return ()
    named = Attribute("mid", mid)
    return (Attribute("extmap", f"{extension} {MID_EXTENSION}"), named) if extension else (named,)
