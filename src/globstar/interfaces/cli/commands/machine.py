"""The machine and the process: core show sysinfo, fd, threads, taskprocessors; malloc trim; timing test."""

from __future__ import annotations

import asyncio
import ctypes
import os
import resource
import threading
import time
from pathlib import Path

from globstar.core.cli import LIKE, CliFailure, CliUsage, cli_command
from globstar.core.cli_data import CliText
from globstar.core.system import System
from globstar.core.workers import HIGH_WATER, LOW_WATER, CountedPool


def _memory() -> dict[str, int]:
    """``/proc/meminfo`` in KiB."""
    found: dict[str, int] = {}
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        found[name] = int(rest.split()[0])
    return found


@cli_command("core show sysinfo")
def show_sysinfo(system: System, args: list[str]) -> str:
    """Show how long the machine has been up, its memory and its processes."""
    if args:
        raise CliUsage
    memory = _memory()
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    processes = Path("/proc/loadavg").read_text().split()[3].partition("/")[2]
    values = {
        "System Uptime": f"{int(uptime // 3600)} hours",
        "Total RAM": f"{memory['MemTotal']} KiB",
        "Free RAM": f"{memory['MemFree']} KiB",
        "Buffer RAM": f"{memory.get('Buffers', 0)} KiB",
        "Total Swap Space": f"{memory.get('SwapTotal', 0)} KiB",
        "Free Swap Space": f"{memory.get('SwapFree', 0)} KiB",
    }
    lines = ["", "System Statistics", "-----------------", *(f"  {name + ':':<26} {value}" for name, value in values.items())]
    lines += ["", f"  {'Number of Processes:':<26} {processes} ", "", ""]
    return CliText("\n".join(lines), {**values, "Number of Processes": int(processes)})


@cli_command("core show fd")
def show_descriptors(system: System, args: list[str]) -> str:
    """List the open files, sockets and other descriptors."""
    if args:
        raise CliUsage
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    rows: list[dict[str, object]] = []
    for name in sorted(os.listdir("/proc/self/fd"), key=int):
        try:
            rows.append({"fd": int(name), "what": os.readlink(f"/proc/self/fd/{name}")})
        except OSError:  # the descriptor by which the list was read
            continue
    lines = [f"Current maxfiles: {soft}", *(f"{row['fd']:>5} {row['what']}" for row in rows), f"{len(rows)} open descriptors"]
    return CliText("\n".join(lines), rows)


@cli_command("core show threads")
def show_threads(system: System, args: list[str]) -> str:
    """List the threads of the process and what they run."""
    if args:
        raise CliUsage
    rows: list[dict[str, object]] = []
    for thread in threading.enumerate():
        target = getattr(thread, "_target", None)
        code = getattr(target, "__code__", None)
        file = Path(code.co_filename).name if code is not None else "__main__.py"
        rows.append(
            {
                "ident": thread.ident or 0, "lwp": thread.native_id or 0, "name": thread.name,
                "line": code.co_firstlineno if code is not None else 0, "file": file,
                "function": getattr(target, "__name__", "main"),
            }
        )  # fmt: skip
    lines = [
        f"{row['ident']:#x} {row['lwp']} {row['name']:<20} started at [{row['line']:>5}] {row['file']} {row['function']}()"
        for row in rows
    ]
    return CliText("\n".join([*lines, f"{len(rows)} threads listed."]), rows)


# -- task processors ------------------------------------------------------------------------------------------------------


def _processors(system: System) -> dict[str, CountedPool]:
    return {pool.name: pool for pool in (system.executor, system.commands, *system.services.get("worker pools", ()))}


def _processor_names(system: System, args: list[str]) -> list[str]:
    return list(_processors(system)) if len(args) <= 1 else []


def _processor(system: System, args: list[str]) -> CountedPool:
    if len(args) != 1:
        raise CliUsage
    found = _processors(system).get(args[0])
    if found is None:
        raise CliFailure(f"Could not find taskprocessor: {args[0]}")
    return found


@cli_command("core show taskprocessors", usage="core show taskprocessors [like keyword]", complete=LIKE)
def show_processors(system: System, args: list[str]) -> str:
    """List the pools of threads that do slow work, with what they have done and what waits.

    Calls and signalling need none of them: they run on the event loop.
    """
    if args and (args[0] != "like" or len(args) != 2):
        raise CliUsage
    wanted = args[1].lower() if args else ""
    return _processor_table([pool for name, pool in sorted(_processors(system).items()) if wanted in name.lower()])


@cli_command("core show taskprocessor name", usage="core show taskprocessor name <taskprocessor>", complete=_processor_names)
def show_processor(system: System, args: list[str]) -> str:
    """Show one pool of threads."""
    return _processor_table([_processor(system, args)])


def _processor_table(pools: list[CountedPool]) -> str:
    heads = ("Processed", "In Queue", "Max Depth", "Low water", "High water", "Low time(us)", "High time(us)")
    lines = ["", f"{'Processor':<70} " + " ".join(f"{head:>10}" for head in heads)]
    rows: list[dict[str, object]] = []
    for pool in pools:
        values = (
            pool.processed, pool.queued, pool.max_depth, LOW_WATER, HIGH_WATER, pool.shortest_us, pool.longest_us,
        )  # fmt: skip
        widths = (10, 10, 10, 10, 10, 12, 13)
        lines.append(f"{pool.name:<70} " + " ".join(f"{value:>{width}}" for value, width in zip(values, widths, strict=True)))
        rows.append({"processor": pool.name, **dict(zip(heads, values, strict=True))})
    lines += ["", f"{len(pools)} taskprocessor{'' if len(pools) == 1 else 's'}", "", ""]
    return CliText("\n".join(lines), rows)


@cli_command("core show taskprocessor alerted subsystems")
def show_alerted(system: System, args: list[str]) -> str:
    """List the pools in which too much waits."""
    if args:
        raise CliUsage
    alerted = [name for name, pool in _processors(system).items() if pool.is_alerted]
    lines = ["", f"{'Alert Count':<11} Subsystem", *(f"{1:>11} {name}" for name in alerted)]
    lines += ["", f"{len(alerted)} subsystem{'' if len(alerted) == 1 else 's'} in alert", ""]
    return CliText("\n".join(lines), alerted)


@cli_command("core ping taskprocessor", usage="core ping taskprocessor <taskprocessor>", complete=_processor_names)
async def ping_processor(system: System, args: list[str]) -> str:
    """Tell how long a pool needs to begin a job."""
    pool = _processor(system, args)
    began = time.perf_counter()
    await asyncio.wrap_future(pool.submit(int))
    return f"\t{pool.name} ping time: {time.perf_counter() - began:.6f} sec\n"


@cli_command("core reset taskprocessor", usage="core reset taskprocessor <taskprocessor>", complete=_processor_names)
def reset_processor(system: System, args: list[str]) -> str:
    """Begin the counters of a pool anew."""
    pool = _processor(system, args)
    pool.reset()
    return f"\nReset {pool.name}\n"


@cli_command("core reset taskprocessors")
def reset_processors(system: System, args: list[str]) -> str:
    """Begin the counters of all pools anew."""
    if args:
        raise CliUsage
    for pool in _processors(system).values():
        pool.reset()
    return "\nReset all taskprocessors\n"


# -- memory and time ------------------------------------------------------------------------------------------------------


@cli_command("malloc trim")
def malloc_trim(system: System, args: list[str]) -> str:
    """Give memory that is not in use back to the system."""
    if args:
        raise CliUsage
    try:
        given_back = ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError) as error:
        raise CliFailure("This C library has no malloc_trim") from error
    return "Returned some memory to the system." if given_back else "No memory returned to the system."


@cli_command("timing test", usage="timing test [ticks per second]")
async def timing_test(system: System, args: list[str]) -> str:
    """Count the ticks of one second (50 are asked for, or as many as named, 10 to 1000).

    They come from the event loop against absolute deadlines, as those of conferences and music do.
    """
    if len(args) > 1 or (args and not args[0].isdecimal()):
        raise CliUsage
    wanted = min(max(int(args[0]), 10), 1000) if args else 50
    loop = system.loop
    began = loop.time()
    done = loop.create_future()
    count = 0

    def tick() -> None:
        nonlocal count
        count += 1
        if count >= wanted or loop.time() - began >= 1.5:
            done.set_result(None)
        else:
            loop.call_at(began + (count + 1) / wanted, tick)

    handle = loop.call_at(began + 1 / wanted, tick)
    try:
        await done
    finally:
        handle.cancel()
    took = round((loop.time() - began) * 1000)
    name = type(loop).__module__.partition(".")[0]
    return (
        f"Attempting to test a timer with {wanted} ticks per second.\n"
        f"Using the '{name}' timing module for this test.\n"
        f"It has been {took} milliseconds, and we got {count} timer ticks\n"
    )
