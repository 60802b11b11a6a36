"""What one module offers to others through ``system.services``, as interfaces."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from aiohttp.web import BaseRequest, StreamResponse

    from globstar.core.bridge import BridgeMember
    from globstar.core.channel import Channel
    from globstar.proto.geo import Profile


@runtime_checkable
class MusicOnHold(Protocol):
    """Service ``music on hold`` (res_musiconhold)."""

    def start(self, channel: Channel, music_class: str = "") -> bool:
        """Play the class (the channel's own, else the default one, when empty) until stopped; False if there is none."""

    def stop(self, channel: Channel) -> None:
        """Stop the music."""


#: where a channel keeps the geolocation profile of its call
GEO_PROFILE = "geolocation profile"


@runtime_checkable
class Geolocation(Protocol):
    """Service ``geolocation`` (res_geolocation)."""

    def profile(self, name: str) -> Profile | None:
        """A configured or built-in profile."""

    def effective(self, profile: Profile, channel: Channel) -> Profile:
        """The profile as others are told it: refined, its variables and those of ``channel`` replaced."""


@runtime_checkable
class Prompts(Protocol):
    """Service ``prompts``: makes prompts that no sound file has."""

    def ensure_prompt(self, name: str, language: str = "en") -> Path | None:
        """The file of the prompt, made now if need be (slow: call it off the loop); None if nobody knows its words."""


@runtime_checkable
class Parking(Protocol):
    """Service ``parking`` (res_parking)."""

    def takes(self, channel: Channel, context: str, extension: str) -> bool:
        """Whether a transfer of ``channel`` to the extension parks it."""

    def park_transferee(
        self, member: BridgeMember, context: str = "", extension: str = "", told: Callable[[], None] | None = None
    ) -> bool:
        """Park the one other member of the bridge, in the lot of the extension or the channel's own; False if that cannot be.

        ``told`` is called when it is certain, before anything happens.
        """

    def park_by_code(self, member: BridgeMember) -> None:
        """The member pressed the code that parks the other one."""


@runtime_checkable
class CallRecords(Protocol):
    """Service ``call records``: the CDR engine, as applications and functions reach it."""

    def reset(self, channel: Channel, *, keep_variables: bool = False) -> None:
        """Begin the channel's record anew, with its times set back; user fields and variables are lost unless kept."""

    def fork(
        self,
        channel: Channel,
        *,
        sets_answer: bool = False,
        ends_original: bool = False,
        resets_times: bool = False,
        keeps_variables: bool = True,
    ) -> bool:
        """Begin a second record beside the channel's present one; False if there is none to fork.

        ``sets_answer``: an answered channel's new record was answered now. ``ends_original``: the present record is closed.
        ``resets_times``: start and answer of the new record are now. ``keeps_variables``: user fields and variables are copied.
        """


@runtime_checkable
class AgiScripts(Protocol):
    """Service ``agi`` (res_agi)."""

    #: whether the dialogues are logged (``agi set debug on``)
    debug: bool

    def enqueue(self, channel: Channel, command: str, command_id: str = "") -> bool:
        """Give a command to a channel in AGI(agi:async); False if it is not there, or its queue is full.

        The answer comes as :class:`~globstar.core.events.AsyncAgiExecuted` with that id.
        """


@runtime_checkable
class MessageStore(Protocol):
    """Service ``voicemail`` as those see it who count messages (app_voicemail)."""

    def message_count(self, mailbox: str, folder: str) -> int:
        """How many messages a folder of the mailbox (``100@context``) has, 0 if there is none; reads the disk."""


@dataclass(frozen=True, slots=True, eq=False)
class HttpRoute:
    """A path below the HTTP server's prefix and who answers there.

    ``path`` has no slash at its ends (``ari``, ``metrics``). With ``has_subtree`` the handler gets all that is below it, too.
    ``handler(request, rest)`` answers; ``rest`` is what of the path follows ``path``, without a slash at its start. It may raise
    aiohttp's HTTP exceptions; another exception is logged and answered 500.
    """

    path: str
    handler: Callable[[BaseRequest, str], Awaitable[StreamResponse]]
    description: str
    has_subtree: bool = False


class WebSocketPeer(Protocol):
    """A WebSocket that a client opened, as the handler of its sub-protocol sees it."""

    @property
    def sub_protocol(self) -> str:
        """What both sides agreed on."""

    @property
    def is_secure(self) -> bool:
        """Whether it came over TLS."""

    @property
    def local_address(self) -> tuple[str, int]:
        """Our end."""

    @property
    def remote_address(self) -> tuple[str, int]:
        """The client's end."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Of the request that opened it."""

    @property
    def is_open(self) -> bool:
        """Whether ``send`` may succeed."""

    #: seconds that one message may wait for the client to read; then the connection is cut off
    write_timeout: float

    async def receive(self) -> bytes | None:
        """The next message, text as UTF-8; None when the connection has ended. Pings are answered below."""

    def send(self, message: bytes, *, is_text: bool = True) -> bool:
        """Queue a message; False when the connection has ended or its queue is full (then it is being cut off)."""

    def close(self) -> None:
        """End the connection, after what is queued."""


#: ``handler(peer)`` has the WebSocket for its own until it returns; then the connection is closed.
WebSocketHandler = Callable[[WebSocketPeer], Awaitable[None]]


@runtime_checkable
class HttpServer(Protocol):
    """Service ``http``: the one HTTP server of http.conf, which other modules put their paths on.

    Routes may be added whether the server is enabled or not, and outlive its reloads; who adds one takes it back at unload.
    """

    @property
    def is_enabled(self) -> bool:
        """Whether it listens anywhere."""

    @property
    def websocket_protocols(self) -> Mapping[str, WebSocketHandler]:
        """The handlers by sub-protocol, in lower case."""

    def add_route(self, route: HttpRoute) -> None:
        """Answer at ``route.path``. Raises LocalFault when another route has it."""

    def remove_route(self, route: HttpRoute) -> None:
        """Stop that; unknown ones are no error."""

    def add_websocket_protocol(self, name: str, handler: WebSocketHandler) -> None:
        """Give WebSockets with this sub-protocol (at path ``ws``) to ``handler``. Raises LocalFault when it has one."""

    def remove_websocket_protocol(self, name: str) -> None:
        """Refuse new ones; unknown names are no error."""


#: where a channel keeps what became of its Identity headers, and whether its own call is not to be signed
STIR_RESULTS, STIR_SUPPRESSED = "stir results", "stir suppressed"


@dataclass(frozen=True, slots=True)
class IdentityResult:
    """One Identity header of a call: who is said to call, how well that is vouched for, and whether that can be believed.

    ``status`` and ``reason`` are the answer that a call gets which is refused for it (RFC 8224 6.2.2), 0 if it was believed.
    """

    identity: str
    attestation: str
    is_believed: bool
    status: int = 0
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class IdentityVerdict:
    """What became of the Identity headers of a call. ``refuse`` is the status and phrase to refuse it with; ``told`` goes into a
    Reason header of the next response (protocol, status, phrase).
    """

    results: tuple[IdentityResult, ...]
    refuse: tuple[int, str] | None = None
    told: tuple[str, int, str] | None = None


@runtime_checkable
class StirShaken(Protocol):
    """Service ``stir shaken`` (res_stir_shaken): signs and checks caller numbers."""

    def attests(self, profile: str) -> bool:
        """Whether calls of a profile (empty: the defaults) are signed."""

    def verifies(self, profile: str) -> bool:
        """Whether calls of a profile are checked."""

    def sign(self, profile: str, caller: str, callee: str, fingerprints: Iterable[tuple[str, str]] = ()) -> str | None:
        """The value of an Identity header; None where nothing vouches for the caller, with the reason logged.

        ``fingerprints`` are those of the media's certificates as in SDP: name of the hash, and hexadecimal octets with colons.
        """

    async def verify(
        self, profile: str, identities: list[str], callers: list[str], callees: list[str], date: float | None
    ) -> IdentityVerdict:
        """Check the Identity headers of a call against its numbers and its Date (UTC seconds)."""


@dataclass(frozen=True, slots=True)
class PhoneUser:
    """Whom a phone is provisioned for: its MAC, the name of its profile, and what templates may refer to."""

    name: str
    mac: str
    profile: str
    variables: tuple[tuple[str, str], ...]


@runtime_checkable
class PhoneUsers(Protocol):
    """A service of any name that knows users for the provisioning of phones (res_phoneprov)."""

    def phone_users(self) -> Sequence[PhoneUser]:
        """The users as they are now."""


@runtime_checkable
class SipNotifier(Protocol):
    """Service ``sip notify``: NOTIFY outside of subscriptions (PJSIPNotify)."""

    def send(
        self,
        *,
        endpoint: str = "",
        uri: str = "",
        channel: Channel | None = None,
        option: str = "",
        variables: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Notify one of an endpoint, a URI and the call of a channel, with a section of pjsip_notify.conf or with headers
        and lines of ``Content``. Raises ValueError with the reason when nothing was sent.
        """


@runtime_checkable
class SipRegistrations(Protocol):
    """Service ``sip registrations``: our registrations with other servers (PJSIPRegister, PJSIPShowRegistrationsOutbound)."""

    def names(self) -> Sequence[str]:
        """The registrations, in the order of the configuration."""

    def fields(self, name: str) -> dict[str, str]:
        """What AMI's OutboundRegistrationDetail says of one. Raises KeyError."""

    def begin(self, name: str) -> None:
        """Register anew. Raises KeyError."""

    def end(self, name: str) -> None:
        """End it at the server until it is begun again. Raises KeyError."""


@dataclass(frozen=True, slots=True)
class EndpointReport:
    """One endpoint as monitoring sees it: whether it can be reached, and how many channels it has."""

    tech: str
    name: str
    is_online: bool
    channels: int


class Endpoints(Protocol):
    """Service ``endpoints``: the endpoints of a channel driver."""

    def reports(self) -> Iterable[EndpointReport]:
        """Each endpoint of the configuration."""


@runtime_checkable
class CallRecorder(Protocol):
    """Service ``call recorder`` (app_mixmonitor)."""

    def start(self, channel: Channel, file: str, options: str = "", command: str = "") -> str:
        """Record what the channel says and hears, with the options of MixMonitor; gives the id. Raises SoundFault."""

    async def stop(self, channel: Channel, identity: str = "") -> bool:
        """End one recording of the channel, the oldest without an id; its files are whole then. False if there is none."""

    def mute(self, channel: Channel, direction: str, is_muted: bool) -> int:
        """Record silence of a direction (read, write or both), or its sound again; gives how many recordings there are."""


@runtime_checkable
class RecordedNames(Protocol):
    """Service ``voicemail`` as those see it who say people's names (app_voicemail)."""

    def recorded_name(self, mailbox: str) -> str | None:
        """The sound in which the owner of the mailbox (``100@context``) says its name; None if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredSound:
    """What a message made of a recording says of itself."""

    caller_id: str
    channel_name: str
    context: str
    extension: str
    priority: int
    #: UTC seconds
    started: float
    seconds: float


@runtime_checkable
class SoundDelivery(Protocol):
    """Service ``voicemail`` as those see it who put recordings into mailboxes (app_voicemail)."""

    async def deliver(self, address: str, sound: Path, message: DeliveredSound) -> bool:
        """Put a copy of a sound file into the mailbox ``100@default/Work`` (INBOX without a folder).

        False, with the reason logged, where that cannot be.
        """


#: Name of the service :class:`Statistics`.
STATISTICS = "statistics"


@runtime_checkable
class Statistics(Protocol):
    """Service ``statistics`` (res_statsd)."""

    @property
    def is_enabled(self) -> bool:
        """Whether anything is sent; who would count something only for this need not while it is not."""

    def send(self, metric_type: str, name: str, value: str, sample_rate: float = 1.0) -> bool:
        """Send one statistic: g (gauge), c (counter), ms (timer), s (set), m (meter). False if it was not sent."""
