"""INFO with application/media_control+xml (RFC 5168): a picture from scratch is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.format import MediaType
from globstar.core.frame import Control, control
from globstar.modules.channels.pjsip.streamnames import label_of, names_of
from globstar.modules.channels.pjsip.supplement import Supplement
from globstar.proto.mediacontrol import CONTENT_TYPE, MediaControlError, build_picture_request, parse_picture_request
from globstar.proto.sip.session import SessionState

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.modules.channels.pjsip.streams import SideStream
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("chan_pjsip")


class MediaControl(Supplement):
    """What one side of a call asks of the other's camera is passed on."""

    module = "res_pjsip_session"

    def session_request(self, leg: Leg, session: InviteSession, transaction: ServerTransaction) -> bool:
        """The endpoint has lost the picture: all of them, or those of the streams that it names."""
        request = transaction.request
        kind = request.content_type
        if request.method != "INFO" or kind is None or kind.value.lower() != CONTENT_TYPE:
            return False
        try:
            names = parse_picture_request(request.body)
        except MediaControlError as error:
            logger.notice(f"{leg}: the {CONTENT_TYPE} of an INFO cannot be read: {error}")
            session.respond(transaction, 400)
            return True
        session.respond(transaction, 200)
        channel = leg.channel
        if names is None or channel is None:
            return True
        meant = [side for side in _videos(leg) if {name.lower() for name in names}.intersection(names_of(side))]
        if not meant:  # all, as nobody knows which
            channel.deliver(control(Control.VIDUPDATE))
        for side in meant:
            channel.deliver(control(Control.VIDUPDATE, side.number))
        return True


def ask(leg: Leg, stream: int | None = None) -> bool:
    """Ask the endpoint for a picture from scratch, if it sends video: by RTCP under RTP/AVPF, else by INFO.

    ``stream`` is the number of the video, None for all. INFO names the streams if the endpoint has others, and they have names.
    """
    session, videos = leg.session, _videos(leg)
    asked = [side for side in videos if stream is None or side.number == stream]
    left = [side for side in asked if not side.ask_for_picture()]
    if left and session is not None and session.state is SessionState.CONFIRMED:
        labels = [label_of(side) for side in left] if len(left) < len(videos) else []
        body = build_picture_request(labels if all(labels) else ())
        session.send_request("INFO", body=body, content_type=CONTENT_TYPE)
    return True


def _videos(leg: Leg) -> list[SideStream]:
    return [side for side in leg.media.sides if side.kind is MediaType.VIDEO and side.stream is not None]
