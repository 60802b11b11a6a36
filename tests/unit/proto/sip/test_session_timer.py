"""Session timers (RFC 4028)."""

from __future__ import annotations

import pytest

from globstar.proto.sip.errors import SipParseError
from globstar.proto.sip.message import Request, Response
from globstar.proto.sip.parser import parse
from globstar.proto.sip.session import SessionState
from globstar.proto.sip.session_timer import SessionTerms, negotiate_as_uac, negotiate_as_uas
from tests.unit.proto.sip.ladder import Ladder, connected, request


def uas(extra: str, *, interval: int = 1800, min_se: int = 90) -> SessionTerms:
    message = parse(request(extra=extra))
    assert isinstance(message, Request)
    return negotiate_as_uas(message, interval=interval, min_se=min_se)


def test_asterisk_caller_refreshes() -> None:
    terms = uas("Supported: timer\nSession-Expires: 300;refresher=uac\nMin-SE: 90\n")
    assert terms == SessionTerms(300, False, True, "uac")
    assert terms.headers() == [("Session-Expires", "300;refresher=uac"), ("Require", "timer")]


def test_asterisk_too_small_is_422() -> None:
    with pytest.raises(SipParseError) as caught:
        uas("Supported: timer\nSession-Expires: 60\n")
    assert caught.value.status == 422


def test_rfc4028_9_caller_does_not_know_the_extension() -> None:
    assert uas("") == SessionTerms(1800, True, False, "uas")
    assert uas("", interval=1800).headers() == [("Session-Expires", "1800;refresher=uas")]
    assert uas("Session-Expires: 60\n") == SessionTerms(1800, True, False, "uas")


def test_rfc4028_9_refresher_is_ours_to_choose() -> None:
    assert uas("Supported: timer\nSession-Expires: 300\n").refresher == "uac"
    assert uas("Supported: timer\nSession-Expires: 300;refresher=uas\n").we_refresh
    assert uas("Session-Expires: 300\n").we_refresh


def test_rfc4028_min_se_of_the_caller_is_respected() -> None:
    assert uas("Supported: timer\nSession-Expires: 300\nMin-SE: 400;x\n").interval == 400
    assert uas("Supported: timer\nMin-SE: 3600\n").interval == 3600


def test_bad_value() -> None:
    with pytest.raises(SipParseError):
        uas("Session-Expires: soon\n")


def test_rfc4028_7_2_terms_of_a_2xx() -> None:
    assert negotiate_as_uac(Response(200, "OK")) is None
    answer = Response(200, "OK", [("Session-Expires", "90;refresher=uas"), ("Require", "timer")])
    assert negotiate_as_uac(answer) == SessionTerms(90, False, True, "uas")
    assert negotiate_as_uac(Response(200, "OK", [("Session-Expires", "90")])) == SessionTerms(90, True, False, "uac")


def test_rfc4028_10_refresh_at_half_time() -> None:
    ladder = Ladder()
    session, leg, _ = connected(ladder)
    session.start_session_timer(90, we_refresh=True)
    ladder.after(44.9)
    assert "refresh due" not in leg.events
    ladder.after(0.2)
    assert leg.events[-1] == "refresh due"
    session.start_session_timer(90, we_refresh=True)
    ladder.after(45)
    assert leg.events[-2:] == ["refresh due", "refresh due"]


def test_rfc4028_10_no_refresh_ends_the_session_early() -> None:
    """min(32, interval/3) seconds before the interval is over."""
    ladder = Ladder()
    session, leg, _ = connected(ladder)
    session.start_session_timer(90, we_refresh=False)
    ladder.after(59.9)
    assert ladder.times("BYE") == []
    ladder.after(0.2)
    assert ladder.times("BYE") == [60.0]
    assert session.state is SessionState.TERMINATED
    ladder.after(40)
    assert leg.events[-1] == "ended SESSION_EXPIRED"
    assert ladder.is_idle()


def test_session_timer_stops_with_the_session() -> None:
    ladder = Ladder()
    session, _, _ = connected(ladder)
    session.start_session_timer(1800, we_refresh=True)
    session.stop_session_timer()
    session.start_session_timer(1800, we_refresh=True)
    session.bye()
    ladder.after(40)
    assert ladder.is_idle()
