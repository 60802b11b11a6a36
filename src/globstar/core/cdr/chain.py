"""The records of one channel, oldest first: several where it dialled, was bridged or was forked more than once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.core.cdr.record import CallRecord, Disposition, State
from globstar.core.channel import Channel

if TYPE_CHECKING:
    from globstar.core.bridge import Bridge
    from globstar.core.cdr.engine import CdrEngine


class RecordChain:
    """``channel.cdr``: the records in which the channel is party A."""

    __slots__ = ("channel", "ending_cause", "engine", "is_disabled", "is_party_a", "records", "was_dialed")

    def __init__(self, engine: CdrEngine, channel: Channel, *, is_disabled: bool) -> None:
        self.engine = engine
        self.channel = channel
        #: new records are not handed to the backends (CDR_PROP(disable))
        self.is_disabled = is_disabled
        #: the channel is party A wherever possible (CDR_PROP(party_a))
        self.is_party_a = False
        #: another channel called this one, which has done nothing of its own since
        self.was_dialed = False
        #: the hangup cause as it was when the h extension began
        self.ending_cause: int | None = None
        self.records: list[CallRecord] = []
        self.append()

    @property
    def last(self) -> CallRecord:
        """The newest record."""
        return self.records[-1]

    @property
    def open(self) -> list[CallRecord]:
        """The records that are not finished."""
        return [record for record in self.records if record.state is not State.FINISHED]

    @property
    def is_callee(self) -> bool:
        """Whether the channel is in its call because somebody called it: another one is party A then."""
        return self.was_dialed and not any(record.is_own for record in self.records)

    def append(self) -> CallRecord:
        """Begin another record now; user field and variables are those of nobody, what ran last goes on to be shown."""
        engine = self.engine
        record = CallRecord(self.channel, engine.next_sequence(), engine.now(), is_disabled=self.is_disabled)
        if self.records and (not record.app or record.app.startswith("AppDial")) and self.last.app:
            record.app, record.app_data = self.last.app, self.last.app_data
        if self.channel.dialed.number:
            record.variables["dnid"] = self.channel.dialed.number
        self.records.append(record)
        return record

    def finish_all(self, cause: int | None = None) -> None:
        """Close every record."""
        now = self.engine.now()
        for record in self.records:
            record.finish(now, self.engine.settings, cause)

    def note_dial(self, data: str) -> None:
        """Dial begins: it stays the last application, whatever its subroutines run."""
        for record in self.records:
            if record.state is not State.FINISHED and not record.is_app_locked:
                record.app, record.app_data = "Dial", data
                record.is_app_locked = True

    def note_parked(self, lot: str, space: int, bridge: Bridge) -> None:
        """The channel waits in a parking lot: that is a record of its own, which ends when it leaves."""
        self.was_dialed = False
        for record in self.open or [self.append()]:
            record.read_channel()
            record.app, record.app_data, record.is_parked, record.is_own = "Park", f"{lot}:{space}", True, True
            record.state, record.bridge, record.party_b = State.BRIDGE, bridge, None

    def reset(self, *, keep_variables: bool) -> None:
        """Begin the open records anew (ResetCDR)."""
        now = self.engine.now()
        is_answered = self.channel.answered_at is not None
        for record in self.open:
            record.start = now
            record.answer = now if is_answered else 0.0
            record.disposition = Disposition.NONE
            if not keep_variables:
                record.variables.clear()
                record.user_field = ""

    def fork(self, *, sets_answer: bool, ends_original: bool, resets_times: bool, keeps_variables: bool) -> bool:
        """Begin a second record beside the last open one (ForkCDR); False if all are finished."""
        original = self.last
        if original.is_finished:
            return False
        forked = self.append()
        forked.state, forked.bridge, forked.party_b = original.state, original.bridge, original.party_b
        forked.disposition = original.disposition
        if not resets_times:
            forked.start = original.start
            forked.answer = forked.answer if sets_answer else original.answer
        if keeps_variables:
            forked.variables.update(original.variables)
            forked.user_field = original.user_field
        if ends_original:
            original.finish(self.engine.now(), self.engine.settings)
        return True

    def set_variable(self, name: str, value: str) -> None:
        """Set a user field (``userfield``) or a variable of every open record."""
        for record in self.open or [self.last]:
            if name == "userfield":
                record.user_field = value
            else:
                record.variables[name] = value

    def set_disabled(self, is_disabled: bool) -> None:
        """Keep the open and later records from the backends, or no longer so."""
        self.is_disabled = is_disabled
        for record in self.open:
            record.is_disabled = is_disabled
