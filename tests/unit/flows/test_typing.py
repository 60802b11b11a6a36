"""mypy checks flows: what they call, what they return, and what calls them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

CODE = """
from globstar import Channel, Options, application, flag, function, value


class MyOptions(Options):
    loud: bool = flag("l")
    times: int = value("t", default=1)


@application
async def weather(channel: Channel, city: str, days: int = 1, options: MyOptions = MyOptions()) -> None:
    digit: str = await channel.play("hello", until="#")
    await channel.say_number(len(digit))


@application("Other")
async def other(channel: Channel) -> None:
    await weather(channel, "Oslo", 2, MyOptions(loud=True, times=3))
    await weather(channel, 5)  # E: arg-type
    await weather(channel, "Oslo", MyOptions(lout=True))  # E: call-arg arg-type
    await channel.play(1)  # E: arg-type
    number: int = await channel.read("pin")  # E: assignment
    channel.nothing()  # E: attr-defined
    result = await channel.dial("PJSIP/x")
    result.talked  # E: attr-defined


@application  # E: arg-type call-overload
async def wrong(channel: str) -> None: ...


@application  # E: arg-type call-overload
def plain(channel: Channel) -> None: ...


@function
def double(channel: Channel | None, number: int) -> int:
    return number * 2


@function  # E: arg-type call-overload type-var misc
def bad(channel: Channel | None) -> list[str]:
    return []


double(None, 2)
double(None, "x")  # E: arg-type
whole: int = double(None, 2)
text: str = double(None, 2)  # E: assignment


@function("LATER")
async def later(channel: Channel) -> str:
    return "x"


@function("NEVER")  # E: type-var arg-type misc
def never(channel: Channel) -> dict[str, str]:
    return {}


async def use(channel: Channel) -> str:
    return await later(channel)
"""


def test_mypy_finds_every_mistake_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "app_typed.py"
    file.write_text(CODE)
    # The repository's own cache, so that only this file is looked at.
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        "pyproject.toml",
        "--hide-error-context",
        "--no-color-output",
        str(file),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    found: dict[int, set[str]] = {}
    for line in done.stdout.splitlines():
        if "error:" in line and "app_typed.py:" in line:
            number = int(line.split("app_typed.py:")[1].split(":")[0])
            found.setdefault(number, set()).add(line.rpartition("[")[2].rstrip("]"))
    expected = {
        number: set(line.split("# E: ")[1].split()) for number, line in enumerate(CODE.splitlines(), 1) if "# E: " in line
    }
    assert found.keys() == expected.keys(), done.stdout + done.stderr
    for number, codes in found.items():
        assert codes <= expected[number], done.stdout
