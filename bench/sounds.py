"""Ready-made RTP of codecs whose payloads cannot be had from a counter: a sound that the codec itself has encoded."""

from __future__ import annotations

import math
from array import array
from pathlib import Path

from tests.support.sound_quality import FORMATS, coder, linear_of


def write_packets(path: Path, name: str, payload_type: int, seconds: float) -> None:
    """Datagrams of 20 ms as ``phones.c`` reads them: two tones that swell and fade as speech does."""
    format = FORMATS[name]
    linear = linear_of(format)
    rate, size = linear.sample_rate, linear.sample_rate // 50
    step = None if format.is_slin else coder(linear, format)
    ticks, sequence = format.codec.clock_rate // 50, 0
    with path.open("wb") as file:
        for number in range(int(seconds * 50)):
            times = [place / rate for place in range(number * size, (number + 1) * size)]
            swell = 4000 * (1.1 + math.sin(2 * math.pi * 3 * times[0]))
            sound = array("h", (int(swell * (math.sin(1382 * t) + math.sin(4084 * t)) / 2) for t in times))
            if step is None:
                sound.byteswap()  # on the wire the octet of more weight comes first
            payload = sound.tobytes() if step is None else step(sound.tobytes())
            if not payload:  # the encoder waits for more
                continue
            head = bytes((0x80, payload_type)) + sequence.to_bytes(2, "big") + (ticks * number).to_bytes(4, "big") + b"\0\1\0\0"
            file.write((12 + len(payload)).to_bytes(2, "big") + head + payload)
            sequence += 1
