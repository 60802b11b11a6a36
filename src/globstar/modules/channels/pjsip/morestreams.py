"""More than one stream of a kind in a call: as many as the other side of it has, or somebody wants to show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from globstar.core.format import Format, FormatCapabilities, MediaType
from globstar.core.streams import CallStream, StreamTopology, of_kind
from globstar.modules.channels.pjsip import media_options, refresh
from globstar.proto.sdp import Attribute

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.modules.channels.pjsip.media import LegMedia


def most(endpoint: EndpointObject, kind: MediaType) -> int:
    """How many streams of a kind a call of the endpoint may have."""
    return {MediaType.AUDIO: endpoint.max_audio_streams, MediaType.VIDEO: endpoint.max_video_streams}.get(kind, 1)


def prepare(media: LegMedia, endpoint: EndpointObject, streams: Iterable[CallStream]) -> None:
    """Let our first offer have as many streams as the caller has, as far as the endpoint may; they are called the same."""
    audio, video, text = (of_kind(streams, kind) for kind in (MediaType.AUDIO, MediaType.VIDEO, MediaType.TEXT))
    if 0 in audio:
        media.names = _names(audio.pop(0))
    for stream in list(audio.values())[: endpoint.max_audio_streams - 1]:
        media.add_side(MediaType.AUDIO, endpoint.audio_formats, stream.number).names = _names(stream)
    for kind, found in ((MediaType.VIDEO, video), (MediaType.TEXT, text)):
        first = next((side for side in media.sides if side.kind is kind), None)
        if first is None or not found:
            continue
        mine, *others = list(found.values())[: most(endpoint, kind)]
        first.number, first.names = mine.number, _names(mine)
        for stream in others:
            media.add_side(kind, first.formats, stream.number).names = _names(stream)


def follow(leg: Leg, topology: StreamTopology) -> None:
    """The other side has begun with kinds of media, or with more streams of one, or has given up audio: offer the same.

    In a conference streams beside the first have no counterpart.
    """
    endpoint, media, channel = leg.endpoint, leg.media, leg.channel
    is_changed = _add_kinds(leg, topology.formats)
    member = channel.bridge_member if channel is not None else None
    if member is not None and len(member.bridge.members) == 2:
        for kind in (MediaType.AUDIO, MediaType.VIDEO):
            is_changed |= _add_streams(media, endpoint, of_kind(topology.streams, kind), kind)
        wanted = of_kind(topology.streams, MediaType.AUDIO)
        for side in media.sides:
            if side.kind is MediaType.AUDIO and side.number not in wanted and side.is_wanted and not media.carries_others(side):
                side.is_wanted = False
                is_changed = True
    if is_changed:
        refresh.ask(leg, refresh.Refresh())


def _add_kinds(leg: Leg, wanted: FormatCapabilities) -> bool:
    """Offer the kinds of ``wanted`` as well, as far as the endpoint allows them and has none."""
    endpoint, media = leg.endpoint, leg.media
    chosen: list[Format] = []
    for kind, allowed in ((MediaType.VIDEO, endpoint.video_formats), (MediaType.TEXT, endpoint.text_formats)):
        theirs = wanted.of_media(kind).formats
        has_none = not any(side.kind is kind and side.stream is not None for side in media.sides)
        if theirs and allowed and most(endpoint, kind) and has_none:
            chosen += media_options.offered(endpoint, allowed, theirs, no_transcoding=True)
    if chosen:
        media.set_formats(FormatCapabilities([*media.formats, *chosen], media.formats.framing_ms), is_wish=False)
    return bool(chosen)


def _add_streams(media: LegMedia, endpoint: EndpointObject, wanted: dict[int, CallStream], kind: MediaType) -> bool:
    """Offer the streams of ``wanted`` that are not there yet, as far as the endpoint may have so many."""
    is_audio = kind is MediaType.AUDIO
    mine = {side.number: side for side in media.sides if side.kind is kind}
    if not is_audio and not any(side.stream is not None for side in mine.values()):
        return False
    room = most(endpoint, kind) - len(mine) - is_audio
    new = [stream for number, stream in wanted.items() if number not in mine and (number or not is_audio)][: max(room, 0)]
    formats = endpoint.audio_formats if is_audio else next((side.agreed for side in mine.values() if side.agreed), [])
    for stream in new:
        media.add_side(kind, formats, stream.number).names = _names(stream)
    return bool(new)


def offer_shown(leg: Leg, kind: MediaType, count: int) -> bool:
    """Have ``count`` streams of a kind, as far as the endpoint may; the new ones show it something.

    False when there is nothing to offer: the endpoint has no such media, or has as many streams as it may.
    """
    media, endpoint = leg.media, leg.endpoint
    mine = [side for side in media.sides if side.kind is kind]
    missing = min(count, most(endpoint, kind)) - len(mine)
    formats: Iterable[Format] | None = next((side.agreed for side in mine if side.stream is not None), None)
    if kind is MediaType.AUDIO:
        missing -= 1
        formats = endpoint.audio_formats if media.is_agreed else None
    if formats is None or missing <= 0:
        return False
    for _ in range(missing):
        media.add_side(kind, list(formats)).only_shows = True
    return refresh.ask(leg, refresh.Refresh())


def _names(stream: CallStream) -> tuple[Attribute, ...]:
    told = (("label", stream.label), ("content", stream.content))
    return tuple(Attribute(name, value) for name, value in told if value)
