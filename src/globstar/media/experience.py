"""Media experience scores: how good a stream sounds, from 0 to 100, by what RTCP knows of it."""

from __future__ import annotations

#: A loss-free connection without delay has this score.
_BEST = 88.0


def experience(loss_share: float, round_trip: float, jitter: float) -> float:
    """A score after the simplified E-model (ITU-T G.107): delay and loss cost quality; times in seconds."""
    delay = round_trip / 2 * 1000 + 2 * jitter * 1000 + 10
    cost = delay / 40 if delay < 160 else (delay - 120) / 10
    return max(0.0, min(100.0, _BEST + 5.2 - cost - loss_share * 100 * 2.5))


def mean_opinion(score: float) -> float:
    """A score as a mean opinion from 1 (bad) to 4.5 (ITU-T G.107, Annex B)."""
    r = max(0.0, min(100.0, score))
    return 1.0 if r <= 0 else min(4.5, max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6))
