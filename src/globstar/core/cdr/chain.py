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

    __slots__ = (
        "as_party_b", "channel", "ending_cause", "engine", "is_disabled", "is_own", "is_party_a", "lonely", "records",
        "was_dialed",
    )  # fmt: skip

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
        #: some record is one of a dialplan of the channel's own
        self.is_own = False
        self.records: list[CallRecord] = []
        #: records of other channels in bridges, in which this one is party B
        self.as_party_b: list[CallRecord] = []
        #: records that came into a bridge without a party B
        self.lonely: list[CallRecord] = []
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
        return self.was_dialed and not self.is_own

    def partners(self, bridge: Bridge) -> set[Channel]:
        """Those in ``bridge`` with whom there is a record, whoever is party A in it."""
        found: set[Channel] = set()
        for record in self.records:
            if record.state is State.BRIDGE and record.bridge is bridge and record.party_b is not None:
                found.add(record.party_b)
        for record in self.as_party_b:
            if record.state is State.BRIDGE and record.bridge is bridge:
                found.add(record.channel)
        return found

    def take_lonely(self, bridge: Bridge) -> CallRecord | None:
        """A record that waits in ``bridge`` for a party B."""
        for record in self.lonely:
            if record.state is State.BRIDGE and record.bridge is bridge and record.party_b is None:
                self.lonely.remove(record)
                return record
        return None

    def bridge(self, record: CallRecord, bridge: Bridge, party_b: Channel | None) -> None:
        """The channel is in ``bridge`` with ``party_b``, or alone; ``record`` is of that from now on."""
        record.state, record.bridge, record.party_b = State.BRIDGE, bridge, party_b
        if party_b is None:
            if self.lonely:
                self.lonely = [one for one in self.lonely if not one.is_finished]
            self.lonely.append(record)
        elif party_b.cdr is not None:
            theirs: list[CallRecord] = party_b.cdr.as_party_b
            theirs.append(record)
            if len(theirs) % 64 == 0:  # who stays while others come and go keeps no finished ones
                theirs[:] = [one for one in theirs if not one.is_finished]

    def append(self) -> CallRecord:
        """Begin another record now; user field and variables are those of nobody, what ran last goes on to be shown."""
        engine = self.engine
        record = CallRecord(self.channel, engine.next_sequence(), engine.now(), is_disabled=self.is_disabled)
        if self.records and (not record.app or record.app.startswith("AppDial")) and self.last.app:
            record.app, record.app_data = self.last.app, self.last.app_data
        number = self.channel.dialed_number
        if number:
            record.variables["dnid"] = number
        self.records.append(record)
        self.is_own = self.is_own or record.is_own
        return record

    def begin_own(self) -> None:
        """Begin a record of what the channel's own dialplan does."""
        self.append().is_own = self.is_own = True

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
            self.bridge(record, bridge, None)
        self.is_own = True

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
        if original.state is State.BRIDGE and original.bridge is not None:
            self.bridge(forked, original.bridge, original.party_b)
        else:
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
