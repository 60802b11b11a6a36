"""More streams in the middle of a call, on our account: what the other side has begun with, and pictures of several others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core.format import Format, FormatCapabilities, MediaType
from globstar.modules.channels.pjsip import media_options, refresh

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.leg import Leg


def offer_kinds(leg: Leg, wanted: FormatCapabilities) -> None:
    """Offer the kinds of ``wanted`` as well, as far as the endpoint allows them and has none."""
    endpoint, media = leg.endpoint, leg.media
    chosen: list[Format] = []
    for kind, allowed, limit in (
        (MediaType.VIDEO, endpoint.video_formats, endpoint.max_video_streams),
        (MediaType.TEXT, endpoint.text_formats, 1),
    ):
        theirs = wanted.of_media(kind).formats
        if theirs and allowed and limit and not any(side.kind is kind and side.stream is not None for side in media.sides):
            chosen += media_options.offered(endpoint, allowed, theirs, no_transcoding=True)
    if chosen:
        media.set_formats(FormatCapabilities([*media.formats, *chosen], media.formats.framing_ms))
        refresh.ask(leg, refresh.Refresh())


def offer_videos(leg: Leg, count: int) -> bool:
    """Have ``count`` streams of video, as far as ``max_video_streams`` allows; the new ones show the endpoint something.

    False when there is nothing to offer: the endpoint has no video, or has as many streams as it may.
    """
    media = leg.media
    videos = [side for side in media.sides if side.kind is MediaType.VIDEO]
    agreed = next((side.agreed for side in videos if side.stream is not None), None)
    missing = min(count, leg.endpoint.max_video_streams) - len(videos)
    if agreed is None or missing <= 0:
        return False
    for _ in range(missing):
        media.add_side(MediaType.VIDEO, agreed).only_shows = True
    return refresh.ask(leg, refresh.Refresh())
