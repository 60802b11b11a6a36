"""What an endpoint's options make of its RTP: sockets, timers, profiles, and which codecs are offered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from globstar.core.format import Format, MediaType
from globstar.media.settings import SessionOptions
from globstar.modules.channels.pjsip.dtls_keying import DtlsKeying
from globstar.modules.channels.pjsip.endpoint import if_set
from globstar.modules.channels.pjsip.ice import IceWay
from globstar.modules.channels.pjsip.readers import tos_value
from globstar.modules.channels.pjsip.sdes import SdesKeying
from globstar.modules.channels.pjsip.wires import Wires
from globstar.proto.sdp import CodecPreference, IncomingPreference, choose_outgoing

if TYPE_CHECKING:
    from globstar.media.engine import RtpEngine
    from globstar.media.ports import PortAllocator
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.proto.sdp import SessionDescription

AVP, AVPF = "RTP/AVP", "RTP/AVPF"
SAVP, SAVPF = "RTP/SAVP", "RTP/SAVPF"


def session_options(endpoint: EndpointObject, media: MediaType = MediaType.AUDIO) -> SessionOptions:
    """The options of a stream of this kind."""
    is_video = media is MediaType.VIDEO
    is_audio = media is MediaType.AUDIO
    return SessionOptions(
        symmetric=endpoint.rtp_symmetric,
        timeout=endpoint.rtp_timeout if is_audio else 0,
        timeout_hold=endpoint.rtp_timeout_hold if is_audio else 0,
        keepalive=endpoint.rtp_keepalive,
        tos=tos_value(endpoint.tos_video if is_video else endpoint.tos_audio),
        cos=endpoint.cos_video if is_video else endpoint.cos_audio,
    )


def keeps_names(endpoint: EndpointObject) -> bool:
    """Whether streams are known by the names that the phone gives them: where there may be several of a kind."""
    return endpoint.max_audio_streams > 1 or endpoint.max_video_streams > 1


def ports(engine: RtpEngine, endpoint: EndpointObject) -> PortAllocator | None:
    """The endpoint's own range of ports; None for that of rtp.conf."""
    if not endpoint.rtp_port_start:
        return None
    return engine.ports(endpoint.rtp_port_start, endpoint.rtp_port_end)


def protocols(endpoint: EndpointObject) -> tuple[str, ...]:
    """The profiles that are taken, the first one is offered.

    use_avpf decides between those with and without feedback, media_use_received_transport takes both; media_encryption asks for
    the secured ones, beside which media_encryption_optimistic offers and takes the plain ones. Those of DTLS have names of
    their own (RFC 5764 section 8), which are taken with and without their prefix; force_avp offers them without.
    """
    profiles = _profiles(AVP, AVPF, endpoint)
    if endpoint.media_encryption == "no":
        return profiles
    secured = _profiles(SAVP, SAVPF, endpoint)
    if endpoint.media_encryption == "dtls":
        prefixed = tuple(f"UDP/TLS/{name}" for name in secured)
        secured = (*secured, *prefixed) if endpoint.force_avp else (*prefixed, *secured)
    return (*profiles, *secured) if endpoint.media_encryption_optimistic else secured


def _profiles(plain: str, feedback: str, endpoint: EndpointObject) -> tuple[str, ...]:
    mine, other = (feedback, plain) if endpoint.use_avpf else (plain, feedback)
    return (mine, other) if endpoint.media_use_received_transport else (mine,)


def wires(engine: RtpEngine, endpoint: EndpointObject) -> Wires | None:
    """How a stream is secured and finds its way; None for plain media that go to where SDP says."""
    keys = SdesKeying(endpoint) if endpoint.media_encryption == "sdes" else None
    dtls = DtlsKeying(engine, endpoint) if endpoint.media_encryption == "dtls" else None
    ice = IceWay(engine) if endpoint.ice_support and engine.settings.ice else None
    if keys is None and dtls is None and ice is None:
        return None
    return Wires(keys, dtls, ice, allows_mux=endpoint.rtcp_mux, bundles=endpoint.bundle)


def offered(
    endpoint: EndpointObject, allowed: Sequence[Format], wanted: Sequence[Format], *, no_transcoding: bool = False
) -> list[Format]:
    """The formats of one kind that our offer names, given those of the calling side (none: nobody calls).

    codec_prefs_outgoing_offer decides where it is set, else outgoing_call_offer_pref. With ``no_transcoding`` only
    what the calling side has is left, which may be nothing.
    """
    local = [
        next((format for format in wanted if format.codec is mine.codec or format.name == mine.name), mine) for mine in allowed
    ]
    if not wanted:
        return local
    preference = if_set(endpoint.codec_prefs_outgoing_offer)
    if preference is None:
        chosen = choose_outgoing(local, list(wanted), endpoint.outgoing_call_offer_pref)
    else:
        chosen = [format for format in preference.apply(list(wanted), local) if format in local] or local
        if preference.keep == "first":
            chosen = chosen[:1]
    return [format for format in chosen if format in wanted] if no_transcoding else chosen


def prefers_remote(endpoint: EndpointObject) -> bool:
    """Whether the codecs of our answers stand in the order of the offer."""
    preference = endpoint.answer_preference
    if isinstance(preference, CodecPreference):
        return preference.prefer == "pending"
    return preference in (IncomingPreference.REMOTE, IncomingPreference.REMOTE_FIRST)


def holds(offer: SessionDescription) -> bool:
    """Whether an offer puts us on hold."""
    for line in offer.media:
        if line.kind == "audio" and line.port:
            connection = offer.connection_of(line)
            return not offer.direction_of(line).can_receive or (connection is not None and connection.is_unspecified)
    return False
