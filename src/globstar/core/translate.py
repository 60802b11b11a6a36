"""Translation: what codec modules offer, the cheapest path between two formats, and the per-packet call.

A translator turns the payload of one format into that of another. Each states a cost in microseconds per second
of audio; the classes of :func:`default_cost` (as ``core show translation`` of Asterisk 23 prints them) weigh loss of
quality above work, so that the cheapest path is also the one that loses least.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from globstar.base.errors import LocalFault
from globstar.core.format import Format, MediaType
from globstar.core.frame import Frame, FrameType
from globstar.core.registry import Registry, Spec, attach

#: One step of a path: payload in, payload out. ``b""`` while a whole frame is being gathered. It never raises for
#: what came from the network: a payload that cannot be decoded gives ``b""``. An encoder whose payloads do not tell their
#: length in samples has it in ``samples_made`` after each call, at the rate of its codec; one that leaves out silence has what
#: came before that, and was left out by this call, in ``samples_left_out``. One that makes frames of signed linear of any length
#: has what waits for the rest of its frame in ``gatherer`` (:class:`globstar.dsp.clibrary.Gatherer`).
Step = Callable[[bytes], bytes]

F = TypeVar("F", bound=Callable[..., object])

#: (source is lossless, destination is lossless) to the costs for: same rate, up-sampling, down-sampling.
_COSTS = {
    (True, True): (4000, 8000, 8500),
    (True, False): (6000, 8250, 8750),
    (False, True): (9000, 9450, 9600),
    (False, False): (9150, 9500, 9700),
}

_VOICE = FrameType.VOICE
_WRAP = 1 << 32
_ANY_RATE = 1_000_000


class NoTranslation(LocalFault):
    """Nothing leads from one format to the other; who chooses formats asks :meth:`TranslationRegistry.cost` first."""


def default_cost(source: Format, destination: Format) -> int:
    """The cost that Asterisk's tables give to a translator of this kind, in microseconds per second of audio."""
    same, up, down = _COSTS[(source.is_slin, destination.is_slin)]
    if source.sample_rate == destination.sample_rate:
        return same
    return up if destination.sample_rate > source.sample_rate else down


@dataclass(slots=True, kw_only=True)
class TranslatorSpec(Spec):
    """A translator, named as Asterisk names it (``ulawtolin``).

    ``open()`` gives the step for one direction of one call, ``open_for(source, destination)`` one that minds the parameters
    of both formats; the latter counts where both are there. ``conceals`` says that the steps have a method ``conceal`` (see
    :mod:`globstar.core.conceal`). ``is_stateless`` says that the step keeps nothing between
    payloads and maps each sample to one sample, so that one step may serve every call.
    """

    source: Format
    destination: Format
    open: Callable[[], Step]
    cost: int = 0
    is_stateless: bool = False
    open_for: Callable[[Format, Format], Step] | None = None
    conceals: bool = False

    def __post_init__(self) -> None:
        if not self.cost:
            self.cost = default_cost(self.source, self.destination)


def translator(name: str, source: Format, destination: Format, *, cost: int = 0) -> Callable[[F], F]:
    """Make a plain function ``bytes -> bytes`` the stateless translator ``name``."""

    def decorate(function: F) -> F:
        step: Step = function  # type: ignore[assignment]
        spec = TranslatorSpec(name=name, source=source, destination=destination, open=lambda: step, cost=cost, is_stateless=True)
        return attach(function, spec)

    return decorate


def stateful_translator(name: str, source: Format, destination: Format, *, cost: int = 0) -> Callable[[F], F]:
    """Make a factory ``() -> step`` (a function, or a class whose objects are called) the translator ``name``."""

    def decorate(factory: F) -> F:
        spec = TranslatorSpec(name=name, source=source, destination=destination, open=factory, cost=cost)  # type: ignore[arg-type]
        return attach(factory, spec)

    return decorate


@dataclass(frozen=True, slots=True)
class PlcSettings:
    """``[plc]`` of codecs.conf: whether signed linear is concealed where a codec has no way of its own, and whether a stream
    that needs no translation is decoded and coded again for it."""

    generic: bool = True
    on_equal_codecs: bool = False


class TranslationPath:
    """The steps from ``source`` to ``destination`` for one direction of one call, bound once.

    ``translate(frame)`` is the per-packet call: the translated VOICE frame, or None while a codec gathers a whole
    frame. Samples are counted in the destination's rate and ``rtp_time`` runs in the destination's clock: where the
    clocks or frame lengths differ it is counted on from the first frame, and a jump of the source is carried over.
    """

    __slots__ = (
        "_coder_counts", "_coder_leaves_out", "_next_in", "_next_out", "_rest", "_steps", "_was_silent", "destination", "source",
        "specs", "translate",
    )  # fmt: skip

    translate: Callable[[Frame], Frame | None]

    def __init__(self, source: Format, destination: Format, specs: tuple[TranslatorSpec, ...]) -> None:
        if not specs:
            raise LocalFault(f"no translator needed from {source} to {destination}")
        self.source = source
        self.destination = destination
        self.specs = specs
        self._steps: tuple[Step, ...] = ()
        self._rest: tuple[Step, ...] = ()
        self._next_in: int | None = None
        self._next_out = 0
        self._was_silent = False
        self.reset()

    def __repr__(self) -> str:
        return f"<TranslationPath {describe_path(self.specs)}>"

    @property
    def cost(self) -> int:
        """Microseconds per second of audio."""
        return sum(spec.cost for spec in self.specs)

    def reset(self) -> None:
        """Forget all state, as after a change of source."""
        last = len(self.specs) - 1
        self._steps = tuple(
            spec.open_for(self.source if index == 0 else spec.source, self.destination if index == last else spec.destination)
            if spec.open_for is not None
            else spec.open()
            for index, spec in enumerate(self.specs)
        )
        self._next_in = None
        self._next_out = 0
        self._rest = self._steps[1:]
        self._coder_counts = hasattr(self._steps[-1], "samples_made")
        self._coder_leaves_out = hasattr(self._steps[-1], "samples_left_out")
        same_clock = self.source.codec.clock_rate == self.destination.codec.clock_rate
        if same_clock and all(spec.is_stateless for spec in self.specs):
            self.translate = _bind_stateless(self.destination, self._steps)
        else:
            self.translate = self._translate

    @property
    def missing(self) -> int:
        """The bytes of sound that the frame needs which the encoder has begun; 0 where it has begun none."""
        gatherer = getattr(self._steps[-1], "gatherer", None)
        return gatherer.missing if gatherer is not None else 0

    def complete(self) -> Frame | None:
        """The frame that the encoder has begun, filled up with silence; None if there is none."""
        missing = self.missing
        data = self._steps[-1](bytes(missing)) if missing else b""
        if not data:
            return None
        return Frame(_VOICE, 0, data, format=self.destination, samples=self._samples_out(data, 0))

    def translate_bytes(self, data: bytes) -> bytes:
        """Translate a bare payload of any length."""
        for step in self._steps:
            data = step(data)
        return data

    def _translate(self, frame: Frame) -> Frame | None:
        source_clock = self.source.codec.clock_rate
        destination = self.destination
        destination_clock = destination.codec.clock_rate
        samples_in = frame.samples or self.source.samples_in(frame.data)
        data = self._steps[0](frame.data)
        if not samples_in:  # only the decoder knows
            samples_in = len(data) // 2 * self.source.sample_rate // self.specs[0].destination.sample_rate
        ticks_in = samples_in * source_clock // self.source.sample_rate
        arrived = frame.rtp_time
        if arrived is not None:
            expected = self._next_in
            if expected is None:
                self._next_out = arrived * destination_clock // source_clock
            elif arrived != expected:
                jump = (arrived - expected) % _WRAP
                if jump >= _WRAP // 2:
                    jump -= _WRAP
                self._next_out += jump * destination_clock // source_clock
            self._next_in = (arrived + ticks_in) % _WRAP
        for step in self._rest:
            if not data:
                break
            data = step(data)
        else:
            if self._coder_leaves_out:
                left_out: int = self._steps[-1].samples_left_out  # type: ignore[attr-defined]
                if left_out:
                    self._next_out += left_out * destination_clock // destination.sample_rate
                    self._was_silent = True
        if not data:
            return None
        samples = self._samples_out(data, samples_in)
        rtp_time = None
        if arrived is not None:
            rtp_time = self._next_out % _WRAP
            self._next_out = rtp_time + samples * destination_clock // destination.sample_rate
        number = frame.seq
        if self._was_silent:  # what came before has not been lost
            self._was_silent, number = False, None
        return Frame(
            _VOICE, 0, data, format=destination, samples=samples, rtp_time=rtp_time, seq=number, marker=frame.marker,
            source=frame.source,
        )  # fmt: skip

    def _samples_out(self, data: bytes, samples_in: int) -> int:
        """How many samples of the destination's rate ``data`` holds: by its length, as the encoder says, or as went in."""
        samples = self.destination.samples_in(data)
        if samples:
            return samples
        coder = self._steps[-1]
        if self._coder_counts:
            made: int = coder.samples_made  # type: ignore[attr-defined]
            return made
        return samples_in * self.destination.sample_rate // self.source.sample_rate


def _bind_stateless(destination: Format, steps: tuple[Step, ...]) -> Callable[[Frame], Frame | None]:
    """The per-packet call for steps that map one sample to one sample: no clock to keep."""
    samples_in = destination.samples_in
    if len(steps) == 1:
        only = steps[0]

        def translate_directly(frame: Frame) -> Frame | None:
            data = only(frame.data)
            if not data:
                return None
            return Frame(
                _VOICE, 0, data, format=destination, samples=frame.samples or samples_in(data),
                rtp_time=frame.rtp_time, seq=frame.seq, marker=frame.marker, source=frame.source,
            )  # fmt: skip

        return translate_directly

    def translate_in_steps(frame: Frame) -> Frame | None:
        data = frame.data
        for step in steps:
            data = step(data)
        if not data:
            return None
        return Frame(
            _VOICE, 0, data, format=destination, samples=frame.samples or samples_in(data), rtp_time=frame.rtp_time,
            seq=frame.seq, marker=frame.marker, source=frame.source,
        )  # fmt: skip

    return translate_in_steps


def describe_path(specs: Iterable[TranslatorSpec]) -> str:
    """Asterisk's form of a path: ``(ulaw@8000)->(slin@8000)->(slin@16000)``."""
    formats: list[Format] = []
    for spec in specs:
        if not formats:
            formats.append(spec.source)
        formats.append(spec.destination)
    return "->".join(f"({codec_family(f)}@{f.sample_rate})" for f in formats)


def codec_family(format: Format) -> str:
    """The codec's name without its rate: ``slin`` for slin16, ``speex`` for speex32."""
    name = format.name
    for family in ("slin", "speex", "silk"):
        if name.startswith(family) and name[len(family) :].isdigit():
            return family
    return name


class TranslationRegistry:
    """Finds paths among the registered translators; answers are kept until the set of translators changes."""

    __slots__ = ("_edges", "_generation", "_measured", "_paths", "plc", "registry")

    def __init__(self, registry: Registry[TranslatorSpec] | None = None) -> None:
        self.registry: Registry[TranslatorSpec] = Registry("translator") if registry is None else registry
        #: how paths of channels make up for lost packets
        self.plc = PlcSettings()
        self._generation = -1
        self._measured: dict[str, float] = {}
        self._edges: dict[str, list[TranslatorSpec]] = {}
        self._paths: dict[str, dict[str, tuple[int, tuple[TranslatorSpec, ...]]]] = {}

    def __iter__(self) -> Iterator[TranslatorSpec]:
        return iter(self.registry)

    def _refresh(self) -> None:
        if self._generation == self.registry.generation:
            return
        self._generation = self.registry.generation
        self._paths.clear()
        self._edges.clear()
        for spec in self.registry:
            self._edges.setdefault(spec.source.codec.name, []).append(spec)

    def _paths_from(self, source: str) -> dict[str, tuple[int, tuple[TranslatorSpec, ...]]]:
        """The best path from ``source`` to every codec that can be reached (Dijkstra).

        The least loss of quality wins, which is what costs say and, among equals, the lowest rate on the way; then the least
        work, as it was measured; then the fewest steps.
        """
        self._refresh()
        known = self._paths.get(source)
        if known is not None:
            return known
        done: dict[str, tuple[int, tuple[TranslatorSpec, ...]]] = {}
        order = 0
        heap: list[tuple[int, int, float, int, int, str, tuple[TranslatorSpec, ...]]] = [(0, -_ANY_RATE, 0.0, 0, 0, source, ())]
        measured = self._measured
        while heap:
            cost, rate, work, length, _, name, path = heapq.heappop(heap)
            if name in done:
                continue
            done[name] = (cost, path)
            for spec in self._edges.get(name, ()):
                reached = spec.destination.codec.name
                if reached not in done:
                    order += 1
                    more = work + measured.get(spec.name, 0.0)
                    lowest = max(rate, -spec.destination.sample_rate)
                    heapq.heappush(heap, (cost + spec.cost, lowest, more, length + 1, order, reached, (*path, spec)))
        self._paths[source] = done
        return done

    def find_path(self, source: Format, destination: Format) -> tuple[TranslatorSpec, ...] | None:
        """The translators to go through in order; empty when the codec is the same, None when there is no way."""
        if source.codec is destination.codec:
            return ()
        found = self._paths_from(source.codec.name).get(destination.codec.name)
        return None if found is None else found[1]

    def cost(self, source: Format, destination: Format) -> int | None:
        """The cost of the cheapest path, 0 for the same codec, None when there is no way."""
        if source.codec is destination.codec:
            return 0
        found = self._paths_from(source.codec.name).get(destination.codec.name)
        return None if found is None else found[0]

    def set_measured(self, work: Mapping[str, float]) -> None:
        """What translators really take, in microseconds per second of audio, by their names; for paths built from now on."""
        self._measured = dict(work)
        self._paths.clear()

    def measured(self, source: Format, destination: Format) -> float | None:
        """What the path really takes, in microseconds per second of audio; None without a path, 0 for what was not measured."""
        path = self.find_path(source, destination)
        return None if path is None else sum(self._measured.get(spec.name, 0.0) for spec in path)

    def is_possible(self, source: Format, destination: Format) -> bool:
        """Whether ``source`` can become ``destination``."""
        return self.cost(source, destination) is not None

    def build_path(self, source: Format, destination: Format) -> TranslationPath | None:
        """A path with fresh state, None when there is no way. Asking for one that needs no step is a mistake."""
        specs = self.find_path(source, destination)
        return None if specs is None else TranslationPath(source, destination, specs)

    def path_through_linear(self, source: Format, destination: Format) -> tuple[TranslatorSpec, ...] | None:
        """The translators by way of signed linear, for a pair that has a way past it; None when there is none."""
        best: tuple[int, tuple[TranslatorSpec, ...]] | None = None
        for first in self._edges_from(source):
            if first.destination.is_slin:
                rest = self._paths_from(first.destination.codec.name).get(destination.codec.name)
                if rest is not None and rest[1] and (best is None or first.cost + rest[0] < best[0]):
                    best = (first.cost + rest[0], (first, *rest[1]))
        return None if best is None else best[1]

    def _edges_from(self, source: Format) -> list[TranslatorSpec]:
        self._refresh()
        return self._edges.get(source.codec.name, [])

    def require_path(self, source: Format, destination: Format) -> TranslationPath:
        """:meth:`build_path` where a path is expected; raises :class:`NoTranslation`."""
        path = self.build_path(source, destination)
        if path is None:
            raise NoTranslation(f"no translation path from {source} to {destination}")
        return path

    def choose_best(
        self, sources: Iterable[Format], destinations: Iterable[Format], media: MediaType = MediaType.AUDIO
    ) -> tuple[Format, Format] | None:
        """The pair (source, destination) that needs the least translation; order of preference decides among equals.

        A codec that both sides have wins over any translation (the one with the highest sampling rate first, as
        nothing is lost by it); None when nothing on one side can become anything on the other.
        """
        wanted = [f for f in destinations if f.codec.media is media]
        offered = [f for f in sources if f.codec.media is media]
        common = [(s, d) for d in wanted for s in offered if s.codec is d.codec]
        if common:
            return max(common, key=lambda pair: pair[0].sample_rate)
        best: tuple[int, tuple[Format, Format]] | None = None
        for destination in wanted:
            for source in offered:
                cost = self.cost(source, destination)
                if cost is not None and (best is None or cost < best[0]):
                    best = (cost, (source, destination))
        return None if best is None else best[1]
