"""Compares a recorded AMI event stream with ours: whole or per channel, in order, every field in the order of the wire.

Names that differ from run to run (unique ids, channel numbers, bridge ids) are numbered by first appearance on both sides.
"""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from tests.support.ami import Message

#: Events that belong to modules that the replayed system does not have, that tell of its start, or of a registration elsewhere
#: that every replayed system tries in vain.
LEFT_OUT = frozenset({"QueueMemberStatus", "FullyBooted", "RTCPSent", "RTCPReceived", "Registry"})
#: Fields of security events that tell of time or chance.
_OF_SECURITY = frozenset({"EventTV", "SessionID", "Challenge", "Response"})
#: Values that tell of time or chance.
_CHANCE = re.compile(r"<(TS|TIME|EPOCH|RTPQOS|SECS|HEX32|HEX|DATE|SESSIONID|EPHEMERAL)>")
_CHANGING = re.compile(
    r"<(?:UID|UUID|TAG|CALLID|BRANCH)\d+>|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b1[78]\d{8}\.\d+\b"
)
_SHOWN_LOOSELY = re.compile(r"(RTPAUDIOQOS|SIPCALLID|BRIDGEPVTCALLID|RTP).*")
_SECONDS = re.compile(r"(ANSWEREDTIME|DIALEDTIME): \d+")
_FOLDER = re.compile(r"/[\w./-]*?/(?:run|replay\d*)/(?=spool|log)|(?:<RUN>|/[\w./-]*?/replay\d*/run)/")
_EPOCH = re.compile(r"auto-(?:\d{10}|<EPOCH>)-")
_TAG = re.compile(r"tag=[^ ,;|>]+")
_TIMES = re.compile(r"(ANSWERED|DIALED|RING|PROGRESS)TIME(_MS)?")


class _Names:
    """Gives each changing name a number."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

        self.channels: dict[str, str] = {}

    def add_channel(self, name: str) -> None:
        """A channel came into being; the halves of a Local channel have one number."""
        base = name.partition(";")[0]
        self.channels.setdefault(base, f"{base.rpartition('-')[0]}-channel{len(self.channels)}")

    def __call__(self, text: str) -> str:
        text = _EPOCH.sub("auto-n-", _FOLDER.sub("<RUN>/", text))
        text = _SECONDS.sub(r"\1: n", _TAG.sub("tag=?", text))
        for name, shown in self.channels.items():
            text = text.replace(name, shown)
        return _CHANGING.sub(lambda found: self.known.setdefault(found[0], f"<{len(self.known)}>"), text)


def _channel_of(message: Message) -> str:
    fields = dict(message)
    for name in ("Channel", "DestChannel", "ParkeeChannel", "TransfererChannel", "OrigTransfererChannel", "LocalOneChannel"):
        if name in fields:
            return fields[name]
    return ""


def _read(stream: Iterable[Sequence[Sequence[str]]]) -> tuple[list[Message], _Names]:
    """The events that are compared, and the names of their channels."""
    names = _Names()
    messages = [[(line[0], line[1]) for line in message] for message in stream]
    messages = [message for message in messages if message[0][1] not in LEFT_OUT and not _is_elsewhere(dict(message))]
    for message in messages:
        if message[0][1] == "Newchannel":
            fields = dict(message)
            names(fields["Uniqueid"])
            names.add_channel(fields["Channel"])
    return messages, names


def _is_elsewhere(fields: dict[str, str]) -> bool:
    """Of a queue, which the replayed system does not have, or of a manager's own connection."""
    is_of_queue = fields["Event"] == "DeviceStateChange" and fields["Device"].startswith("Queue:")
    return is_of_queue or fields.get("Service") == "AMI"


def per_channel(stream: Iterable[Sequence[Sequence[str]]]) -> dict[str, list[str]]:
    """The events of each channel as text, channels by order of creation."""
    messages, names = _read(stream)
    found: dict[str, list[str]] = defaultdict(list)
    for message in messages:
        channel = names(_channel_of(message))
        if channel:
            found[channel].append(_text(message, names))
    return found


def _text(message: Message, names: _Names) -> str:
    fields = dict(message)
    lines = []
    for name, value in message:
        if name == "ActionID":
            continue  # the recording's own
        if name == "Value" and _SHOWN_LOOSELY.fullmatch(fields.get("Variable", "")):
            value = "?" if value else ""
        elif (name == "Value" and _TIMES.fullmatch(fields.get("Variable", ""))) or name in ("ANSWEREDTIME", "DIALEDTIME"):
            value = "n" if value.isdecimal() else value
        elif name == "DurationMs" or (name.startswith("DestChannelState") and message[0][1] in ("DialBegin", "DialState")):
            value = "?"  # how long the replayed phone pressed; whether the phone's own thread was faster
        elif name in _OF_SECURITY and "EventTV" in fields:
            value = "?" if value else ""
        elif name == "Id" and message[0][1].startswith("LocalOptimization"):
            value = "?"  # counted since the start of the program
        elif name in ("BridgeUniqueid", "DestBridgeUniqueid") or re.fullmatch(r"\w*BridgeUniqueid", name):
            value = "bridge"
        lines.append(f"{name}: {names(value)}")
    return " | ".join(lines)


#: What an event shows of the moment in which it is told, or of other channels.
_OF_THE_MOMENT = re.compile(r"(?:ChannelState(?:Desc)?|ConnectedLine\w+|Bridge(?:Technology|NumChannels)|Exten|Priority): [^|]*")
_WHO = re.compile(r"CallerID\w+: [^|]*")
_PEER = re.compile(r"Variable: (?:BRIDGEPEER|BRIDGEPVTCALLID) ")


def _by_chance(events: list[str]) -> list[str]:
    """The events without order and without what hangs on it: how often a bridge tells of its peers is that, too."""
    plain = [_plain(event) for event in events]
    plain = [_WHO.sub("?", event) if event.startswith("Event: LocalOptimizationBegin ") else event for event in plain]
    told_once = {_WHO.sub("?", event) for event in plain if _PEER.search(event)}
    return sorted([*told_once, *(event for event in plain if not _PEER.search(event))])


def compare_whole(recorded: Iterable[Sequence[Sequence[str]]], ours: Iterable[Message]) -> list[str]:
    """The differences of the whole streams, with what belongs to no channel, each event in its place."""
    theirs, mine = ([_text(message, names) for message in messages] for messages, names in (_read(recorded), _read(ours)))
    return list(difflib.unified_diff(theirs, mine, "recorded", "ours", n=0, lineterm=""))


def compare(recorded: Iterable[Sequence[Sequence[str]]], ours: Iterable[Message], *, floating: str = "") -> list[str]:
    """The differences as lines of a diff, none if there are none.

    The events whose text matches ``floating`` may come in any order, and what all events show of the moment is not compared
    then; the others come in the order of their channel all the same.
    """
    theirs, mine = per_channel(recorded), per_channel(ours)
    if not floating:
        return _differences(theirs, mine)
    pattern = re.compile(floating)
    fixed = [
        {channel: [_plain(one) for one in events if not pattern.search(one)] for channel, events in side.items()}
        for side in (theirs, mine)
    ]
    by_chance = [{channel: _by_chance(events) for channel, events in side.items()} for side in (theirs, mine)]
    return _differences(*by_chance) or _differences(*fixed)


def _plain(event: str) -> str:
    return _OF_THE_MOMENT.sub("?", event)


def _differences(theirs: dict[str, list[str]], mine: dict[str, list[str]]) -> list[str]:
    found: list[str] = []
    for channel in dict.fromkeys([*theirs, *mine]):
        found += difflib.unified_diff(
            theirs.get(channel, []), mine.get(channel, []), f"recorded {channel}", "ours", n=0, lineterm=""
        )
    return found
