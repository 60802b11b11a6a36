"""Two thousand calls leave nothing behind: no channel, task, port, timer or object, and memory stays level."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from tests.interop.support.held import held, held_at_rest
from tests.interop.support.office import Office, Peer
from tests.interop.support.scenario import Scenario
from tests.interop.support.sipp import Sipp
from tests.support.loopback import free_port, wait_until
from tests.support.server import ServerFactory

ROUNDS = 4
CALLS = 250
"""Of each kind in each round: answered by an application, and bridged to another phone."""

WARM = 300
"""Calls of each kind before: what is made once is made then, and the caches of parsed headers become full."""

DIALPLAN = """\
exten => 610,1,Answer()
 same => n,Playback(beep)
 same => n,Hangup()
exten => 201,1,Dial(PJSIP/bob,10)
"""


@pytest.mark.timeout(600)
def test_two_thousand_calls_leave_nothing_behind(globstar_process: ServerFactory, tmp_path: Path):
    ports = [free_port(2) for _ in range(3)]
    office = Office(
        [Peer("alice"), Peer("bob", port=ports[0])], contexts={"phones": DIALPLAN}, rtp_ports=600, system="timer_t1=100\n"
    )
    server = globstar_process(office.configuration())

    def run(name: str, calls: int) -> None:
        answered = Scenario(f"answered-{name}", user="alice").invite(6000).answered().hung_up()
        bridged = Scenario(f"bridged-{name}", user="alice").invite(6000).answered().pause(100).bye()
        callee = Scenario(f"bob-{name}").ringing().answer(6000).expect_request("BYE").reply(200, "OK")
        with ExitStack() as stack:

            def start(scenario: Scenario, port: int, number: str = "") -> Sipp:
                remote = office.port if number else None
                sipp = Sipp(
                    scenario, tmp_path, port=port, remote=remote, number=number, calls=calls, rate=50, timeout=150, trace=False,
                    limit=100 if number else 0,  # a machine that does not keep up gets no more at once
                )  # fmt: skip
                return stack.enter_context(sipp)

            running = [start(callee, ports[0]), start(answered, ports[1], "610"), start(bridged, ports[2], "201")]
            for sipp in running:
                sipp.passed()
        server.wait_idle()

    run("warm", WARM)
    before = held_at_rest(server)
    curve = []
    for number in range(ROUNDS):
        run(str(number), CALLS)
        curve.append(server.resident_bytes())
    after = before

    def is_as_before() -> bool:
        nonlocal after
        after = held(server)
        return not after.more_than(before)

    wait_until(is_as_before, 60, lambda: f"no more than before the calls: {after.more_than(before)}", interval=1)
    calls = 2 * CALLS * ROUNDS
    assert after.blocks - before.blocks < calls, "a block of memory stays behind for each call"
    # The curve is level: there is a round whose calls cost less than 4 KB each. What is lost with each call is lost in every
    # round; a round in which the machine did not keep up, and more calls stood at once, makes the heap larger, once.
    least = min(later - sooner for sooner, later in pairwise(curve))
    assert least < 4096 * 2 * CALLS, [round(point / 1e6, 1) for point in curve]
