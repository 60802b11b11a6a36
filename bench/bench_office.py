"""Measures globstar.testing: CPU time of a thousand ten-minute calls between registered phones, in virtual time on one core.

usage: python -m bench.bench_office [--calls N] [--runs N]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from globstar.testing import Office, run_virtual

#: Seconds for a thousand calls, start and end of the server included.
BUDGET_SECONDS = 10.0
PHONES = 20
TEN_MINUTES = 600.0

PLAN = "[office]\nexten => _1XX,1,Dial(PJSIP/${EXTEN},30)\n same => n,Hangup()\n"
TRANSPORT = "[udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5060\n"
PHONE = """
[{name}]
type=endpoint
context=office
disallow=all
allow=ulaw
aors={name}
auth={name}
[{name}]
type=auth
username={name}
password=secret
[{name}]
type=aor
max_contacts=1
"""


async def run_calls(folder: Path, count: int) -> str:
    """Every call rings for two seconds and lasts ten minutes, one begins every half second; gives the hash of the events."""
    async with Office(folder) as office:
        phones = [await office.phone(str(100 + index)) for index in range(PHONES)]
        loop = office.system.loop
        for phone in phones:
            phone.on_call = lambda incoming: loop.call_later(2, incoming.answer)
        calls = []
        for index in range(count):
            call = phones[index % PHONES].call(phones[(index + 1) % PHONES].name)
            calls.append(call)
            loop.call_later(2 + TEN_MINUTES, call.hang_up)
            await office.passes(0.5)
        await office.passes(2 + TEN_MINUTES + 5)
        lengths = [record.billsec for record in office.records]
        if len(lengths) != count or min(lengths) < TEN_MINUTES - 1:
            raise SystemExit(f"{len(lengths)} calls of {count}, the shortest of {min(lengths, default=0)} s")
        return office.events_hash()


def main() -> int:
    """Print CPU time and hash of each run; fails when the median is over the budget or the runs differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=2)
    options = parser.parse_args()
    seconds: list[float] = []
    hashes: set[str] = set()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "extensions.conf").write_text(PLAN)
        phones = "".join(PHONE.format(name=100 + index) for index in range(PHONES))
        (folder / "pjsip.conf").write_text(TRANSPORT + phones)
        for _ in range(options.runs):
            before = time.process_time()
            digest = run_virtual(run_calls(folder, options.calls))
            seconds.append(time.process_time() - before)
            hashes.add(digest)
            print(f"{options.calls} calls of ten minutes: {seconds[-1]:.2f} s of CPU, events {digest[:16]}")
    is_met = statistics.median(seconds) <= BUDGET_SECONDS
    if len(hashes) > 1:
        print("the runs differ")
    return 0 if is_met and len(hashes) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
