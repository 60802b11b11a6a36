"""One call detail record: what party A did, with party B where there was one, from start to end."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from globstar.core.cause import Cause
from globstar.core.channel import Channel, SoftHangup

if TYPE_CHECKING:
    from globstar.core.bridge import Bridge
    from globstar.core.cdr.settings import CdrSettings


class Disposition(IntEnum):
    """How the call went; the numbers are those of ``CDR(disposition,u)``."""

    NO_ANSWER = 0
    NONE = 1  # nothing decided yet; reads as NO ANSWER
    FAILED = 2
    BUSY = 4
    ANSWERED = 8
    CONGESTION = 16
    CANCEL = 32


DISPOSITION_TEXT = {
    Disposition.NO_ANSWER: "NO ANSWER",
    Disposition.NONE: "NO ANSWER",
    Disposition.FAILED: "FAILED",
    Disposition.BUSY: "BUSY",
    Disposition.ANSWERED: "ANSWERED",
    Disposition.CONGESTION: "CONGESTION",
    Disposition.CANCEL: "CANCEL",
}

AMA_FLAGS = {1: "OMIT", 2: "BILLING", 3: "DOCUMENTATION"}

#: What an unanswered call was, by the hangup cause of its channel; other causes leave it at no answer.
_DISPOSITION_OF_CAUSE: dict[int, Disposition] = {
    Cause.NOTDEFINED: Disposition.FAILED,
    Cause.UNALLOCATED: Disposition.FAILED,
    Cause.NO_ROUTE_DESTINATION: Disposition.FAILED,
    Cause.SUBSCRIBER_ABSENT: Disposition.FAILED,
    Cause.USER_BUSY: Disposition.BUSY,
    Cause.NORMAL_CIRCUIT_CONGESTION: Disposition.CONGESTION,
}


class State(Enum):
    """What party A is doing."""

    SINGLE = "single"
    DIAL = "dial"  # party B is being called
    PENDING = "dialled"  # party B answered and is not bridged yet
    BRIDGE = "bridge"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class FinishedRecord:
    """What a backend gets. Times are UTC seconds, 0 for none; ``variables`` are those set with CDR()."""

    account_code: str
    src: str
    dst: str
    dcontext: str
    clid: str
    channel: str
    dstchannel: str
    lastapp: str
    lastdata: str
    start: float
    answer: float
    end: float
    duration: int
    billsec: int
    disposition: str
    amaflags: str
    uniqueid: str
    userfield: str
    peeraccount: str
    linkedid: str
    sequence: int
    variables: dict[str, str]
    tenantid: str = ""
    peertenantid: str = ""


class CallRecord:
    """A record while it is made. What belongs to the parties is read from their channels until it is finished."""

    __slots__ = (
        "account_code", "ama_flags", "answer", "app", "app_data", "bridge", "channel", "clid", "context", "disposition",
        "dstchannel", "end", "exten", "is_app_locked", "is_callee", "is_disabled", "is_ending", "is_originated", "is_own",
        "is_parked", "is_traded", "left_at", "linked_id", "party_b", "peer_account", "peer_tenant", "place", "sequence", "src",
        "start", "state", "tenant", "user_field", "variables",
    )  # fmt: skip

    def __init__(self, channel: Channel, sequence: int, now: float, *, is_disabled: bool = False) -> None:
        self.channel = channel
        self.sequence = sequence
        self.start = now
        self.answer = now if channel.answered_at is not None else 0.0
        self.end = 0.0
        self.state = State.SINGLE
        self.bridge: Bridge | None = None
        self.party_b: Channel | None = None
        #: when party B left the bridge while party A is still in it
        self.left_at = 0.0
        self.disposition = Disposition.NONE
        self.is_disabled = is_disabled
        #: the channel was called without a caller (Originate)
        self.is_originated = False
        #: the channel answered somebody else's call (pickup): it is party B only
        self.is_callee = False
        #: the channel's call was picked up: it is in the place of the one that did so
        self.is_traded = False
        #: the channel ran a dialplan of its own
        self.is_own = False
        self.app = self.app_data = ""
        #: once Dial was seen, the applications of its subroutines do not replace it
        self.is_app_locked = False
        #: the channel waits in a parking lot, whatever it runs
        self.is_parked = False
        #: the h extension is about to run: what the channel does from now on does not count
        self.is_ending = False
        self.context = self.exten = ""
        self.place = ("", "", 0)
        self.user_field = ""
        self.variables: dict[str, str] = {}
        self.src = self.clid = self.account_code = self.peer_account = self.linked_id = self.dstchannel = ""
        self.tenant = self.peer_tenant = ""
        self.ama_flags = 3
        self.read_channel()

    def __repr__(self) -> str:
        b = self.party_b.name if self.party_b is not None else "-"
        return f"<CallRecord {self.sequence} {self.channel.name} {b} {self.state.name} {self.disposition.name}>"

    @property
    def is_finished(self) -> bool:
        """Whether nothing about it changes any more."""
        return self.state is State.FINISHED

    def read_channel(self) -> None:
        """Note where party A is in the dialplan and what it runs."""
        if self.is_ending or self.state is State.FINISHED:
            return
        channel = self.channel
        application = channel.application
        if application and not (self.is_app_locked or self.is_parked) and (not application.startswith("AppDial") or not self.app):
            self.app, self.app_data = application, channel.application_data
        target = channel.goto_target
        if target is not None and channel.soft_hangup & SoftHangup.ASYNC_GOTO:
            self.place = target
        elif channel.stack and channel.stack[-1].is_special:
            return
        else:
            self.place = (channel.context, channel.extension, channel.priority)
        if not self.is_parked:
            self.context, self.exten = self.place[0], self.place[1]
        if "pbx" in channel.data:
            self.is_own = True
            if channel.cdr is not None:
                channel.cdr.is_own = True

    def finish(self, now: float, settings: CdrSettings, cause: int | None = None) -> None:
        """Close the record: read the channels for the last time. ``cause`` is that of party A if it is not answered."""
        if self.state is State.FINISHED:
            return
        if self.state is not State.PENDING:
            self.read_channel()
        self.read_parties()
        if self.party_b is not None and self.party_b.cdr is not None:
            self._take_over(self.party_b.cdr.records[-1])
        self.end = self.left_at or now
        self.state = State.FINISHED
        if self.disposition is Disposition.NONE:
            if self.answer:
                self.disposition = Disposition.ANSWERED
            else:
                hangup_cause = self.channel.hangup_cause if cause is None else cause
                self.disposition = _DISPOSITION_OF_CAUSE.get(hangup_cause, Disposition.NO_ANSWER)
        if self.disposition is Disposition.CONGESTION and not settings.congestion:
            self.disposition = Disposition.FAILED

    def read_parties(self) -> None:
        """Note who the parties are now."""
        channel, other = self.channel, self.party_b
        name, number = channel.caller.id.name, channel.caller.id.number
        self.src = number.text if number.valid else ""
        self.clid = f'"{name.text if name.valid else ""}" <{self.src}>'
        self.account_code = channel.account_code
        self.ama_flags = channel.ama_flags
        self.linked_id = channel.linked_id
        self.tenant = channel.data.get("tenantid", "")
        if other is not None:
            self.dstchannel = other.name
            self.peer_account = other.account_code
            self.peer_tenant = other.data.get("tenantid", "")

    def _take_over(self, theirs: CallRecord) -> None:
        """What was set with CDR() on party B counts as well; party A's variables win, user fields are joined."""
        if theirs.user_field:
            self.user_field = f"{self.user_field};{theirs.user_field}" if self.user_field else theirs.user_field
        if theirs.variables:
            self.variables = {**theirs.variables, **self.variables}

    # -- values --------------------------------------------------------------------------------------------------------

    def duration(self, now: float) -> float:
        """Seconds from start to end, or until now."""
        return max(0.0, (self.end or now) - self.start)

    def billed(self, now: float, *, rounds_up: bool = False) -> float:
        """Seconds from the answer to the end, or until now; 0 without an answer."""
        if not self.answer:
            return 0.0
        seconds = max(0.0, (self.end or now) - self.answer)
        return float(math.ceil(seconds)) if rounds_up else seconds

    def value(
        self, name: str, now: float, *, raw: bool = False, is_fraction: bool = False, rounds_up: bool = False
    ) -> str | None:
        """The value of ``CDR(name)``, of a field or a variable; None if there is neither."""
        reader = _READERS.get(name)
        if reader is None:
            return self.user_field if name == "userfield" else self.variables.get(name)
        if not self.is_finished:
            self.read_channel()
            self.read_parties()
        return reader(self, now, raw, is_fraction, rounds_up)

    def finished(self, now: float, *, rounds_up: bool) -> FinishedRecord:
        """The record as backends get it."""
        return FinishedRecord(
            self.account_code, self.src, self.exten, self.context, self.clid, self.channel.name, self.dstchannel,
            self.app, self.app_data, self.start, self.answer, self.end, max(0, int((self.end or now) - self.start)),
            int(self.billed(now, rounds_up=rounds_up)), DISPOSITION_TEXT[self.disposition],
            AMA_FLAGS.get(self.ama_flags, "Unknown"), self.channel.unique_id, self.user_field, self.peer_account,
            self.linked_id, self.sequence, self.variables, self.tenant, self.peer_tenant,
        )  # fmt: skip


def format_time(seconds: float, *, is_utc: bool = False) -> str:
    """``YYYY-MM-DD HH:MM:SS`` in the machine's zone or UTC; "" for 0."""
    return _format_second(int(seconds), is_utc) if seconds else ""


@lru_cache(maxsize=256)
def _format_second(second: int, is_utc: bool) -> str:
    moment = datetime.fromtimestamp(second, UTC)
    return (moment if is_utc else moment.astimezone()).strftime("%Y-%m-%d %H:%M:%S")


def _time(seconds: float, raw: bool) -> str:
    return f"{seconds:.6f}" if raw else format_time(seconds)


def _seconds(seconds: float, is_fraction: bool) -> str:
    return f"{seconds:.6f}" if is_fraction else str(int(seconds))


#: How each field is read: record, now, raw, with fractions, rounded up.
_READERS: dict[str, Callable[[CallRecord, float, bool, bool, bool], str]] = {
    "clid": lambda r, now, raw, fraction, up: r.clid,
    "src": lambda r, now, raw, fraction, up: r.src,
    "dst": lambda r, now, raw, fraction, up: r.exten,
    "dcontext": lambda r, now, raw, fraction, up: r.context,
    "channel": lambda r, now, raw, fraction, up: r.channel.name,
    "dstchannel": lambda r, now, raw, fraction, up: r.dstchannel,
    "lastapp": lambda r, now, raw, fraction, up: r.app,
    "lastdata": lambda r, now, raw, fraction, up: r.app_data,
    "start": lambda r, now, raw, fraction, up: _time(r.start, raw),
    "answer": lambda r, now, raw, fraction, up: _time(r.answer, raw),
    "end": lambda r, now, raw, fraction, up: _time(r.end, raw),
    "duration": lambda r, now, raw, fraction, up: _seconds(r.duration(now), fraction),
    "billsec": lambda r, now, raw, fraction, up: _seconds(r.billed(now, rounds_up=up), fraction),
    "disposition": lambda r, now, raw, fraction, up: str(int(r.disposition)) if raw else DISPOSITION_TEXT[r.disposition],
    "amaflags": lambda r, now, raw, fraction, up: str(r.ama_flags) if raw else AMA_FLAGS.get(r.ama_flags, "Unknown"),
    "accountcode": lambda r, now, raw, fraction, up: r.account_code,
    "peeraccount": lambda r, now, raw, fraction, up: r.peer_account,
    "uniqueid": lambda r, now, raw, fraction, up: r.channel.unique_id,
    "linkedid": lambda r, now, raw, fraction, up: r.linked_id,
    "sequence": lambda r, now, raw, fraction, up: str(r.sequence),
    "tenantid": lambda r, now, raw, fraction, up: r.tenant,
    "peertenantid": lambda r, now, raw, fraction, up: r.peer_tenant,
}
#: The fields of a record, in the order in which they are listed; all but these are variables.
FIELDS = (
    "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer", "end", "duration",
    "billsec", "disposition", "amaflags", "accountcode", "peeraccount", "uniqueid", "linkedid", "userfield", "sequence",
    "tenantid", "peertenantid",
)  # fmt: skip
