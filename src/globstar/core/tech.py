"""The channel technology interface: what a driver implements to turn a protocol into channels."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from globstar.base.errors import GlobstarError
from globstar.core.cause import Cause
from globstar.core.format import Format, FormatCapabilities, MediaType
from globstar.core.frame import Control, Frame
from globstar.core.registry import Spec

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.rtp_media import RtpVoice
    from globstar.core.streams import CallStream
    from globstar.core.system import System


class RequestFailed(GlobstarError):
    """A technology cannot make the requested channel; ``cause`` says why."""

    def __init__(self, cause: Cause, message: str = "") -> None:
        super().__init__(message or cause.name)
        self.cause = cause


@dataclass(slots=True)
class DialRequest:
    """What a new outgoing channel is asked to be.

    ``destination`` is the part after ``Tech/``. ``capabilities`` are the formats wanted, best first.
    ``requestor`` is the channel on whose behalf it is made; ``unique_id`` fixes the new channel's id.
    """

    system: System
    destination: str
    capabilities: FormatCapabilities
    requestor: Channel | None = None
    unique_id: str = ""
    second_unique_id: str = ""
    linked_id: str = ""


@dataclass(slots=True)
class NativeMedia:
    """What a channel can do natively in a bridge, and on which conditions.

    ``kind`` names what must be equal on both sides (``rtp``); ``session`` is the driver's media object;
    ``can_relay`` allows forwarding packets unseen, ``can_direct`` allows the endpoints to send to one another.
    ``reason`` says why neither is possible, ``direct_reason`` why not the latter.
    """

    kind: str
    session: Any = None
    format: Format | None = None
    can_relay: bool = False
    can_direct: bool = False
    reason: str = ""
    direct_reason: str = ""


class ChannelTech:
    """One protocol's driver. Every method is called on the loop by the channel's owner and must not block.

    The core calls these; the driver reports back with ``channel.deliver`` (frames) and ``channel.queue_hangup``.
    A method that a protocol has no use for keeps the behaviour given here.
    """

    #: the prefix in dial strings, ``PJSIP`` in ``PJSIP/bob``
    name = ""
    description = ""
    #: other prefixes that reach this driver
    aliases: tuple[str, ...] = ()
    #: formats that the driver can carry at all; empty means any
    capabilities = FormatCapabilities()
    #: the core asks :meth:`read` for a frame every 20 ms instead of waiting for ``deliver``
    is_polled = False
    #: internal channels are hidden from device state and CDR
    is_internal = False
    #: only another state of a device of this technology is news; else each look at it is told
    keeps_device_state = True
    #: an internal channel stands for one that never ends: manager clients and CEL are told what it does, but of no end
    is_standing = False
    #: it has no encoder at its end: voice from a bridge goes on as it is, and is translated where that ends
    passes_formats = False
    #: texts go out with their content type (SENDTEXTTYPE is then ENHANCED, else BASIC)
    has_text_types = False

    def request(self, request: DialRequest) -> Channel:
        """Make an outgoing channel in state DOWN, or raise :class:`RequestFailed`."""
        raise RequestFailed(Cause.CHAN_NOT_IMPLEMENTED, f"{self.name} makes no outgoing calls")

    def prepare(self, destination: str) -> Awaitable[None] | None:
        """What must be awaited before :meth:`request` of a destination, None where that is nothing; it raises nothing."""
        return None

    def call(self, channel: Channel, destination: str, timeout: float) -> None:
        """Start the call on a requested channel; raise :class:`RequestFailed` if that is impossible."""
        raise RequestFailed(Cause.CHAN_NOT_IMPLEMENTED)

    def answer(self, channel: Channel) -> None:
        """Accept the incoming call."""

    def hangup(self, channel: Channel) -> None:
        """Say the protocol's goodbye with ``channel.hangup_cause`` and free what belongs to the channel."""

    def indicate(self, channel: Channel, condition: Control, data: Any = b"") -> bool:
        """Tell the endpoint of a condition (ringing, busy, hold ...); False asks the core to play a tone instead."""
        return False

    def send_digit_begin(self, channel: Channel, digit: str) -> bool:
        """Begin to send a digit; False asks the core to play its tone in the audio."""
        return False

    def send_digit_end(self, channel: Channel, digit: str, duration_ms: int) -> bool:
        """End the digit begun before; False if it was sent as a tone."""
        return False

    def read(self, channel: Channel) -> Frame | None:
        """The next frame of a polled technology, None if there is none yet. Others push with ``channel.deliver``."""
        return None

    def write(self, channel: Channel, frame: Frame) -> None:
        """Send a media frame, in the channel's raw write format if it is voice."""

    def native_media(self, channel: Channel) -> NativeMedia | None:
        """What the channel can do natively in a bridge; None: nothing, frames must flow."""
        return None

    def rtp_voice(self, channel: Channel) -> RtpVoice | None:
        """The channel's voice, if it may be read and sent as RTP in the driver's stead; what changes must come by the session.

        None: frames must flow. Hooks and translators of the channel are not the driver's concern.
        """
        return None

    def want_streams(self, channel: Channel, kind: MediaType, count: int) -> bool:
        """Show the endpoint ``count`` streams of a kind from soon on; False when it has no more to come than it has."""
        return False

    def streams(self, channel: Channel) -> tuple[CallStream, ...]:
        """The streams that the channel has; () where that is not known: one of each kind of its formats."""
        return ()

    def native_bridge(self, channel: Channel, peer: Channel | None) -> None:
        """Send the media of ``channel`` directly to the endpoint of ``peer`` from now on; None takes it back."""

    def early_bridge(self, channel: Channel, peer: Channel | None) -> None:
        """``channel`` is calling ``peer``: media may already be prepared to flow directly."""

    def send_text(
        self, channel: Channel, text: str, content_type: str = "text/plain", *, from_name: str = "", to_name: str = ""
    ) -> bool:
        """Send a text message; False if the protocol cannot.

        The names are those of its sender and its receiver, "" for the call's own; only for technologies with
        :attr:`has_text_types`.
        """
        return False

    def transfer(self, channel: Channel, destination: str) -> bool:
        """Ask the endpoint to call ``destination`` instead; the result comes as a TRANSFER control frame."""
        return False

    def set_option(self, channel: Channel, option: int, value: Any) -> bool:
        """Set a driver option (:class:`~globstar.core.frame.ChannelOption`); False if unknown."""
        return False

    def query_option(self, channel: Channel, option: int) -> Any:
        """Read a driver option; None if unknown."""
        return None

    def fixup(self, old: Channel, new: Channel) -> None:
        """The driver's private part moves from one channel object to another."""

    def device_state(self, resource: str) -> str | None:
        """The state of the device behind ``Tech/resource`` (``NOT_INUSE`` ...); None derives it from the channels."""
        return None

    def presence_state(self, resource: str) -> tuple[str, str, str] | None:
        """State, subtype and message of the presence of ``Tech/resource``."""
        return None

    def channel_read(self, channel: Channel, item: str) -> str | None:
        """``CHANNEL(item)`` for items that only this technology knows; None if it does not."""
        return None

    def channel_write(self, channel: Channel, item: str, value: str) -> bool:
        """``Set(CHANNEL(item)=value)`` for items of this technology; False if unknown."""
        return False

    def private_unique_id(self, channel: Channel) -> str:
        """The protocol's own id of the call (SIP Call-ID)."""
        return ""

    def describe(self, channel: Channel) -> dict[str, str]:
        """Details for ``core show channel``."""
        return {}


@dataclass(slots=True, kw_only=True)
class TechSpec(Spec):
    """A channel technology offered by a module; registered under its name and its aliases."""

    tech: ChannelTech

    @property
    def kind(self) -> str:
        """All technologies share one registry."""
        return "tech"
