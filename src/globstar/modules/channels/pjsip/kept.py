"""What the options of an endpoint make of its audio, call after call: worked out once, and gone with the endpoint object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from globstar.core.format import Format, ulaw
from globstar.media.settings import Payload, SessionOptions
from globstar.modules.channels.pjsip import media_options
from globstar.modules.channels.pjsip.codecs import describe_all
from globstar.modules.channels.pjsip.endpoint import if_set
from globstar.modules.channels.pjsip.packets import PacketLengths
from globstar.proto.sdp import CodecDescription, NegotiatedCodec

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.endpoint import EndpointObject

#: Most agreements, and most choices of formats, that are kept of an endpoint; phones behind it do not come to so many.
MAX_KEPT = 32

Key = TypeVar("Key")
Value = TypeVar("Value")


#: see Voice.encodings
Encodings = tuple[Mapping[str, int], Mapping[str, int], Mapping[int, str]]


def others(receive: Mapping[str, int], send: Mapping[str, int]) -> dict[int, str]:
    """Numbers of the peer's description that mean nothing else here, with their encodings: some phones send under those of their
    answer instead of ours (RFC 3264 section 6.1)."""
    ours = set(receive.values())
    return {number: name for name, number in send.items() if number not in ours and name in receive}


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
    #: what Voice.encodings gives, by whether digits are wanted, as far as it was asked for
    encodings: dict[bool, Encodings]


class EndpointAudio:
    """See the module's docstring. A reload makes new endpoint objects: nothing here outlives the options that it came from."""

    __slots__ = ("_described", "_endpoint", "_offered", "codecs", "lengths", "line", "plans", "session_options")

    def __init__(self, endpoint: EndpointObject) -> None:
        self._endpoint = endpoint
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
        #: the lengths of packets before anything is agreed
        self.lengths = PacketLengths(next(iter(endpoint.audio_formats), ulaw), endpoint, None)
        #: what was made of agreements on codecs
        self.plans: dict[tuple[object, ...], VoicePlan] = {}
        self._described: dict[tuple[Format, ...], dict[CodecDescription, Format]] = {}
        self._offered: dict[tuple[tuple[Format, ...], bool], list[Format]] = {}

    def describe(self, formats: tuple[Format, ...]) -> dict[CodecDescription, Format]:
        """The SDP descriptions of other formats under the same options; not to be changed."""
        found = self._described.get(formats)
        if found is None:
            endpoint = self._endpoint
            found = describe_all(formats, endpoint.formats, aal2_as_rfc3551=endpoint.g726_non_standard)
            keep(self._described, formats, found)
        return found

    def offered(self, wanted: tuple[Format, ...], *, no_transcoding: bool) -> list[Format]:
        """The formats that an offer of ours names for a calling side with these; not to be changed. See media_options."""
        found = self._offered.get((wanted, no_transcoding))
        if found is None:
            found = media_options.offered(self._endpoint, self._endpoint.audio_formats, wanted, no_transcoding=no_transcoding)
            keep(self._offered, (wanted, no_transcoding), found)
        return found


def keep(kept: dict[Key, Value], key: Key, value: Value) -> None:
    """Remember a value; what would become too much is forgotten at once, and worked out again."""
    if len(kept) >= MAX_KEPT:
        kept.clear()
    kept[key] = value


def audio_of(endpoint: EndpointObject) -> EndpointAudio:
    """What the options of this endpoint come to."""
    if endpoint.audio is None:
        endpoint.audio = EndpointAudio(endpoint)
    return endpoint.audio
