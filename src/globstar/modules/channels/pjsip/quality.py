"""What RTP and RTCP know of a call's quality: the RTPAUDIOQOS variables and CHANNEL(rtcp,...)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.media.statistics import SessionStatistics, Spread

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.leg import Leg

#: A loss-free connection without delay has this media experience score (0 to 100).
_BEST = 88.0


def experience(loss_share: float, round_trip: float, jitter: float) -> float:
    """A media experience score after the simplified E-model (ITU-T G.107): delay and loss cost quality."""
    delay = round_trip / 2 * 1000 + 2 * jitter * 1000 + 10
    cost = delay / 40 if delay < 160 else (delay - 120) / 10
    return max(0.0, min(100.0, _BEST + 5.2 - cost - loss_share * 100 * 2.5))


def scores(s: SessionStatistics) -> tuple[float, float]:
    """The experience of what was received and, as far as the peer reports it, of what was sent."""
    rx = experience(s.lost / max(s.received + s.lost, 1), s.round_trip, s.rx_jitter)
    return rx, experience(s.remote_lost / max(s.sent, 1), s.round_trip, s.tx_jitter)


def summary(s: SessionStatistics) -> str:
    """The value of RTPAUDIOQOS."""
    rx, tx = scores(s)
    return (
        f"ssrc={s.local_ssrc};themssrc={s.remote_ssrc};lp={s.lost};rxjitter={s.rx_jitter:.6f};rxcount={s.received};"
        f"txjitter={s.tx_jitter:.6f};txcount={s.sent};rlp={s.remote_lost};rtt={s.round_trip:.6f};"
        f"rxmes={rx:.6f};txmes={tx:.6f}"
    )


def _spread(label: str, spread: Spread) -> str:
    if not spread.count:
        return f"min{label}=0.000000;max{label}=0.000000;avg{label}=0.000000;stdev{label}=0.000000;"
    return (
        f"min{label}={spread.minimum:.6f};max{label}={spread.maximum:.6f};avg{label}={spread.mean:.6f};"
        f"stdev{label}={spread.deviation:.6f};"
    )


def jitter(s: SessionStatistics) -> str:
    """The value of RTPAUDIOQOSJITTER."""
    return _spread("rxjitter", s.rx_jitters) + _spread("reported_jitter", s.tx_jitters)


def loss(s: SessionStatistics) -> str:
    """The value of RTPAUDIOQOSLOSS."""
    return _spread("rxlost", s.rx_losses) + _spread("reported_lost", s.tx_losses)


def round_trip(s: SessionStatistics) -> str:
    """The value of RTPAUDIOQOSRTT."""
    return _spread("rtt", s.round_trips)


def score(s: SessionStatistics) -> str:
    """The value of RTPAUDIOQOSMES."""
    rx, tx = scores(s)
    return f"rxmes={rx:.6f};txmes={tx:.6f};"


VARIABLES = (
    ("RTPAUDIOQOS", summary),
    ("RTPAUDIOQOSJITTER", jitter),
    ("RTPAUDIOQOSLOSS", loss),
    ("RTPAUDIOQOSRTT", round_trip),
    ("RTPAUDIOQOSMES", score),
)


def set_variables(leg: Leg) -> None:
    """Set the variables on the channel, and with BRIDGED on the one it is bridged to; once, at the end of the call."""
    channel, session = leg.channel, leg.media.session
    if channel is None or session is None or session.is_closed or channel.variables.own("RTPAUDIOQOS") is not None:
        return
    if leg.media.stream is None:
        return
    figures = session.statistics()
    member = channel.bridge_member
    peers = [peer.channel for peer in member.peers] if member is not None else []
    for name, build in VARIABLES:
        value = build(figures)
        channel.set_variable(name, value)
        for peer in peers:
            peer.set_variable(f"{name}BRIDGED", value)
