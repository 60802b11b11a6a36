"""Fax by T.38: re-INVITEs that ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.modules.channels.pjsip.supplement import Supplement
from globstar.modules.channels.pjsip.t38 import FaxState, describe_theirs, fax_of
from globstar.proto.sdp import SdpParseError, SessionDescription, parse

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ServerTransaction


class T38(Supplement):
    """See :mod:`globstar.modules.channels.pjsip.t38`."""

    module = "res_pjsip_t38"

    def reinvite_received(self, leg: Leg, session: InviteSession, transaction: ServerTransaction) -> bool:
        """An offer of T.38 instead of audio waits for the other side of the call; one of audio ends the fax."""
        fax = leg.media.fax
        body = transaction.request.body
        if not leg.endpoint.t38_udptl or (fax is None and b"m=image" not in body):
            return False
        try:
            offer = parse(body)
        except SdpParseError:
            return False  # it is refused where every other offer is read
        line = next((media for media in offer.media if media.kind == "image" and media.port and "t38" in media.formats), None)
        if line is None or _has_audio(offer):
            if fax is not None and _has_audio(offer):
                fax.end(by_endpoint=True)
            return False
        fax = fax_of(leg)
        fax.theirs = describe_theirs(line)
        if fax.state is FaxState.ENABLED:
            return False  # another address or other limits: answered at once
        fax.wait(session, transaction, offer)
        return True

    def channel_ended(self, leg: Leg, channel: Channel) -> None:
        """No fax without a channel."""
        if leg.media.fax is not None:
            leg.media.fax.stop()


def _has_audio(offer: SessionDescription) -> bool:
    return any(media.kind == "audio" and media.port for media in offer.media)
