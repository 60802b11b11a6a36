"""Time zones that there are not: UTC is taken, and the log says so once for each name, with the place."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core import say
from tests.support.phone import Phone, media_system, noise, sound
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

TUESDAY = 1709650845  # 2024-03-05 15:00:45 UTC


@pytest.fixture(autouse=True)
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own time is far from UTC."""
    before = os.environ.get("TZ")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.delenv("TZ")
    if before is not None:
        monkeypatch.setenv("TZ", before)
    time.tzset()


async def run(root: Path, *steps: str) -> tuple[Phone, list[str]]:
    """Run the steps twice in a call; what was warned about zones."""
    plan = "".join(f" same => n,{step}\n" for step in (*steps, *steps))
    async with media_system(root, modules=["func_strings", "func_logic"]) as system:
        phone = Phone(system)
        with LogCapture() as log:
            await phone.run(f"[default]\nexten => s,1,Answer(,i)\n{plan} same => n,NoOp(on)\n")
    return phone, [text for text in log.texts(Level.WARNING) if "time zone" in text]


def prompts(root: Path, names: list[str]) -> None:
    for name in set(names):
        sound(root / "data" / "sounds" / "en", name, noise(0.02, 1))


async def test_sayunixtime_says_utc_and_the_log_tells_once(tmp_path: Path) -> None:
    expected = say.say_time_form(TUESDAY, "H M", now=TUESDAY, zone="UTC")
    prompts(tmp_path, expected)
    phone, told = await run(tmp_path, f"SayUnixTime({TUESDAY},Mars/Say,H M)")
    assert phone.prompts == expected * 2
    assert told == ["default,s,2: SayUnixTime: there is no time zone 'Mars/Say'; it is taken to be UTC"]


async def test_without_a_zone_the_machines_time_is_said(tmp_path: Path) -> None:
    expected = say.say_time_form(TUESDAY, "H M", now=TUESDAY, zone="Asia/Tokyo")
    prompts(tmp_path, expected)
    phone, told = await run(tmp_path, f"SayUnixTime({TUESDAY},,H M)")
    assert phone.prompts == expected * 2
    assert told == []


async def test_times_as_text(tmp_path: Path) -> None:
    phone, told = await run(
        tmp_path,
        f"Set(A=${{STRFTIME({TUESDAY},Mars/Text,%H:%M %z)}})",
        "Set(B=${STRPTIME(2024-03-05T15:00:45,Mars/Read,%Y-%m-%dT%H:%M:%S)})",
        f"Set(C=${{STRFTIME({TUESDAY},CET-1CEST,%H:%M)}})",
        f"Set(D=${{STRFTIME({TUESDAY},<+05>-5,%H:%M)}})",
    )
    assert [phone.variables[name] for name in "ABCD"] == ["15:00 +0000", str(TUESDAY), "15:00", "20:00"]
    assert told == [
        "default,s,2: STRFTIME: there is no time zone 'Mars/Text'; it is taken to be UTC",
        "default,s,3: STRPTIME: there is no time zone 'Mars/Read'; it is taken to be UTC",
        "default,s,4: STRFTIME: there is no time zone 'CET-1CEST'; it is taken to be UTC",
    ]


async def test_conditions_on_the_time(tmp_path: Path) -> None:
    phone, told = await run(
        tmp_path,
        "Set(TESTTIME()=2024/03/05 15:00:45 UTC)",
        "ExecIfTime(15:00,*,*,*,Mars/If?Set(A=utc))",
        "ExecIfTime(15:00,*,*,*?Set(B=utc))",
        "ExecIfTime(00:00,*,*,*?Set(B=tokyo))",
        "ExecIfTime(20:00,*,*,*,<+05>-5?Set(C=east))",
    )
    assert [phone.variables.get(name) for name in "ABC"] == ["utc", "tokyo", "east"]
    assert told == ["default,s,3: time condition: there is no time zone 'Mars/If'; it is taken to be UTC"]
