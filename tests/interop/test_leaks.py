"""Two thousand calls leave nothing behind: no channel, task, port, timer or object, and memory stays level."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.interop.support.office import Office, Peer
from tests.interop.support.scenario import Scenario
from tests.interop.support.sipp import Sipp
from tests.support.loopback import free_port, wait_until
from tests.support.server import GlobstarProcess, ServerFactory

ROUNDS = 4
CALLS = 250
"""Of each kind in each round: answered by an application, and bridged to another phone."""

DIALPLAN = """\
exten => 610,1,Answer()
 same => n,Playback(beep)
 same => n,Hangup()
exten => 201,1,Dial(PJSIP/bob,10)
"""

LINGER_S = 8
"""A finished transaction may stand for 64*T1 (RFC 3261 17.2.2, Timer J); with T1 at 100 ms, 6.4 s."""


def numbers(output: str) -> dict[str, int]:
    """``name   count`` lines."""
    return {words[0]: int(words[1]) for words in (line.split() for line in output.splitlines()) if len(words) == 2}


def resources(server: GlobstarProcess) -> dict[str, int]:
    counts = numbers(server.cli("core show resources"))
    assert counts.pop("threads") < 12  # a pool of bounded size, filled as it is needed
    return counts


def objects(server: GlobstarProcess) -> dict[str, int]:
    return numbers(server.cli("core show objects"))


@pytest.mark.timeout(240)
def test_two_thousand_calls_leave_nothing_behind(globstar_process: ServerFactory, tmp_path: Path):
    bob = free_port(2)
    office = Office([Peer("alice"), Peer("bob", port=bob)], contexts={"phones": DIALPLAN}, rtp_ports=600, system="timer_t1=100\n")
    server = globstar_process(office.configuration())

    def run(name: str, calls: int) -> None:
        answered = Scenario(f"answered-{name}", user="alice").invite(6000).answered().hung_up()
        bridged = Scenario(f"bridged-{name}", user="alice").invite(6000).answered().pause(100).bye()
        callee = Scenario(f"bob-{name}").ringing().answer(6000).expect_request("BYE").reply(200, "OK")
        with ExitStack() as stack:
            options = {"calls": calls, "trace": False, "timeout": 60.0}
            running = [
                stack.enter_context(Sipp(callee, tmp_path, port=bob, **options)),  # type: ignore[arg-type]
                stack.enter_context(Sipp(answered, tmp_path, remote=office.port, number="610", rate=50, **options)),  # type: ignore[arg-type]
                stack.enter_context(Sipp(bridged, tmp_path, remote=office.port, number="201", rate=50, **options)),  # type: ignore[arg-type]
            ]
            for sipp in running:
                sipp.passed()
        server.wait_idle()

    run("warm", 50)
    time.sleep(LINGER_S)
    before, alive = resources(server), objects(server)
    curve = []
    for number in range(ROUNDS):
        run(str(number), CALLS)
        curve.append(server.resident_bytes())
    wait_until(lambda: resources(server) == before, LINGER_S + 10, f"the resources are {before} again", interval=1)
    after = objects(server)
    grown = {name: (alive.get(name, 0), count) for name, count in after.items() if count > alive.get(name, 0)}
    assert not grown, f"objects grew: {grown}"
    # the curve is level: the second half of the calls costs less than 2 KB a call
    assert curve[-1] - curve[1] < 2048 * 2 * CALLS * (ROUNDS - 2), [round(point / 1e6, 1) for point in curve]
