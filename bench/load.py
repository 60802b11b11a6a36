"""Benchmarks of media under load: one row for each kind of call, number of calls and way (native, pure Python and numpy).

Quick by default; GLOBSTAR_BENCH_FULL=1 takes all sizes and longer times.
"""

from __future__ import annotations

import math
import os
import struct
import sys
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from bench import floor as bare
from bench.budgets import number
from bench.loadrig import ULAW, Codec, Load
from bench.phones import Heard, Talker
from bench.sounds import write_packets
from tests.interop.support.scenario import PAYLOADS

IS_FULL = os.environ.get("GLOBSTAR_BENCH_FULL", "").lower() in ("1", "yes", "true", "on")
#: Seconds that are measured, and seconds of talk before.
SECONDS, WARM = (20.0, 4.0) if IS_FULL else (3.0, 2.0)

WAYS = {"native": {}, "python": {"GLOBSTAR_NATIVE": "no"}}

RELAY_CALLS = (100, 500, 1000, 1500, 2000) if IS_FULL else (50, 100)
SRTP_CALLS = (100, 500, 1000) if IS_FULL else (50,)
FRAME_CALLS = (50, 100, 200) if IS_FULL else (30,)
RECORDED_CALLS = (50, 100, 200) if IS_FULL else (30,)
MEMBERS = (10, 50, 100, 200, 500, 1000) if IS_FULL else (10, 50)
LISTENERS = (100, 200, 500, 1000) if IS_FULL else (100,)
TRANSCODED_CALLS = 50 if IS_FULL else 20
BESIDE_CALLS = 200 if IS_FULL else 50
#: Packets every 20 ms of one phone among the others, and how many half milliseconds lie between two of them.
BUSY = {"none busy": (1, 0), "one in bursts": (15, 0), "one paced": (15, 2)}

#: What ulaw is transcoded to and from. The payloads of those with a size are made from a counter, of others by the codec.
CODECS = (
    Codec("alaw", PAYLOADS["alaw"]),
    Codec("gsm", PAYLOADS["gsm"], 33, 0xD4),
    Codec("g722", PAYLOADS["g722"]),
    Codec("slin16", "118 L16/16000", 0),
    Codec("g726", "111 G726-32/8000", 80),
    Codec("ilbc", PAYLOADS["ilbc"] + "\na=fmtp:97 mode=20", 0),
    Codec("g729", "18 G729/8000\na=fmtp:18 annexb=no", 0),
    Codec("speex", "110 speex/8000", 0),
    Codec("speex16", "117 speex/16000", 0),
    Codec("amr", "112 AMR/8000\na=fmtp:112 octet-align=1", 0),
    Codec("amrwb", "113 AMR-WB/16000\na=fmtp:113 octet-align=1", 0),
    Codec("opus", "107 opus/48000/2", 0),
)
_BY_NAME = {codec.name: codec for codec in (ULAW, *CODECS)}
#: Pairs of which neither is ulaw: what a browser has, and what desk phones have.
PAIRS = (("opus", "g722"), ("opus", "alaw"), ("g722", "alaw"))


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement; ``unit_us`` is CPU time of the server, ``unit`` says for what."""

    what: str
    calls: int
    way: str
    unit_us: float
    unit: str
    share_of_cpu: float
    loss: float
    middle_ms: float
    worst_ms: float
    #: how much more that is than between the same phones without a server
    added_middle_ms: float = math.nan
    added_worst_ms: float = math.nan


def _row(
    what: str,
    calls: int,
    way: str,
    unit: str,
    units: float,
    used: float,
    expected: float,
    heard: Heard,
    plain: Heard | None = None,
) -> Row:
    loss = 1 - heard.received / expected if expected else math.nan
    share = used / SECONDS
    row = Row(what, calls, way, used / units * 1e6, unit, share, max(loss, 0.0), heard.middle_us / 1000, heard.worst_us / 1000)
    if plain is None:
        return row
    return replace(
        row,
        added_middle_ms=(heard.middle_us - plain.middle_us) / 1000,
        added_worst_ms=(heard.worst_us - plain.worst_us) / 1000,
    )


@cache
def _direct(calls: int) -> Heard:
    """What phones hear of each other without a server between."""
    return bare.direct(calls, warm=WARM, seconds=SECONDS)


def _say(row: Row) -> Row:
    print(
        f"{row.what}, {row.calls}, {row.way}: {row.unit_us:.1f} {row.unit}, loss {row.loss:.2%}, "
        f"delay {row.middle_ms:.2f} ms, {row.worst_ms:.2f} ms at p99, "
        f"added {row.added_middle_ms:.2f} ms, {row.added_worst_ms:.2f} ms",
        file=sys.stderr,
        flush=True,
    )
    return row


def _two_party(
    what: str,
    prefix: str,
    count: int,
    way: str,
    *,
    is_secured: bool = False,
    in_frames: bool = False,
    busy: tuple[int, int] = (1, 0),
) -> Row:
    """Calls from phone to phone that both talk; ``busy`` are the packets of one of them, see ``BUSY``."""
    plain = _direct(count)
    with Load(is_secured=is_secured, environment=WAYS[way]) as rig:
        if in_frames:
            rig.server.cli("bridge technology suspend native_rtp")
        talkers: list[Talker] = []
        packets = rig.packets(WARM + SECONDS + 5) if is_secured else None
        for one, other in rig.calls(prefix, count):
            place = len(talkers)
            talkers += [Talker(one, peer=place + 1, packets=packets), Talker(other, peer=place, packets=packets)]
        if busy[0] > 1:
            talkers[0] = replace(talkers[0], size=1000, burst=busy[0], spread=busy[1])
            talkers[1] = replace(talkers[1], peer=-1)  # which of a burst it hears first is not known
        used, heard = rig.measure(talkers, warm=WARM, seconds=SECONDS)
        return _say(_row(what, count, way, "us a packet", heard.sent, used, heard.sent, heard, plain))


def relay() -> Iterator[Row]:
    """Packets that nobody needs to see."""
    for way in WAYS:
        for count in RELAY_CALLS:
            yield _two_party("relay", "relay", count, way)


def beside() -> Iterator[Row]:
    """As ``relay``, while one of the phones sends a picture: many large packets, in bursts or paced."""
    for way in WAYS:
        for what, busy in BUSY.items():
            yield _two_party(f"relay, {what}", "relay", BESIDE_CALLS, way, busy=busy)


def floor() -> Iterator[Row]:
    """As ``relay``, through a program that only receives and sends: what the kernel alone takes."""
    for way in ("single", "many"):
        for count in RELAY_CALLS:
            used, heard = bare.measure(way, count, warm=WARM, seconds=SECONDS)
            plain = _direct(count)
            yield _say(_row("kernel alone", count, way, "us a packet", heard.sent, used, heard.sent, heard, plain))


def srtp() -> Iterator[Row]:
    """As ``relay``, with SRTP on both sides."""
    for way in WAYS:
        for count in SRTP_CALLS:
            yield _two_party("relay of SRTP", "relay", count, way, is_secured=True)


def frames() -> Iterator[Row]:
    """Packets through a bridge whose frames are visible."""
    for way in WAYS:
        for count in FRAME_CALLS:
            yield _two_party("generic bridge", "relay", count, way, in_frames=True)


def recording() -> Iterator[Row]:
    """Calls that MixMonitor records, both sides mixed, to WAV."""
    for way in WAYS:
        for count in RECORDED_CALLS:
            yield _two_party("recording", "record", count, way)


def conference() -> Iterator[Row]:
    """One bridge in which all talk at once: what a member costs in a step of 20 ms, its packet in and its packet out."""
    for way, environment in WAYS.items():
        for count in MEMBERS:
            with Load(environment=environment) as rig:
                legs = [leg for pair in rig.calls("first", 1) for leg in pair]
                legs += rig.callers("meet", count - 2)
                used, heard = rig.measure([Talker(leg) for leg in legs], warm=WARM, seconds=SECONDS)
                steps = count * 50 * SECONDS
                yield _say(_row("conference", count, way, "us a member and step", steps, used, steps, heard))


def playback() -> Iterator[Row]:
    """A sound file of a minute played to each caller."""
    for way, environment in WAYS.items():
        for count in LISTENERS:
            with Load(environment=environment) as rig:
                _tone(rig.directory / "minute.wav", 60)
                legs = rig.callers("play", count)
                used, heard = rig.measure([Talker(leg, payload_type=-1) for leg in legs], warm=WARM, seconds=SECONDS)
                expected = count * 50 * SECONDS
                yield _say(_row("playback", count, way, "us a packet", heard.received or math.inf, used, expected, heard))


def transcoding() -> Iterator[Row]:
    """Calls from one codec to another; only one side talks, so that each direction has its own row."""
    pairs = [*((ULAW.name, codec.name) for codec in CODECS), *PAIRS]
    for way in WAYS:
        for one, other in pairs:
            for talks, hears in ((one, other), (other, one)):
                yield from _transcoded(_BY_NAME[talks], _BY_NAME[hears], way)


def _transcoded(talks: Codec, hears: Codec, way: str) -> Iterator[Row]:
    count = TRANSCODED_CALLS
    with Load(caller_codec=talks, callee_codec=hears, environment=WAYS[way]) as rig:
        if not _is_there(rig, talks) or not _is_there(rig, hears):
            print(f"{talks.name} to {hears.name}: its library is not here", file=sys.stderr)
            return
        talkers: list[Talker] = []
        packets = None
        if not talks.size:
            packets = rig.directory / "coded.bin"
            write_packets(packets, talks.name, talks.payload_type, WARM + SECONDS + 5)
        for one, other in rig.calls("relay", count):
            talkers.append(Talker(one, talks.payload_type, size=talks.size, first=talks.first, packets=packets))
            talkers.append(Talker(other, payload_type=-1))
        used, heard = rig.measure(talkers, warm=WARM, seconds=SECONDS)
        yield _say(_row(f"{talks.name} to {hears.name}", count, way, "us a packet", heard.sent, used, heard.sent, heard))


def _is_there(rig: Load, codec: Codec) -> bool:
    """Whether the server can translate this codec from and to signed linear."""
    return codec.name in ("ulaw", "slin16") or "Translation" in rig.server.cli(f"core show translation paths {codec.name}")


def _tone(path: Path, seconds: int) -> None:
    """A sound file at 8 kHz."""
    second = struct.pack("<8000h", *(round(8000 * math.sin(2 * math.pi * 440 * place / 8000)) for place in range(8000)))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(second * seconds)


LOADS: dict[str, Callable[[], Iterator[Row]]] = {
    "load_relay": relay,
    "load_beside": beside,
    "load_floor": floor,
    "load_srtp": srtp,
    "load_frames": frames,
    "load_recording": recording,
    "load_conference": conference,
    "load_playback": playback,
    "load_transcoding": transcoding,
}


def rows_table(rows: list[Row]) -> str:
    """A Markdown table."""
    head = ("calls of", "number", "way", "cost", "", "CPUs", "loss", "delay ms", "p99 ms", "added ms", "added p99 ms")
    lines = [head, tuple("---" for _ in head)]
    for row in rows:
        delays = (row.middle_ms or math.nan, row.worst_ms or math.nan, row.added_middle_ms, row.added_worst_ms)
        lines.append(
            (
                row.what,
                str(row.calls),
                row.way,
                number(row.unit_us),
                row.unit,
                f"{row.share_of_cpu:.2f}",
                f"{row.loss:.2%}",
                *("-" if math.isnan(delay) else f"{delay:.2f}" for delay in delays),
            )
        )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
