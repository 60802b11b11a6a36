"""Twice the rate that can be sustained is offered; counted is what is completed nevertheless.

``GLOBSTAR_OVERLOAD_SECONDS`` shortens the run (default 60).
"""

from __future__ import annotations

import csv
import os
import re
import sys
import time
from pathlib import Path

from bench.rig import Rig
from tests.interop.support.scenario import Scenario

SECONDS = float(os.environ.get("GLOBSTAR_OVERLOAD_SECONDS", "60"))
#: Seconds of the run that finds the sustainable rate, and the part of one processor that it asks for.
PROBE_SECONDS, PROBE_SHARE = max(SECONDS / 4, 5.0), 0.9
#: Calls whose cost is measured before.
WARM_CALLS = 600

_last_lag_ms: list[float] = []


def _caller(name: str) -> Scenario:
    return Scenario(name, user="alice").invite(6000).answered().hung_up()


def completed(directory: Path) -> int:
    """Successful calls so far by SIPp's statistics, which it writes every second."""
    with (directory / "statistics.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter=";"))
    return int(rows[-1]["SuccessfulCall(C)"]) if rows else 0


def _rate(rig: Rig, name: str, offered: float, seconds: float) -> tuple[float, int]:
    """Calls completed per second, and all of them, while ``offered`` calls a second are offered for so long."""
    with rig.sipp(_caller(name), "answer", 10_000_000, offered, limit=100_000, timeout=86_400) as caller:
        time.sleep(1.5)  # SIPp begins
        before, began = completed(caller.directory), time.monotonic()
        time.sleep(seconds)
        done, elapsed = completed(caller.directory) - before, time.monotonic() - began
    return done / elapsed, done


def overload() -> float:
    """The share of the sustainable rate that is completed while twice as much is offered."""
    with Rig() as rig:
        rig.sipp(_caller("warm"), "answer", 200, 100).passed()
        before = rig.cpu()
        rig.sipp(_caller("cost"), "answer", WARM_CALLS, 200).passed()
        full = WARM_CALLS / (rig.cpu() - before)
        sustainable, _ = _rate(rig, "probe", PROBE_SHARE * full, PROBE_SECONDS)
        rate = 2 * sustainable
        during, done = _rate(rig, "flood", rate, SECONDS)
        rig.server.wait_idle(timeout=60)
        shown = rig.server.cli("pjsip show overload")
        lag = re.search(r"^at worst by *: (\d+) ms", shown, re.MULTILINE)
        _last_lag_ms.append(float(lag[1]) if lag is not None else float("nan"))
        share = during / sustainable
        refused = re.search(r"^refused *: (\d+)", shown, re.MULTILINE)
        print(
            f"  sustainable {sustainable:.0f} calls/s; offered {rate:.0f} calls/s for {SECONDS:.0f} s: {done} completed, "
            f"{refused[1] if refused is not None else '?'} refused, the loop was late by {_last_lag_ms[-1]:.0f} ms at worst",
            file=sys.stderr,
        )
        return share


def overload_lag() -> float:
    """The worst lag of the event loop of the last overload run, or of one that is made now; ms."""
    if not _last_lag_ms:
        overload()
    return _last_lag_ms.pop()
