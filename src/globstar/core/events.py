"""The events of the core, past tense, each naming the objects concerned.

This is the one table of what the bus carries, however long it is: whoever listens finds the event here.
Events carry the live objects, not copies: a listener that needs a state later must copy it while it is called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from globstar.core.bridge import Bridge
    from globstar.core.channel import Channel
    from globstar.proto.aoc import AdviceOfCharge
    from globstar.proto.rtp import ReceiverReport, SenderReport


@dataclass(slots=True)
class ChannelCreated:
    """A channel came into being (AMI Newchannel, CEL CHAN_START)."""

    channel: Channel


@dataclass(slots=True)
class ChannelStateChanged:
    """A channel's state changed (AMI Newstate)."""

    channel: Channel


@dataclass(slots=True)
class ChannelAnswered:
    """A channel went up because this side or the other answered (CEL ANSWER)."""

    channel: Channel


@dataclass(slots=True)
class ChargeAdvised:
    """An endpoint said what a call costs (AMI AOC-S, AOC-D and AOC-E)."""

    channel: Channel
    advice: AdviceOfCharge


@dataclass(slots=True)
class ApplicationStarted:
    """A priority begins to run (AMI Newexten, CEL APP_START)."""

    channel: Channel
    application: str
    data: str


@dataclass(slots=True)
class ApplicationEnded:
    """The application of a priority returned (CEL APP_END)."""

    channel: Channel
    application: str
    data: str


@dataclass(slots=True)
class ApplicationChanged:
    """The application shown for a channel changed although no priority was run: a dialled channel (``AppDial``), an
    originated one (AMI Newexten where the place changed too).
    """

    channel: Channel
    application: str
    data: str


@dataclass(slots=True)
class ChannelSentElsewhere:
    """A channel leaves its bridge for another place in the dialplan, which it has already (AMI Newexten)."""

    channel: Channel


@dataclass(slots=True)
class AgiExecStarted:
    """A script's command begins (AMI AGIExecStart). ``command_id`` pairs it with its end."""

    channel: Channel
    command: str
    command_id: int


@dataclass(slots=True)
class AgiExecEnded:
    """A script's command ended (AMI AGIExecEnd): the code of its answer, and what that means (Success, Failure)."""

    channel: Channel
    command: str
    command_id: int
    result_code: int
    result: str


@dataclass(slots=True)
class AsyncAgiStarted:
    """A channel takes commands through its queue from now on (AMI AsyncAGIStart). ``environment``: lines with their ends."""

    channel: Channel
    environment: str


@dataclass(slots=True)
class AsyncAgiExecuted:
    """A command of the queue is done (AMI AsyncAGIExec). ``command_id`` is what the sender called it, ``result`` the lines."""

    channel: Channel
    command_id: str
    result: str


@dataclass(slots=True)
class AsyncAgiEnded:
    """A channel takes no commands any longer (AMI AsyncAGIEnd)."""

    channel: Channel


@dataclass(slots=True)
class VariableSet:
    """A channel variable (or a global, ``channel`` None) was set (AMI VarSet)."""

    channel: Channel | None
    name: str
    value: str


@dataclass(slots=True)
class CallerIdChanged:
    """The caller id of a channel was changed (AMI NewCallerid)."""

    channel: Channel


@dataclass(slots=True)
class ConnectedLineChanged:
    """The connected line of a channel was changed (AMI NewConnectedLine)."""

    channel: Channel


@dataclass(slots=True)
class AccountCodeChanged:
    """The account code of a channel was changed (AMI NewAccountCode)."""

    channel: Channel
    old: str


@dataclass(slots=True)
class LinkedIdChanged:
    """A channel joined another call's linked id."""

    channel: Channel
    old: str


@dataclass(slots=True)
class HangupRequested:
    """The other side hung up, or this side was asked to (AMI HangupRequest, SoftHangupRequest).

    ``cause`` is that of the other side's end; of a request (``is_soft``) it is the SoftHangup by which it was made: Asterisk
    shows that under the same name.
    """

    channel: Channel
    cause: int
    is_soft: bool


@dataclass(slots=True)
class HangupLogicStarted:
    """The h extension or a hangup handler is about to run: what the channel was doing until now ends here."""

    channel: Channel


@dataclass(slots=True)
class HangupHandlerChanged:
    """A hangup handler was pushed on a channel, taken away or begins to run; ``kind`` is Push, Pop or Run
    (AMI HangupHandlerPush, HangupHandlerPop, HangupHandlerRun).
    """

    channel: Channel
    kind: str
    handler: str


@dataclass(slots=True)
class HangupHandlersFinished:
    """The dialplan, the h extension and the hangup handlers of a channel are done."""

    channel: Channel


@dataclass(slots=True)
class ChannelHungUp:
    """A channel is gone (AMI Hangup, CEL HANGUP and CHAN_END)."""

    channel: Channel


@dataclass(slots=True)
class DialBegan:
    """An outgoing channel is being called, for ``caller`` where there is one (AMI DialBegin)."""

    caller: Channel | None
    peer: Channel
    dial_string: str


@dataclass(slots=True)
class DialStateChanged:
    """An outgoing call is ringing, proceeding or in progress (AMI DialState)."""

    caller: Channel | None
    peer: Channel
    status: str
    forward: str = ""


@dataclass(slots=True)
class DialEnded:
    """An outgoing call was answered, refused or given up (AMI DialEnd)."""

    caller: Channel | None
    peer: Channel
    status: str
    forward: str = ""


@dataclass(slots=True)
class ChannelHeld:
    """The other side put us on hold (AMI Hold)."""

    channel: Channel
    music_class: str


@dataclass(slots=True)
class ChannelUnheld:
    """The other side took us back (AMI Unhold)."""

    channel: Channel


@dataclass(slots=True)
class ChannelFlashed:
    """The other side pressed the hook for a moment (AMI Flash)."""

    channel: Channel


@dataclass(slots=True)
class ChannelWinked:
    """The other side gave a wink (AMI Wink)."""

    channel: Channel


@dataclass(slots=True)
class DigitBegan:
    """A digit began; ``direction`` is Received or Sent (AMI DTMFBegin)."""

    channel: Channel
    digit: str
    direction: str


@dataclass(slots=True)
class DigitEnded:
    """A digit ended (AMI DTMFEnd)."""

    channel: Channel
    digit: str
    duration_ms: int
    direction: str


@dataclass(slots=True)
class BridgeCreated:
    """A bridge came into being."""

    bridge: Bridge


@dataclass(slots=True)
class BridgeDestroyed:
    """A bridge is gone."""

    bridge: Bridge


@dataclass(slots=True)
class BridgeEntered:
    """A channel entered a bridge; ``swapped`` is the channel whose place it took."""

    bridge: Bridge
    channel: Channel
    swapped: Channel | None = None


@dataclass(slots=True)
class BridgeLeft:
    """A channel left a bridge."""

    bridge: Bridge
    channel: Channel


@dataclass(slots=True)
class BridgesMerged:
    """The members of ``origin`` are about to come into ``bridge`` (AMI BridgeMerge)."""

    bridge: Bridge
    origin: Bridge


@dataclass(slots=True)
class VideoSourceChanged:
    """All members of a bridge see the video of another one, or of nobody in particular (AMI BridgeVideoSourceUpdate)."""

    bridge: Bridge
    previous: Channel | None


@dataclass(slots=True)
class BridgeTechnologyChanged:
    """A bridge moves its media in another way from now on; ``reason`` says why."""

    bridge: Bridge
    old: str
    reason: str


@dataclass(slots=True)
class LocalBridged:
    """The two halves of a Local channel were joined (AMI LocalBridge)."""

    one: Channel
    two: Channel
    context: str
    exten: str
    is_optimised: bool


@dataclass(slots=True)
class LocalOptimizationBegan:
    """The two halves of a Local channel are about to step out: ``source`` takes the place of ``two`` in its bridge, or, if it is
    None, the two bridges become one.
    """

    one: Channel
    two: Channel
    source: Channel | None
    number: int


@dataclass(slots=True)
class LocalOptimizationEnded:
    """The halves of a Local channel stepped out (AMI LocalOptimizationEnd)."""

    one: Channel
    two: Channel
    is_success: bool
    number: int


@dataclass(slots=True)
class BlindTransferred:
    """``transferer`` sent the other party to an extension (AMI BlindTransfer)."""

    transferer: Channel
    transferee: Channel | None
    bridge: Bridge | None
    context: str
    exten: str
    is_success: bool
    is_external: bool = False
    result: str = ""
    #: the bridge's technology before the transfer, if it may have changed with it
    technology: str = ""


@dataclass(slots=True)
class AttendedTransferred:
    """A party with two calls brought the other parties together (AMI AttendedTransfer).

    ``destination`` says what the two calls became: Bridge (``bridge`` holds the parties), App (the transferee goes on in the
    application ``application``), Link (``link`` joins two bridges), Threeway (the party stays), Fail. The bridges are given with
    the number of members that they had, as the transfer changes it.
    """

    first: Channel
    first_bridge: Bridge | None
    second: Channel
    second_bridge: Bridge | None
    result: str
    transferee: Channel | None = None
    target: Channel | None = None
    destination: str = "Fail"
    bridge: Bridge | None = None
    application: str = ""
    link: tuple[Channel, Channel] | None = None
    is_external: bool = False
    members: tuple[int, int] = (0, 0)
    #: the target's linked id before the calls became one
    target_linked_id: str = ""


@dataclass(slots=True)
class TransferRequested:
    """The endpoint of ``channel`` asked for a transfer that an application is to handle (ARI ChannelTransfer).

    Who takes it sets ``is_taken`` while it listens, and calls ``tell`` with SIP statuses as it goes on; 200 or more ends it.
    ``other`` is the endpoint's second call in an attended transfer; ``replaces`` names its dialog, here or elsewhere.
    """

    channel: Channel
    target: str
    extension: str
    referred_by: str
    tell: Callable[[int], None]
    other: Channel | None = None
    replaces: str = ""
    is_taken: bool = False


@dataclass(slots=True)
class LogChannelChanged:
    """A log file could not be written (``reason``), or can be again (None)."""

    name: str
    reason: OSError | ValueError | None


@dataclass(slots=True)
class ParkingChanged:
    """A call was parked, taken out of its place, came back after its time, ended there, or took the place of ``parker`` there;
    ``kind`` is the AMI event's name: ParkedCall, UnParkedCall, ParkedCallTimeOut, ParkedCallGiveUp, ParkedCallSwap. Times are
    seconds.
    """

    kind: str
    parkee: Channel
    parker: Channel | None
    parker_dial_string: str
    lot: str
    space: int
    timeout: int
    duration: int
    retriever: Channel | None = None
    #: where a call goes that comes back
    destination: tuple[str, str, int] | None = None


@dataclass(slots=True)
class ParkedCallTaken:
    """``retriever`` takes ``parkee`` out of a lot; it is still in the lot's bridge (CEL PARK_END). ParkingChanged follows."""

    parkee: Channel
    retriever: Channel


@dataclass(slots=True)
class CallPickedUp:
    """``channel`` answered the call that rang at ``target`` (AMI Pickup)."""

    channel: Channel
    target: Channel


@dataclass(slots=True)
class UserEventRaised:
    """The dialplan raised an event of its own (AMI UserEvent)."""

    channel: Channel | None
    name: str
    headers: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class MusicOnHoldChanged:
    """Music on hold started (``music_class`` set) or stopped (None)."""

    channel: Channel
    music_class: str | None


@dataclass(slots=True)
class DeviceStateChanged:
    """A device's aggregated state changed; ``state`` as in ``DeviceState`` names (INUSE ...)."""

    device: str
    state: str


@dataclass(slots=True)
class ExtensionStateChanged:
    """A hint's state changed (AMI ExtensionStatus)."""

    context: str
    exten: str
    hint: str
    state: int
    text: str


@dataclass(slots=True)
class PresenceStateChanged:
    """The presence of somebody changed (AMI PresenceStateChange); ``presentity`` as ``CustomPresence:name``."""

    presentity: str
    status: str
    subtype: str
    message: str


@dataclass(slots=True)
class ExtensionPresenceChanged:
    """The presence behind a hint changed (AMI PresenceStatus); ``hint`` is the whole of it, devices and presence."""

    context: str
    exten: str
    hint: str
    status: str
    subtype: str
    message: str


@dataclass(slots=True)
class ContactStatusChanged:
    """A contact was added, removed or became reachable or not (AMI ContactStatus)."""

    technology: str
    fields: dict[str, str]


@dataclass(slots=True)
class EndpointMaintenanceChanged:
    """An endpoint's maintenance mode began or ended (AMI PJSIPMaintenanceStatus); ``status`` is enabled or disabled."""

    endpoint: str
    status: str


@dataclass(slots=True)
class PeerStatusChanged:
    """An endpoint registered, unregistered or changed reachability (AMI PeerStatus)."""

    technology: str
    peer: str
    status: str
    address: str = ""
    cause: str = ""


@dataclass(slots=True)
class RegistryChanged:
    """A registration of ours with another server was answered (AMI Registry); ``status`` is Registered, Unregistered or
    Rejected, ``cause`` the status and reason of a refusal.
    """

    technology: str
    username: str
    domain: str
    status: str
    cause: str = ""


@dataclass(slots=True)
class SecurityEvent:
    """Something of note to security: failed authentication, an unknown peer, an exceeded limit."""

    name: str
    fields: dict[str, Any]


@dataclass(slots=True)
class Reloaded:
    """A module or a part of the core re-read its configuration (AMI Reload)."""

    module: str
    status: str


@dataclass(slots=True)
class ModuleChanged:
    """A module was loaded or unloaded (AMI Load, Unload); ``error`` says why it could not be."""

    module: str
    is_loaded: bool
    error: str = ""


@dataclass(slots=True)
class FullyBooted:
    """Everything is loaded and the server accepts calls."""

    uptime: float


@dataclass(slots=True)
class ShuttingDown:
    """The server ends, or starts anew (AMI Shutdown)."""

    is_restart: bool = False


@dataclass(slots=True)
class VoicemailPasswordChanged:
    """The owner of a mailbox changed its password (AMI VoicemailPasswordChange)."""

    context: str
    mailbox: str
    password: str


@dataclass(slots=True)
class DialplanReplaced:
    """Another dialplan is in force; hints must be looked at again."""


@dataclass(slots=True)
class FilePlayed:
    """A sound file begins to play; ``file`` is its name with the extension."""

    channel: Channel
    file: str
    language: str


@dataclass(slots=True)
class FilePlayEnded:
    """A sound file was played to its end or stopped (CEL STREAM_END)."""

    channel: Channel


@dataclass(slots=True)
class MessageWaiting:
    """Somebody counted the messages of a mailbox (``100@default``) (AMI MessageWaiting)."""

    mailbox: str
    new: int
    old: int
    urgent: int = 0
    #: whose doing it was, where it was a caller
    channel: Channel | None = None


@dataclass(slots=True)
class MixMonitorStarted:
    """A recording by MixMonitor began (AMI MixMonitorStart)."""

    channel: Channel


@dataclass(slots=True)
class MixMonitorStopped:
    """A recording by MixMonitor ended (AMI MixMonitorStop)."""

    channel: Channel


@dataclass(slots=True)
class MixMonitorMuted:
    """A direction (read, write or both) of a channel's recordings was muted or is heard again (AMI MixMonitorMute)."""

    channel: Channel
    direction: str
    is_muted: bool


@dataclass(slots=True)
class ChanSpyStarted:
    """A channel began to listen to another (AMI ChanSpyStart)."""

    spyer: Channel
    spied: Channel


@dataclass(slots=True)
class ChanSpyStopped:
    """A channel listens to another no more (AMI ChanSpyStop)."""

    spyer: Channel
    spied: Channel


@dataclass(slots=True)
class RtcpSent:
    """We sent a report of an RTP stream to ``to`` (host and port) (AMI RTCPSent)."""

    channel: Channel
    to: tuple[str, int]
    report: SenderReport | ReceiverReport


@dataclass(slots=True)
class RtcpReceived:
    """The endpoint sent a report of an RTP stream (AMI RTCPReceived); ``round_trip`` is in seconds, None while unknown."""

    channel: Channel
    source: tuple[str, int]
    report: SenderReport | ReceiverReport
    round_trip: float | None = None


@dataclass(slots=True)
class ChannelTalkingStarted:
    """A channel with TALK_DETECT began to talk (AMI ChannelTalkingStart)."""

    channel: Channel


@dataclass(slots=True)
class ChannelTalkingStopped:
    """A channel with TALK_DETECT has been silent for long enough (AMI ChannelTalkingStop)."""

    channel: Channel
    #: since it began to talk
    duration_ms: int


@dataclass(slots=True)
class NetworkChanged:
    """Our address, as the world sees it, is another one: who has told it to others tells them again."""

    old: str
    new: str
