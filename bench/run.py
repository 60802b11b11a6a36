"""Runs the benchmarks: CPU time of the whole server process per unit of work, several runs, the median.

usage: python -m bench.run [--runs N] [--json FILE] [NAME ...]

Names that begin with ``load_`` are of ``bench.load``: media under load, a table with a row for each size, in one run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from bench.budgets import BUDGETS, Result, number, table
from bench.ignored import ignored
from bench.load import IS_FULL, LOADS, Row, rows_table
from bench.media import Streams, legs
from bench.overload import overload, overload_lag
from bench.rig import STEPS_A_TURN, TURNS, Rig
from tests.interop.support.scenario import Scenario
from tests.support.loopback import wait_until

CALLS = 2000
MEDIA_CALLS = 60
MEDIA_SECONDS = 10.0
HELD_CALLS = 200


def answer() -> float:
    """SIPp calls Answer() and Hangup()."""
    with Rig() as rig:
        rig.sipp(Scenario("warm", user="alice").invite(6000).answered().hung_up(), "answer", 100, 100).passed()
        before = rig.cpu()
        rig.sipp(Scenario("caller", user="alice").invite(6000).answered().hung_up(), "answer", CALLS, 200).passed()
        return (rig.cpu() - before) / CALLS * 1000


def bridged() -> float:
    """SIPp calls SIPp through Dial(); the caller hangs up at once."""
    with Rig() as rig:
        warm = 100
        bob = rig.bob_answers(CALLS + warm)
        rig.sipp(Scenario("warm", user="alice").invite(6000).answered().pause(50).bye(), "relay", warm, 50).passed()
        before = rig.cpu()
        rig.sipp(Scenario("caller", user="alice").invite(6000).answered().pause(50).bye(), "relay", CALLS, 100).passed()
        bob.passed()
        rig.server.wait_idle()
        return (rig.cpu() - before) / CALLS * 1000


def register() -> float:
    """A registration is REGISTER, 401, REGISTER, 200."""

    def scenario(name: str) -> Scenario:
        steps = Scenario(name, user="phone")
        steps.register().expect(100, optional=True).expect(401, auth=True)
        return steps.register(extra="[authentication]\n").expect(200)

    with Rig() as rig:
        account = {"user": "phone", "password": "secret"}
        rig.sipp(scenario("warm"), "phone", 100, 100, **account).passed()
        before = rig.cpu()
        rig.sipp(scenario("caller"), "phone", CALLS, 200, **account).passed()
        return (rig.cpu() - before) / CALLS * 1000


def options() -> float:
    """OPTIONS for the server itself, and its 200."""

    def scenario(name: str) -> Scenario:
        return Scenario(name, user="alice").request("OPTIONS").expect(200)

    with Rig() as rig:
        rig.sipp(scenario("warm"), "answer", 100, 100).passed()
        before = rig.cpu()
        rig.sipp(scenario("caller"), "answer", CALLS, 400).passed()
        return (rig.cpu() - before) / CALLS * 1000


def _subscription(name: str) -> Scenario:
    event = "Event: dialog\nAccept: application/dialog-info+xml\n"
    steps = Scenario(name, user="alice").request("SUBSCRIBE", extra=f"{event}Expires: 600\n")
    return steps.expect(200, routes=True).expect_request("NOTIFY").reply(200, "OK")


def _unsubscribed(scenario: Scenario) -> Scenario:
    event = "Event: dialog\nAccept: application/dialog-info+xml\n"
    scenario.request("SUBSCRIBE", extra=f"{event}Expires: 0\n", in_dialog=True)
    return scenario.expect(200).expect_request("NOTIFY").reply(200, "OK")


def subscribe() -> float:
    """A subscription to a hint is SUBSCRIBE, 200, NOTIFY, 200, twice."""
    with Rig() as rig:
        rig.sipp(_unsubscribed(_subscription("warm")), "lamp", 100, 100).passed()
        before = rig.cpu()
        rig.sipp(_unsubscribed(_subscription("caller")), "lamp", CALLS, 200).passed()
        return (rig.cpu() - before) / CALLS * 1000


def lamps() -> float:
    """A thousand subscriptions to one hint that changes: NOTIFY and its 200 for each."""
    watchers, changes = 1000, 5
    with Rig() as rig:
        scenario = _subscription("watcher")
        for _ in range(changes):
            scenario.expect_request("NOTIFY").reply(200, "OK")
        sipp = rig.sipp(scenario, "lamp", watchers, 200, timeout=120, limit=watchers)
        shown = f"Watchers {watchers:>2}"
        wait_until(lambda: shown in rig.server.cli("core show hint lamp@phones"), 30, "all subscribe", interval=0.5)
        before = rig.cpu()
        for turn in range(changes):
            rig.server.cli(f"devstate change Custom:lamp {'INUSE' if turn % 2 == 0 else 'NOT_INUSE'}")
            time.sleep(1)
        sipp.passed()
        return (rig.cpu() - before) / (watchers * changes) * 1000


def dialplan() -> float:
    """One call runs a loop of NoOp, Set (a function and an expression) and GotoIf."""
    with Rig() as rig:
        before = rig.cpu()
        rig.sipp(Scenario("caller", user="alice").invite(6000).refused(603), "steps", 1, 1, timeout=120).wait()
        rig.server.wait_idle(60)
        return STEPS_A_TURN * TURNS / (rig.cpu() - before)


def _media(number_: str, *, in_frames: bool = False) -> float:
    with Rig() as rig:
        if in_frames:
            rig.server.cli("bridge technology suspend native_rtp")
        hold_ms = int(MEDIA_SECONDS * 1000) + 12000
        bob = rig.bob_answers(MEDIA_CALLS, arguments=rig.ports_file("bob", MEDIA_CALLS), trace=True)
        scenario = Scenario("caller", user="alice").invite("[field0]")
        scenario.answered().pause(hold_ms).bye()
        arguments = rig.ports_file("caller", MEDIA_CALLS)
        caller = rig.sipp(scenario, number_, MEDIA_CALLS, 30, arguments=arguments, trace=True, timeout=90)

        def established() -> bool:
            return len(legs(caller.messages())) == len(legs(bob.messages())) == MEDIA_CALLS

        wait_until(established, 15, f"{MEDIA_CALLS} calls", interval=0.25)
        streams = Streams(legs(caller.messages()) + legs(bob.messages()))
        try:
            streams.run(1.0)
            before = rig.cpu()
            traffic = streams.run(MEDIA_SECONDS)
            used = rig.cpu() - before
        finally:
            streams.close()
        loss = 1 - traffic.received / traffic.sent
        assert loss < 0.01, f"{loss:.1%} of {traffic.sent} packets did not come through"
        caller.passed()
        bob.passed()
        return used / traffic.sent * 1e6


def relay() -> float:
    """Two-party calls whose media nobody needs to look at."""
    return _media("relay")


def watched() -> float:
    """Two-party calls whose digits are looked at (Dial with features for both)."""
    return _media("watched")


def generic() -> float:
    """Two-party calls whose frames are visible inside the server."""
    return _media("relay", in_frames=True)


def memory() -> float:
    """Growth of resident memory by calls that stay bridged."""
    with Rig() as rig:
        bob = rig.bob_answers(HELD_CALLS + 50)
        rig.sipp(Scenario("warm", user="alice").invite(6000).answered().pause(200).bye(), "relay", 50, 50).passed()
        rig.server.wait_idle()
        before = rig.server.resident_bytes()
        held = rig.sipp(
            Scenario("caller", user="alice").invite(6000).answered().pause(14000).bye(), "relay", HELD_CALLS, 40, timeout=90
        )
        wait_until(lambda: rig.server.channel_count() == 2 * HELD_CALLS, 20, "all calls stand", interval=0.5)
        used = rig.server.resident_bytes() - before
        held.passed()
        bob.passed()
        return used / HELD_CALLS / 1024


def idle() -> float:
    """Resident memory of a server that has just started."""
    with Rig() as rig:
        time.sleep(1)
        return rig.server.resident_bytes() / 1e6


def start() -> float:
    """From starting the process to the first answered OPTIONS."""
    with Rig():
        pass  # leaves the byte code behind
    with Rig() as rig:
        return rig.seconds_to_serve


BENCHMARKS: dict[str, Callable[[], float]] = {
    function.__name__: function
    for function in (
        answer,
        bridged,
        register,
        options,
        subscribe,
        lamps,
        ignored,
        dialplan,
        relay,
        watched,
        generic,
        memory,
        idle,
        start,
        overload,
        overload_lag,
    )
}


def machine() -> str:
    """What this was measured on."""
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    kernel = platform.release()
    return f"{os.cpu_count()} cores of {model}, Linux {kernel}, Python {platform.python_version()}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join([*BENCHMARKS, *LOADS])} (default: all)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write all values to this file")
    options = parser.parse_args()
    unknown = set(options.names) - {*BENCHMARKS, *LOADS}
    if unknown:
        parser.error(f"no benchmark named {', '.join(sorted(unknown))}")
    results = []
    for budget in BUDGETS:
        if options.names and budget.name not in options.names:
            continue
        values = []
        for run in range(options.runs):
            values.append(BENCHMARKS[budget.name]())
            print(f"{budget.title}, run {run + 1}: {number(values[-1])} {budget.unit}", file=sys.stderr, flush=True)
        results.append(Result(budget, tuple(values)))
    rows: list[Row] = []
    for name, load in LOADS.items():
        if not options.names or name in options.names:
            rows += load()
    print(f"\nMeasured on {machine()}; median of {options.runs} runs.\n")
    if results:
        print(table(results))
    if rows:
        print(f"\nMedia under load, one run each{'' if IS_FULL else '; quick: GLOBSTAR_BENCH_FULL=1 takes all sizes'}.\n")
        print(rows_table(rows))
    if options.json:
        document = {
            "machine": machine(),
            "results": {result.budget.name: result.values for result in results},
            "load": [asdict(row) for row in rows],
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
