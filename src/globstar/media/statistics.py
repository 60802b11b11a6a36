"""Figures of a session: counts, running means, and the snapshot that CDRs, AMI and the CLI show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from globstar.media.session import RtpSession


class RunningStat:
    """Minimum, maximum, mean and standard deviation of a series, in constant space (Welford)."""

    __slots__ = ("_m2", "count", "last", "maximum", "mean", "minimum")

    def __init__(self) -> None:
        self.count = 0
        self.last = self.minimum = self.maximum = self.mean = self._m2 = 0.0

    def add(self, value: float) -> None:
        """Take one value into account."""
        self.last = value
        if self.count == 0:
            self.minimum = self.maximum = value
        elif value < self.minimum:
            self.minimum = value
        elif value > self.maximum:
            self.maximum = value
        self.count += 1
        difference = value - self.mean
        self.mean += difference / self.count
        self._m2 += difference * (value - self.mean)

    @property
    def deviation(self) -> float:
        """Standard deviation of the values so far; 0 for fewer than two."""
        return math.sqrt(self._m2 / self.count) if self.count > 1 else 0.0

    def snapshot(self) -> Spread:
        """The figures as a value."""
        return Spread(self.count, self.last, self.minimum, self.maximum, self.mean, self.deviation)


@dataclass(frozen=True, slots=True)
class Spread:
    """A RunningStat at one moment."""

    count: int = 0
    last: float = 0.0
    minimum: float = 0.0
    maximum: float = 0.0
    mean: float = 0.0
    deviation: float = 0.0


@dataclass(frozen=True, slots=True)
class SessionStatistics:
    """What one session has seen. ``tx`` is as the peer reports it in RTCP; times are seconds, losses packets.

    Counts are totals of the session, whatever sources there were on either side; the spreads are per report interval.
    """

    local_ssrc: int
    remote_ssrc: int
    received: int
    received_octets: int
    lost: int
    duplicates: int
    reordered: int
    sent: int
    sent_octets: int
    remote_lost: int
    rx_jitter: float
    tx_jitter: float
    round_trip: float
    rx_jitters: Spread
    tx_jitters: Spread
    rx_losses: Spread
    tx_losses: Spread
    round_trips: Spread
    not_rtp: int
    unknown_payload: int
    wrong_source: int
    not_sent: int
    rtcp_sent: int
    rtcp_received: int
    #: of SRTP: packets that failed authentication, that came twice, that came or were to go before there was a key
    not_authentic: int = 0
    replayed: int = 0
    unkeyed: int = 0
    #: media experience, see ``experience``: of what we hear, and of what the peer hears
    rx_scores: Spread = Spread()
    tx_scores: Spread = Spread()


def figures(session: RtpSession, clock_rate: int) -> SessionStatistics:
    """The figures of a session at this moment."""
    receiver, sender, reports, security = session.receiver, session.sender, session.reports, session.security
    spreads, tally = reports.spreads, receiver.tally
    sent, sent_octets = sender.total
    return SessionStatistics(
        local_ssrc=sender.ssrc,
        remote_ssrc=session.remote_ssrc,
        received=tally.received,
        received_octets=tally.octets,
        lost=tally.lost,
        duplicates=tally.duplicates,
        reordered=tally.reordered,
        sent=sent,
        sent_octets=sent_octets,
        remote_lost=reports.remote_lost,
        rx_jitter=receiver.jitter / (receiver.clock_rate or clock_rate),
        tx_jitter=reports.remote_jitter,
        round_trip=spreads.round_trips.last,
        rx_jitters=spreads.rx_jitters.snapshot(),
        tx_jitters=spreads.tx_jitters.snapshot(),
        rx_losses=spreads.rx_losses.snapshot(),
        tx_losses=spreads.tx_losses.snapshot(),
        round_trips=spreads.round_trips.snapshot(),
        rx_scores=spreads.rx_scores.snapshot(),
        tx_scores=spreads.tx_scores.snapshot(),
        not_rtp=session.not_rtp,
        unknown_payload=session.unknown_payload,
        wrong_source=session.source.dropped,
        not_sent=session.not_sent + session.lost_later,
        rtcp_sent=reports.sent,
        rtcp_received=reports.received,
        not_authentic=security.not_authentic if security is not None else 0,
        replayed=security.replayed if security is not None else 0,
        unkeyed=security.unkeyed if security is not None else 0,
    )
