"""Measures the dialplan language: loading and look-up of a big dialplan, functions, AGI commands; CPU time of this process.

usage: python -m bench.bench_language [--runs N]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from globstar.base.log import Level, Record, hub
from globstar.config import MemorySource, read_config
from globstar.core import events
from globstar.core.boot import boot, shut_down
from globstar.core.channel import Channel, ChannelState
from globstar.core.settings import Directories
from globstar.core.system import System
from globstar.core.tech import ChannelTech
from globstar.dialplan.plan import Dialplan
from globstar.dialplan.reader import read_extensions
from globstar.dialplan.substitute import compile_template

CONTEXTS, EXTENSIONS = 500, 20
LOOKUPS = 20_000
TURNS = 10_000
COMMANDS = 4_000

#: seconds; microseconds; a CPU second
LOAD_BUDGET, LOOKUP_BUDGET, FUNCTION_BUDGET, AGI_BUDGET = 2.0, 20.0, 200_000, 5_000

FUNCTIONS = (
    "${LEN(${X})}", "${CALLERID(num)}", "${CUT(X,-,2)}", "${IF($[${I} > 5]?a:b)}", "${FILTER(0-9,${X})}", "${X:2:3}",
    "$[${I} + 1]", "${TOUPPER(${X})}",
)  # fmt: skip

SCRIPT = """#!{python}
import sys
while sys.stdin.readline().strip():
    pass
out, read = sys.stdout, sys.stdin.readline
for number in range({count}):
    out.write("SET VARIABLE V %d\\n" % number if number % 2 else "GET VARIABLE V\\n")
    out.flush()
    if not read().startswith("200"):
        break
"""


def big_dialplan() -> str:
    """Ten thousand extensions in five hundred contexts, a fifth of them patterns, contexts included in chains of ten."""
    lines: list[str] = []
    for number in range(CONTEXTS):
        lines.append(f"[context-{number}]")
        for index in range(EXTENSIONS):
            name = f"_{index:02}XX[2-5]" if index % 5 == 4 else f"{number:03}{index:02}"
            lines.append(f"exten => {name},1,NoOp(${{EXTEN}} of {number})")
            lines.append(f" same => n(dial),Dial(PJSIP/${{EXTEN}},20,${{OPTIONS_{index}}})")
            lines.append(' same => n,GotoIf($["${DIALSTATUS}" = "BUSY"]?busy)')
            lines.append(" same => n(busy),Hangup()")
        if (number + 1) % 10:
            lines.append(f"include => context-{number + 1}")
    return "\n".join(lines) + "\n"


def load(text: str) -> float:
    """Seconds to read it all. Templates are compiled anew each time."""
    compile_template.cache_clear()
    before = time.process_time()
    read_extensions(read_config("extensions.conf", MemorySource({"extensions.conf": text})))
    return time.process_time() - before


def look_up_included(text: str) -> float:
    """Microseconds to find a step that stands in the last context of the chain of includes, for the first time."""
    plan: Dialplan = read_extensions(read_config("extensions.conf", MemorySource({"extensions.conf": text}))).plan
    asked = [
        (f"context-{number}", f"{number // 10 * 10 + 9:03}{index:02}")
        for number in range(CONTEXTS)
        for index in range(0, EXTENSIONS, 3)
    ]
    gc.collect()  # as the server does once it is loaded
    before = time.process_time()
    for context, extension in asked:
        plan.find(context, extension, 1)
    return (time.process_time() - before) / len(asked) * 1e6


def look_up(text: str, *, is_first: bool) -> float:
    """Microseconds to find a step: for a dialled string that was never asked for before, or again."""
    plan: Dialplan = read_extensions(read_config("extensions.conf", MemorySource({"extensions.conf": text}))).plan
    asked = [(f"context-{index * 7 % CONTEXTS}", f"{index * 7 % CONTEXTS:03}{index % EXTENSIONS:02}") for index in range(LOOKUPS)]
    if is_first:
        asked = list(dict.fromkeys(asked))
    else:
        asked = asked[:4000] * (LOOKUPS // 4000)
        for context, extension in asked[:4000]:
            plan.find(context, extension, 1)
    gc.collect()  # as the server does once it is loaded
    before = time.process_time()
    for context, extension in asked:
        plan.find(context, extension, 1)
    return (time.process_time() - before) / len(asked) * 1e6


async def _with_channel(run: Callable[[System, Channel], float]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        system = System(directories=Directories.below(Path(folder)))
        await boot(system, MemorySource({"extensions.conf": ""}), keep_database=False)
        channel = Channel(system, ChannelTech(), "Bench/1", state=ChannelState.UP)
        channel.set_caller_id("5551234", "Bench")
        channel.set_variable("X", "abc-123-def")
        channel.set_variable("I", "7")
        result = run(system, channel)
        channel.hangup()
        await shut_down(system)
        return result


def functions() -> float:
    """Functions and expressions read in a CPU second."""

    def run(system: System, channel: Channel) -> float:
        templates = [compile_template(text) for text in FUNCTIONS]
        before = time.process_time()
        for _ in range(TURNS):
            for template in templates:
                template.render(channel.variables)
        return TURNS * len(templates) / (time.process_time() - before)

    return asyncio.run(_with_channel(run))


async def _agi() -> float:
    with tempfile.TemporaryDirectory() as folder:
        directories = Directories.below(Path(folder))
        script = Path(directories.astagidir) / "bench.py"
        script.parent.mkdir()
        script.write_text(SCRIPT.format(python=sys.executable, count=COMMANDS))
        script.chmod(0o755)
        system = System(directories=directories)
        plan = "[default]\nexten => s,1,AGI(bench.py)\n"
        await boot(system, MemorySource({"extensions.conf": plan}), keep_database=False)
        ended = asyncio.Event()
        system.bus.subscribe(events.ChannelHungUp, lambda _: ended.set())
        channel = Channel(system, ChannelTech(), "Bench/1", state=ChannelState.UP)
        before = time.process_time()
        system.start_pbx(channel)
        await ended.wait()
        used = time.process_time() - before
        if channel.variables.own("V") != str(COMMANDS - 1):
            raise SystemExit(f"the script ended early, at {channel.variables.own('V')}")
        await shut_down(system)
        return COMMANDS / used


def agi() -> float:
    """Commands of a script answered in a CPU second."""
    return asyncio.run(_agi())


def _drop(_: Record) -> None:
    """Keep boot's warnings about modules that are left out from the terminal."""


def main() -> int:
    """Print the median of each, and whether it is within its budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    hub.add(Level.WARNING | Level.ERROR, _drop)
    text = big_dialplan()
    what = f"{CONTEXTS * EXTENSIONS:,} extensions in {CONTEXTS} contexts"
    rows: list[tuple[str, Callable[[], float], str, float, bool]] = [
        (f"load of {what}", lambda: load(text), "s", LOAD_BUDGET, False),
        ("look-up, first time", lambda: look_up(text, is_first=True), "us", LOOKUP_BUDGET, False),
        ("look-up behind includes, first time", lambda: look_up_included(text), "us", LOOKUP_BUDGET, False),
        ("look-up, again", lambda: look_up(text, is_first=False), "us", LOOKUP_BUDGET, False),
        ("functions and expressions", functions, "a CPU second", FUNCTION_BUDGET, True),
        ("AGI commands", agi, "a CPU second", AGI_BUDGET, True),
    ]
    is_met = True
    for title, run, unit, budget, at_least in rows:
        value = statistics.median(run() for _ in range(options.runs))
        is_ok = value >= budget if at_least else value <= budget
        is_met = is_met and is_ok
        print(f"{title:<46} {value:12,.2f} {unit:<13} (budget {budget:,.0f}){'' if is_ok else '  NOT MET'}")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
