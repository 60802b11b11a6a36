"""Measures the dialplan executor alone: CPU time per priority of typical dialplans, in one process without a network.

usage: python -m bench.bench_dialplan [--runs N] [--profile NAME]
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import statistics
import time
from collections.abc import Callable

from globstar.base.log import Level, Record, hub
from globstar.config import MemorySource
from globstar.core import events
from globstar.core.boot import boot, shut_down
from globstar.core.channel import Channel
from globstar.core.settings import Directories, Options
from globstar.core.system import System
from globstar.core.tech import ChannelTech

#: DESIGN section 6.
BUDGET_PER_SECOND = 300_000

PLAN = """
[globals]
GREETING=hello
[loop]
exten => s,1,Set(I=0)
 same => n(loop),NoOp(turn ${I} of ${TURNS})
 same => n,Set(X=${Y})
 same => n,Set(I=$[${I} + 1])
 same => n,GotoIf($[${I} < ${TURNS}]?loop)
[literal]
exten => s,1,Set(I=0)
 same => n(loop),NoOp(text)
 same => n,NoOp(text)
 same => n,NoOp(text)
 same => n,Set(A=b)
 same => n,Set(I=$[${I} + 1])
 same => n,GotoIf($[${I} < ${TURNS}]?loop)
[goto]
exten => s,1,Set(I=0)
 same => n(loop),Goto(next)
 same => n,NoOp(never)
 same => n(next),Goto(other,1)
exten => other,1,Goto(goto,s,back)
exten => s,5(back),Set(I=$[${I} + 1])
 same => n,GotoIf($[${I} < ${TURNS}]?loop)
[gosub]
exten => s,1,Set(I=0)
 same => n(loop),Gosub(sub,1(${I},two))
 same => n,Set(I=$[${I} + 1])
 same => n,GotoIf($[${I} < ${TURNS}]?loop)
exten => sub,1,NoOp(${ARG1} of ${ARGC})
 same => n,Return(${ARG2})
[mixed]
exten => s,1,Set(I=0)
 same => n(loop),NoOp(${CALLERID(num)} calls ${EXTEN})
 same => n,Set(PREFIX=${EXTEN:0:3})
 same => n,Set(__TRUNK=PJSIP/${PREFIX}@carrier)
 same => n,GotoIf($["${PREFIX}" = "123"]?odd:even)
 same => n(odd),Set(L=$[${LEN(${TRUNK})} > 10])
 same => n(even),ExecIf($[${I} = 5]?Set(FIVE=yes))
 same => n,Set(I=$[${I} + 1])
 same => n,GotoIf($[${I} < ${TURNS}]?loop)
"""
#: Priorities of one turn of the loop of each context.
STEPS = {"loop": 4, "literal": 6, "goto": 5, "gosub": 5, "mixed": 7}
TURNS = 20_000


async def measure(context: str, turns: int, is_watched: bool = False) -> tuple[float, int]:
    """Run one channel through a context: CPU seconds, and the priorities it ran."""
    options = Options()
    system = System(directories=Directories(), options=options)
    files = {"modules.conf": "[modules]\nautoload=yes\n", "extensions.conf": PLAN}
    await boot(system, MemorySource(files), keep_database=False)
    ended = asyncio.get_running_loop().create_future()
    system.bus.subscribe(events.ChannelHungUp, lambda _: ended.set_result(None))
    count = 0
    if is_watched:

        def started(_: events.ApplicationStarted) -> None:
            nonlocal count
            count += 1

        system.bus.subscribe(events.ApplicationStarted, started)
    channel = Channel(system, ChannelTech(), "Bench/1", context=context, extension="s")
    channel.set_caller_id("5551234", "Bench")
    channel.set_variable("TURNS", str(turns))
    channel.set_variable("Y", "value")
    system.announce_channel(channel)
    before = time.process_time()
    system.start_pbx(channel)
    await ended
    used = time.process_time() - before
    await shut_down(system)
    return used, count


def _drop(_: Record) -> None:
    """Keep boot's warnings about modules that are left out from the terminal."""


def main() -> None:
    """Print microseconds per priority, and priorities per CPU second, for each context."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--profile", choices=sorted(STEPS))
    options = parser.parse_args()
    hub.add(Level.WARNING | Level.ERROR, _drop)
    run: Callable[..., tuple[float, int]] = lambda *args: asyncio.run(measure(*args))  # noqa: E731
    if options.profile:
        profiler = cProfile.Profile()
        profiler.runcall(run, options.profile, TURNS)
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)
        return
    total = 0.0
    for context, steps in STEPS.items():
        _, counted = run(context, 100, True)
        expected = steps * 100 + 1
        assert abs(counted - expected) <= 100, f"{context}: {counted} priorities, {expected} expected"
        per_turn = (counted - 1) / 100
        used = statistics.median(run(context, TURNS)[0] for _ in range(options.runs))
        each = used / (per_turn * TURNS)
        total += each
        print(f"{context:<8} {each * 1e6:6.2f} us per priority  {1 / each:10,.0f} per CPU second")
    mean = total / len(STEPS)
    print(f"{'mean':<8} {mean * 1e6:6.2f} us per priority  {1 / mean:10,.0f} per CPU second (budget {BUDGET_PER_SECOND:,})")


if __name__ == "__main__":
    main()
