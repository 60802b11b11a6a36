"""What payload types carry: the table that each packet looks into."""

from __future__ import annotations

from functools import lru_cache

from globstar.media.settings import Payload, PayloadKind
from globstar.proto.rtp import COMFORT_NOISE, COMFORT_NOISE_OLD

_COMFORT = Payload(PayloadKind.COMFORT_NOISE, 8000)

#: Kind, clock rate, clock rate for jitter (0 for digits, whose timestamps stand still).
PayloadEntry = tuple[PayloadKind, int, int]


@lru_cache(maxsize=256)
def payload_table(receive: tuple[tuple[int, Payload], ...]) -> tuple[PayloadEntry | None, ...]:
    """By payload type what it carries: one index per packet instead of a look-up.

    Sessions with the same payload types share one table, which keeps it in the processor's cache.
    """
    table: list[PayloadEntry | None] = [None] * 128
    for number, payload in ((COMFORT_NOISE, _COMFORT), (COMFORT_NOISE_OLD, _COMFORT), *receive):
        jitter_clock = 0 if payload.kind is PayloadKind.DIGITS else payload.clock_rate
        table[number] = (payload.kind, payload.clock_rate, jitter_clock)
    return tuple(table)
