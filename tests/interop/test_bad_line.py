"""A line that loses, delays, doubles and exchanges packets by a seed, between network namespaces: every count is exact."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interop.support.badline import PHONE, SERVER, BadLine, Line
from tests.interop.support.office import TAKES_ALL
from tests.interop.support.programs import ROOT
from tests.support.loopback import wait_until
from tests.support.server import GlobstarProcess

COUNT, PACE = 400, 0.01

SIP = f"""\
{TAKES_ALL}\
[global]
type=global
endpoint_identifier_order=ip

[udp]
type=transport
protocol=udp
bind={SERVER}:5060

[far]
type=endpoint
context=far
disallow=all
allow=ulaw
aors=far

[far]
type=aor
contact=sip:far@{PHONE}:5060

[far]
type=identify
endpoint=far
match={PHONE}
"""

PLAN = """\
[far]
exten => 600,1,Answer(,i)
 same => n,Echo()
exten => 601,1,Dial(Local/600@far,10)
exten => h,1,Log(NOTICE,counted: ${CHANNEL(rtcp,rxcount)} ${CHANNEL(rtcp,rxploss)} ${CHANNEL(rtcp,txcount)})
"""


@pytest.mark.parametrize(
    "line",
    [
        Line(seed=1),
        Line(seed=2, loss=0.1),
        Line(seed=3, exchange=0.1),
        Line(seed=4, loss=0.05, double=0.05, exchange=0.05, delay=0.04),
        Line(seed=5, loss=0.03, delay=0.03, jitter=0.05),
    ],
    ids=["good", "loss", "exchanged", "all", "jitter"],
)
def test_every_packet_is_accounted_for(tmp_path: Path, line: Line) -> None:
    with BadLine(tmp_path, line) as network:
        files = {"modules.conf": "[modules]\nautoload=yes\n", "pjsip.conf": SIP, "extensions.conf": PLAN}
        server = GlobstarProcess(tmp_path / "server", files, prefix=network.server)
        try:
            server.wait_booted()
            command = [*network.phone, sys.executable, "-m", "tests.interop.support.farphone", PHONE, SERVER, "600"]
            done = subprocess.run(
                [*command, str(COUNT), str(PACE)], capture_output=True, text=True, timeout=100, check=False, cwd=ROOT
            )
            assert done.returncode == 0, done.stdout + done.stderr
            wait_until(lambda: "counted: " in server.log(), 10, "the call is over")
            to_phone, to_server = network.counts()
        finally:
            problems = server.finish()
    assert not problems, problems
    received, lost, sent = map(int, re.findall(r"counted: (\d+) (\d+) (\d+)", server.log())[-1])
    between = [number for number in to_server.lost if min(to_server.passed) < number < max(to_server.passed)]
    # the line did something, and it is what the seed says
    assert len(to_server.passed) + len(to_server.lost) == COUNT
    assert bool(between) == bool(line.loss)
    assert bool(to_server.exchanged) == bool(line.exchange)
    # the server's statistics are those of the line
    assert (received, lost) == (len(to_server.passed), len(between))
    # all that came was sent back, and all of that which the line let through was heard
    assert sent == len(to_phone.passed) + len(to_phone.lost)
    heard = [tuple(pair) for pair in json.loads(done.stdout)["heard"]]
    assert len(heard) == len(to_phone.passed) + len(to_phone.doubled)
    assert sorted({sequence for sequence, _ in heard}) == sorted(set(to_phone.passed))
    assert {number for _, number in heard} <= set(to_server.passed)
    assert sent == received
