"""What ``CHANNEL(...)`` knows of PJSIP channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.modules.channels.pjsip import line_settings, quality
from globstar.modules.channels.pjsip.streamnames import names_of
from globstar.proto.sip.flow import bracket

if TYPE_CHECKING:
    from globstar.media.session import RtpSession
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.modules.channels.pjsip.media import LegMedia
    from globstar.modules.channels.pjsip.streams import SideStream
    from globstar.proto.sdp import NegotiatedStream


def read(leg: Leg, item: str) -> str | None:
    """The value of ``CHANNEL(item)``; None if PJSIP does not know it."""
    kind, _, rest = (part.strip() for part in item.partition(","))
    words = [word.strip().lower() for word in rest.split(",")] if rest else []
    kind = kind.lower()
    if kind == "pjsip":
        return _pjsip(leg, words)
    if kind == "rtp":
        return _rtp(leg, words)
    if kind == "rtcp":
        return _rtcp(leg, words)
    if kind == "endpoint":
        return leg.endpoint.name
    if kind == "contact":
        return leg.contact_uri
    if kind == "aor":
        return leg.aor
    if kind == "transfer_result":
        return leg.refer_result
    return line_settings.read(leg, kind)


def _address(host: str, port: int) -> str:
    return f"{bracket(host)}:{port}"


def _pjsip(leg: Leg, words: list[str]) -> str | None:
    what = words[0] if words else ""
    session, request = leg.session, leg.request
    dialog = session.dialog if session is not None else None
    if what == "call-id":
        return request.call_id if request is not None else ""
    if what == "secure":
        return "1" if session is not None and session.flow.transport.secure else "0"
    if what == "target_uri":
        return str(dialog.remote_target) if dialog is not None else leg.request_uri
    if what == "request_uri":
        return leg.request_uri
    if what == "local_uri":
        return _uri(dialog.local) if dialog is not None else ""
    if what == "remote_uri":
        return _uri(dialog.remote) if dialog is not None else ""
    if what == "local_tag":
        return dialog.local_tag if dialog is not None else ""
    if what == "remote_tag":
        return dialog.remote_tag if dialog is not None else ""
    if what in ("remote_addr", "local_addr"):
        if session is None:
            return ""
        flow = dialog.flow if dialog is not None else session.flow
        if what == "remote_addr":
            return _address(flow.host, flow.port)
        return _address(*flow.transport.address_for(flow.host))
    if what == "t38state":
        return leg.media.fax.state.value if leg.media.fax is not None else "DISABLED"
    return None


def _uri(address: str) -> str:
    return address.partition("<")[2].partition(">")[0] or address


def _stream(leg: Leg, kind: str) -> tuple[RtpSession | None, NegotiatedStream | None, tuple[str, int] | None]:
    """The session, agreement and direct address of a stream: the first of a kind, or the one of a name.

    Names are those of :func:`names_of`; ``audio`` and ``video`` are kinds before they are names.
    """
    media = leg.media
    if kind == "audio":
        return media.session, media.stream, media.direct
    for side in media.sides:
        if side.kind.value == kind:
            return side.session, side.stream, side.direct
    lines: list[LegMedia | SideStream] = [media, *media.sides]
    for line in lines:
        if kind in names_of(line):
            return line.session, line.stream, line.direct
    return None, None, None


def _rtp(leg: Leg, words: list[str]) -> str | None:
    what = words[0] if words else ""
    session, stream, direct = _stream(leg, words[1] if len(words) > 1 else "audio")
    if session is None:
        return ""
    if what == "src":
        return _address(leg.media.address, session.local_address[1])
    if what == "dest":
        remote = session.remote_address
        return _address(*remote) if remote is not None else ""
    if what == "direct":
        return _address(*direct) if direct is not None else ""
    if what == "secure":
        keys = session.carrier.security
        return "1" if keys is not None and keys.is_ready else "0"
    if what == "hold":
        return "1" if stream is not None and stream.is_remote_hold else "0"
    return None


def _rtcp(leg: Leg, words: list[str]) -> str | None:
    what = words[0] if words else "all"
    session, _, _ = _stream(leg, words[1] if len(words) > 1 else "audio")
    if session is None or session.is_closed:
        return ""
    statistics = session.statistics()
    summary = quality.SUMMARIES.get(what)
    return summary(statistics) if summary is not None else quality.figures(statistics).get(what)
