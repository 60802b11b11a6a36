"""INFO with application/media_control+xml (RFC 5168): a picture from scratch is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core.format import MediaType
from globstar.core.frame import Control, control
from globstar.modules.channels.pjsip.supplement import Supplement
from globstar.proto.sip.session import SessionState

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ServerTransaction

CONTENT_TYPE = "application/media_control+xml"
REQUEST = (
    '<?xml version="1.0" encoding="utf-8" ?>\r\n<media_control><vc_primitive><to_encoder><picture_fast_update/>'
    "</to_encoder></vc_primitive></media_control>\r\n"
)


class MediaControl(Supplement):
    """What one side of a call asks of the other's camera is passed on."""

    module = "res_pjsip_session"

    def session_request(self, leg: Leg, session: InviteSession, transaction: ServerTransaction) -> bool:
        """The endpoint has lost the picture."""
        request = transaction.request
        kind = request.content_type
        if request.method != "INFO" or kind is None or kind.value.lower() != CONTENT_TYPE:
            return False
        session.respond(transaction, 200)
        if b"picture_fast_update" in request.body and leg.channel is not None:
            leg.channel.deliver(control(Control.VIDUPDATE))
        return True


def ask(leg: Leg, stream: int | None = None) -> bool:
    """Ask the endpoint for a picture from scratch, if it sends video: by RTCP under RTP/AVPF, else by INFO.

    ``stream`` is the number of the video, None for all.
    """
    session = leg.session
    videos = [side for side in leg.media.sides if side.kind is MediaType.VIDEO and side.stream is not None]
    videos = [side for side in videos if stream is None or side.number == stream]
    by_rtcp = [side.ask_for_picture() for side in videos]
    if videos and not all(by_rtcp) and session is not None and session.state is SessionState.CONFIRMED:
        session.send_request("INFO", body=REQUEST.encode(), content_type=CONTENT_TYPE)
    return True
