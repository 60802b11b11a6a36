"""Variants of a video codec: who offers one under several parameters (profiles of H.264) gets the one that the callee takes.

Nothing here decodes a picture to make it fit, so the callee is offered all of them; the caller, who has no answer yet, is
answered by the callee's choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core.format import FMTP, Format, MediaType
from globstar.modules.channels.pjsip.codecs import VARIANTS
from globstar.proto.sdp import parse

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.leg import Leg


def can_choose(calling: Leg | None) -> bool:
    """Whether a caller's description of its media has not been answered yet, so that another answer may be given."""
    return (
        calling is not None
        and not calling.is_caller
        and not calling.early_sent
        and not calling.was_answered
        and calling.request is not None
        and bool(calling.request.body)
    )


def with_variants(format: Format, calling: Leg) -> Format:
    """A format that was agreed with a caller, with the other parameters under which the caller has offered it."""
    for side in calling.media.sides:
        if side.kind is MediaType.VIDEO and side.stream is not None and format in side.agreed:
            for codec in side.stream.codecs:
                if codec.others and codec.remote_fmtp == format.attributes.get(FMTP):
                    return format.with_attributes({**format.attributes, VARIANTS: "\n".join(codec.others)})
    return format


def remember_caller(leg: Leg, calling: Leg | None) -> None:
    """Note on whose behalf a call is made that offers variants."""
    channel = leg.channel
    if channel is not None and can_choose(calling):
        if any(VARIANTS in format.attributes for format in channel.native_formats):
            leg.on_behalf = calling


def choose_for_caller(leg: Leg) -> None:
    """The callee has chosen: answer the caller accordingly, if it has no answer yet."""
    calling = leg.on_behalf
    if calling is None:
        return
    if not can_choose(calling) or calling.channel is None or calling.channel.is_hung_up or calling.request is None:
        leg.on_behalf = None
        return
    theirs = {side.number: side for side in calling.media.sides if side.kind is MediaType.VIDEO}
    has_changed = False
    for side in leg.media.sides:
        other = theirs.get(side.number)
        if side.kind is MediaType.VIDEO and side.stream is not None and other is not None:
            for codec in side.stream.codecs:
                has_changed |= other.prefer_variant(codec.codec.name, codec.codec.fmtp)
    if has_changed:
        calling.media.answer_again(parse(calling.request.body))
