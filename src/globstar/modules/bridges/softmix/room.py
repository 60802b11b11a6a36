"""The step of a mixed bridge: rows in, sums, rows out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from globstar.core.frame import Frame
from globstar.dsp.mixer import Encoding, Mixer, Rows, Sums, decode, encode, encode_each, encode_others, levels, scaled, without
from globstar.media import conference
from globstar.modules.bridges.softmix.natives import NativeMembers
from globstar.modules.bridges.softmix.participant import Participant


class Room:
    """Mixes its participants, one step at a time.

    Who said nothing in a step, or is not mixed, hears what all the others like it hear: those share one frame. Until somebody
    has said something nothing is written. Where that was built, members whose voice nobody has to see are mixed natively;
    ``clock`` is the loop's.
    """

    __slots__ = (
        "_by_rate", "_clock", "_has_changed", "_listening", "_mixer", "_natives", "_others", "has_begun", "interval_ms",
        "participants", "steps",
    )  # fmt: skip

    def __init__(self, interval_ms: int, clock: Callable[[], float]) -> None:
        self.interval_ms = interval_ms
        self._clock = clock
        self._natives = NativeMembers(interval_ms, self._changed) if conference.is_available() else None
        self._others: tuple[Participant, ...] = ()
        self._has_changed = False
        self.participants: tuple[Participant, ...] = ()
        self.has_begun = False
        self.steps = 0
        self._mixer = Mixer(interval_ms)
        self._by_rate: dict[int, dict[Encoding, list[Participant]]] = {}
        self._listening: dict[tuple[int, Encoding], list[Participant]] = {}

    def arrange(self, participants: list[Participant]) -> None:
        """Who takes part from the next step on; all are bound."""
        self.participants = tuple(participants)
        if self._natives is not None:
            self._natives.forget()
        self._group()

    def add(self, participant: Participant) -> None:
        """One more takes part from the next step on; it is bound."""
        self.participants = (*self.participants, participant)
        self._changed()

    def remove(self, participant: Participant) -> None:
        """One takes part no longer; unknown ones are no error."""
        self.participants = tuple(one for one in self.participants if one is not participant)
        if self._natives is not None:
            self._natives.forget()
        self._changed()

    def _changed(self) -> None:
        self._has_changed = True

    def _group(self) -> None:
        """Order those whose voice comes as frames by what they say and hear."""
        self._has_changed = False
        self._others = participants = tuple(one for one in self.participants if one.stream is None)
        by_rate: dict[int, dict[Encoding, list[Participant]]] = {}
        listening: dict[tuple[int, Encoding], list[Participant]] = {}
        for participant in participants:
            by_rate.setdefault(participant.rate, {}).setdefault(participant.reads, []).append(participant)
            listening.setdefault((participant.rate, participant.writes), []).append(participant)
        self._by_rate, self._listening = by_rate, listening

    @property
    def rates(self) -> list[int]:
        """The rates at which is mixed."""
        return sorted({participant.rate for participant in self.participants})

    @property
    def natives(self) -> int:
        """How many are mixed natively."""
        return len(self._natives) if self._natives is not None else 0

    def dismiss(self) -> None:
        """Let all voice come as frames."""
        for participant in self.participants:
            participant.leave()
        self._group()

    def step(self, *, only_heard: bool = False) -> None:
        """Mix once. ``only_heard`` writes to those only who have something to hear: the mix ends, after :meth:`dismiss`."""
        natives = self._natives if not only_heard else None
        if self._has_changed:
            self._group()
        if natives is not None:
            if self._others:
                natives.invite(self._others)
            natives.read()
        if self._has_changed:
            self._group()
        places: dict[Participant, int] = {}
        spoken: dict[int, Rows] = {}
        for rate, groups in self._by_rate.items():
            rows = self._gather(rate, groups, places)
            if rows is not None:
                spoken[rate] = rows
        speakers, sums = natives.mix() if natives is not None else (0, {})
        if places or speakers:
            self.has_begun = True
        elif not self.has_begun or only_heard:
            return
        self.steps += 1
        totals = self._mixer.totals(spoken, self._by_rate if not natives else {*self._by_rate, *natives.rates}, sums)
        for (rate, encoding), listeners in self._listening.items():
            self._serve(rate, encoding, listeners, totals[rate], spoken.get(rate), places, only_heard)
        if natives:
            natives.send(totals, self._clock())

    def _gather(self, rate: int, groups: dict[Encoding, list[Participant]], places: dict[Participant, int]) -> Rows | None:
        """The rows of those who are mixed at one rate; ``places`` notes the row of each."""
        samples = self._mixer.samples(rate)
        parts: list[Rows] = []
        start = 0
        for encoding, members in groups.items():
            speakers: list[Participant] = []
            blocks: list[bytes] = []
            for member in members:
                block = member.block()
                if block is not None:
                    speakers.append(member)
                    blocks.append(block)
                elif member.detects_talking:
                    member.judge(0, self.interval_ms)
            if not speakers:
                continue
            rows = decode(encoding, blocks, samples)
            if any(speaker.mix.gain_in != 1.0 for speaker in speakers):
                rows = scaled(rows, np.array([speaker.mix.gain_in for speaker in speakers], np.float32))
            if any(speaker.detects_talking for speaker in speakers):
                rows, speakers = self._judge(rows, speakers)
            places.update({speaker: place for place, speaker in enumerate(speakers, start)})
            start += len(speakers)
            parts.append(rows)
        if not start:
            return None
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _judge(self, rows: Rows, speakers: list[Participant]) -> tuple[Rows, list[Participant]]:
        """Look who talks; those whose silence is dropped are left out while they do not."""
        kept: list[int] = []
        for place, (speaker, level) in enumerate(zip(speakers, levels(rows), strict=True)):
            if speaker.detects_talking:
                speaker.judge(level, self.interval_ms)
                if speaker.mix.drops_silence and not speaker.is_talking:
                    continue
            kept.append(place)
        if len(kept) == len(speakers):
            return rows, speakers
        return rows[kept], [speakers[place] for place in kept]

    def _serve(
        self,
        rate: int,
        encoding: Encoding,
        listeners: list[Participant],
        total: Sums,
        rows: Rows | None,
        places: dict[Participant, int],
        only_heard: bool,
    ) -> None:
        """Write to all who hear one rate in one encoding."""
        samples = self._mixer.samples(rate)
        heard: list[Participant] = []
        own: list[int] = []
        shared: Frame | None = None
        for listener in listeners:
            mix = listener.mix
            place = places.get(listener)
            if mix.is_deaf or (place is None and mix.gain_out == 1.0):
                if only_heard and mix.is_deaf:
                    continue
                if mix.is_deaf:
                    listener.write(listener.frame(encode(encoding, np.zeros(samples, np.int32)), samples))
                    continue
                if shared is None:
                    shared = listener.frame(encode(encoding, total), samples)
                listener.write(shared)
            elif place is None:
                louder = np.rint(total * np.float32(mix.gain_out)).astype(np.int32)
                listener.write(listener.frame(encode(encoding, louder), samples))
            elif not only_heard or len(places) > 1:
                heard.append(listener)
                own.append(place)
        if not heard or rows is None:
            return
        said = rows if own == list(range(len(rows))) else rows[own]
        if any(listener.mix.gain_out != 1.0 for listener in heard):
            gains = np.array([listener.mix.gain_out for listener in heard], np.float32)
            louder = np.rint(without(total, said) * gains[:, np.newaxis]).astype(np.int32)
            payloads = encode_each(encoding, louder)
        else:
            payloads = encode_others(encoding, total, said)
        for listener, payload in zip(heard, payloads, strict=True):
            listener.write(listener.frame(payload, samples))
