"""What RTP and RTCP know of a call's quality: the RTPAUDIOQOS variables and CHANNEL(rtcp,...)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.media.experience import experience
from globstar.media.statistics import SessionStatistics, Spread

if TYPE_CHECKING:
    from globstar.media.session import RtpSession
    from globstar.modules.channels.pjsip.leg import Leg


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


def _spread(label: str, spread: Spread, prefix: str = "") -> str:
    return (
        f"{prefix}min{label}={spread.minimum:.6f};{prefix}max{label}={spread.maximum:.6f};"
        f"{prefix}avg{label}={spread.mean:.6f};{prefix}stdev{label}={spread.deviation:.6f};"
    )


def jitter(s: SessionStatistics) -> str:
    """The value of RTPAUDIOQOSJITTER."""
    return _spread("rxjitter", s.rx_jitters) + _spread("jitter", s.tx_jitters, "reported_")


def loss(s: SessionStatistics) -> str:
    """The value of RTPAUDIOQOSLOSS."""
    return _spread("rxlost", s.rx_losses) + _spread("lost", s.tx_losses, "reported_")


def round_trip(s: SessionStatistics) -> str:
    """The value of RTPAUDIOQOSRTT."""
    return _spread("rtt", s.round_trips)


def score(s: SessionStatistics) -> str:
    """The value of RTPAUDIOQOSMES."""
    return _spread("mes", s.rx_scores) + _spread("mes", s.tx_scores, "reported_")


def figures(s: SessionStatistics) -> dict[str, str]:
    """The items of ``CHANNEL(rtcp,...)``; *remote* is what the peer reports of our stream, *local* what we know of its own."""
    rx, tx = scores(s)
    counts = {
        "txcount": s.sent, "rxcount": s.received, "txploss": s.remote_lost, "rxploss": s.lost, "local_ssrc": s.local_ssrc,
        "remote_ssrc": s.remote_ssrc, "ssrc": s.local_ssrc, "themssrc": s.remote_ssrc, "lp": s.lost, "rlp": s.remote_lost,
        "txoctetcount": s.sent_octets, "rxoctetcount": s.received_octets,
    }  # fmt: skip
    values = {"txjitter": s.tx_jitter, "rxjitter": s.rx_jitter, "rtt": s.round_trip, "txmes": tx, "rxmes": rx}
    spreads = {
        ("remote_", "jitter"): s.tx_jitters, ("local_", "jitter"): s.rx_jitters, ("remote_", "rxploss"): s.tx_losses,
        ("local_", "rxploss"): s.rx_losses, ("", "rtt"): s.round_trips, ("remote_", "mes"): s.tx_scores,
        ("local_", "mes"): s.rx_scores,
    }  # fmt: skip
    for (whose, what), spread in spreads.items():
        values |= {
            f"{whose}max{what}": spread.maximum, f"{whose}min{what}": spread.minimum, f"{whose}normdev{what}": spread.mean,
            f"{whose}stdev{what}": spread.deviation,
        }  # fmt: skip
    return {name: str(count) for name, count in counts.items()} | {name: f"{value:.6f}" for name, value in values.items()}


SUMMARIES = {"all": summary, "all_jitter": jitter, "all_loss": loss, "all_rtt": round_trip, "all_mes": score}

VARIABLES = {
    "RTPAUDIOQOS": summary,
    "RTPAUDIOQOSJITTER": jitter,
    "RTPAUDIOQOSLOSS": loss,
    "RTPAUDIOQOSRTT": round_trip,
    "RTPAUDIOQOSMES": score,
}
_OF_PEER = tuple(f"{name}BRIDGED" for name in VARIABLES)


class _Figures:
    """Gives the values of the variables of one session, whose figures are put together when the first of them is asked for."""

    __slots__ = ("_session", "_taken")

    def __init__(self, session: RtpSession) -> None:
        self._session = session
        self._taken: SessionStatistics | None = None

    def __call__(self, name: str) -> str:
        if self._taken is None:
            self._taken = self._session.statistics()
        return VARIABLES[name.removesuffix("BRIDGED")](self._taken)


def set_variables(leg: Leg) -> None:
    """Set the variables on the channel, and with BRIDGED on the one it is bridged to; once, at the end of the call."""
    channel, session = leg.channel, leg.media.session
    if channel is None or session is None or session.is_closed or channel.variables.has_own("RTPAUDIOQOS"):
        return
    if leg.media.stream is None or not (leg.is_caller or leg.early_sent or channel.answered_at is not None):
        return  # no media: the other side has not been told ours
    figures_of = _Figures(session)
    member = channel.bridge_member
    peers = [peer.channel for peer in member.peers] if member is not None else []
    if not channel.variables.is_watched:
        channel.variables.set_later(VARIABLES, figures_of)
        for peer in peers:
            peer.variables.set_later(_OF_PEER, figures_of)
        return
    for name in VARIABLES:
        value = figures_of(name)
        channel.set_variable(name, value)
        for peer in peers:
            peer.set_variable(f"{name}BRIDGED", value)
