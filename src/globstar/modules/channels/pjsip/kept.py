"""What the options of an endpoint make of its audio, call after call: worked out once, and gone with the endpoint object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from globstar.core.format import Format
from globstar.media.settings import Payload, SessionOptions
from globstar.modules.channels.pjsip import media_options
from globstar.modules.channels.pjsip.codecs import describe_all
from globstar.modules.channels.pjsip.endpoint import if_set
from globstar.proto.sdp import CodecDescription, NegotiatedCodec

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.packets import PacketLengths

#: Most agreements that are kept of an endpoint; phones behind it do not come to so many.
MAX_KEPT = 32


class VoicePlan(NamedTuple):
    """What an agreement on codecs means for packets: formats and payload types, by the numbers under which we receive.

    ``refined`` are agreed codecs whose parameters are others than those that we wish, ``writes`` is the format of what we send.
    """

    formats: tuple[Format, ...]
    by_payload: Mapping[int, Format]
    send_by_receive: Mapping[int, NegotiatedCodec]
    refined: Mapping[CodecDescription, Format]
    payloads: Mapping[int, Payload]
    writes: Format
    lengths: PacketLengths


class EndpointAudio:
    """See the module's docstring. A reload makes new endpoint objects: nothing here outlives the options that it came from."""

    __slots__ = ("_plans", "codecs", "line", "session_options")

    def __init__(self, endpoint: EndpointObject) -> None:
        #: the SDP descriptions of the allowed formats; not to be changed
        self.codecs: dict[CodecDescription, Format] = describe_all(
            endpoint.audio_formats, endpoint.formats, aal2_as_rfc3551=endpoint.g726_non_standard
        )
        self.session_options: SessionOptions = media_options.session_options(endpoint)
        #: what the options say of a LocalMedia
        self.line: dict[str, Any] = {
            "rtcp_mux": endpoint.rtcp_mux,
            "protocols": media_options.protocols(endpoint),
            "preference": endpoint.answer_preference,
            "narrowing": if_set(endpoint.codec_prefs_outgoing_answer),
            "answer_preference": if_set(endpoint.codec_prefs_incoming_answer),
            "use_ptime": endpoint.use_ptime,
            "bundles": endpoint.bundle,
            "keeps_names": media_options.keeps_names(endpoint),
        }
        self._plans: dict[tuple[object, ...], VoicePlan] = {}

    def plan(self, agreement: tuple[object, ...]) -> VoicePlan | None:
        """What was made of an agreement on codecs before."""
        return self._plans.get(agreement)

    def keep(self, agreement: tuple[object, ...], plan: VoicePlan) -> None:
        """Remember what was made of it."""
        if len(self._plans) >= MAX_KEPT:
            self._plans.clear()
        self._plans[agreement] = plan


def audio_of(endpoint: EndpointObject) -> EndpointAudio:
    """What the options of this endpoint come to."""
    if endpoint.audio is None:
        endpoint.audio = EndpointAudio(endpoint)
    return endpoint.audio
