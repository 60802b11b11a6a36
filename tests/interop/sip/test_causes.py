"""RFC 3398 and Asterisk's table: which response a cause becomes, and Busy, Congestion, Hangup."""

from __future__ import annotations

from tests.interop.support.batch import Build, Call, scenario
from tests.interop.support.scenario import sdp

OFFER = sdp("[media_port]")

CAUSES = {
    1: 404, 2: 404, 3: 404, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410, 27: 502, 28: 484, 29: 501, 31: 480, 34: 503, 38: 500,
    42: 503, 58: 488, 66: 503, 127: 500,
}  # fmt: skip
"""Hang-up cause of the dialplan and the response that the caller gets."""


def refused_with(cause: int, status: int) -> Build:
    def build(call: Call) -> None:
        call.caller(number=f"cause*{cause}").ask("INVITE", body=OFFER).expect(100).expect(
            status, has={"Reason": f"Q.850;cause={cause}"}
        ).failure_ack()

    build.__name__, build.__module__ = f"test_hangup_cause_{cause}_is_{status}", __name__
    return build


for _cause, _status in CAUSES.items():
    _build = refused_with(_cause, _status)
    globals()[_build.__name__] = scenario()(_build)


@scenario()
def test_busy_is_486(call: Call) -> None:
    call.caller(number="busy").ask("INVITE", body=OFFER).expect(100).expect(486).failure_ack()


@scenario()
def test_congestion_is_503(call: Call) -> None:
    call.caller(number="congested").ask("INVITE", body=OFFER).expect(100).expect(503).failure_ack()
