"""How many Python functions of ours a unit of SIP work calls, however busy the machine is: `python -m bench.calls [unit ...]`.

The server runs inside this process on virtual time, its peers in memory; only functions below ``src/globstar`` count, not
those of the loop and of the peers.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import globstar
from globstar.testing.virtual_loop import run_virtual
from tests.support.sip_phone import SipOffice, phone_section, sip_office

ROOT = str(Path(globstar.__file__).parent)
UNITS = 50
PHONES = phone_section("alice") + phone_section("bob", contact="sip:bob@127.0.0.1:15072") + phone_section("dora", "secret")
PLAN = "[default]\nexten => 1,1,Dial(PJSIP/bob)\nexten => 2,1,Answer()\n same => n,Hangup()\n"


async def bridged(office: SipOffice) -> None:
    """A call from alice to bob, hung up by alice."""
    alice, bob = office.phones["alice"], office.phones["bob"]
    calling = alice.call("1")
    await alice.get(100)
    called = await bob.ring()
    called.reply(180)
    await alice.get(180)
    await called.answer()
    await calling.answered()
    await calling.hang_up()
    await called.ended()
    for call in (calling, called):
        call.close()


async def answer(office: SipOffice) -> None:
    """A call that the dialplan answers and hangs up."""
    alice = office.phones["alice"]
    calling = alice.call("2")
    await alice.get(100)
    await calling.answered()
    await calling.ended()
    calling.close()


async def register(office: SipOffice) -> None:
    """REGISTER, 401, REGISTER with digest, 200."""
    await office.phones["dora"].register()


async def options(office: SipOffice) -> None:
    """OPTIONS for the server and its 200."""
    alice = office.phones["alice"]
    await alice.ask("OPTIONS", "sip:127.0.0.1:15060")


Unit = Callable[[SipOffice], Awaitable[None]]
UNIT: dict[str, Unit] = {unit.__name__: unit for unit in (bridged, answer, register, options)}


def counted(calls: Counter[CodeType]) -> Callable[[FrameType, str, Any], None]:
    """A profiler that counts calls of functions of ours."""
    ours: dict[CodeType, bool] = {}

    def note(frame: FrameType, event: str, _argument: Any) -> None:
        if event != "call":
            return
        code = frame.f_code
        is_ours = ours.get(code)
        if is_ours is None:
            path = code.co_filename
            is_ours = ours[code] = path.startswith(ROOT) and not path.startswith(f"{ROOT}/testing")
        if is_ours:
            calls[code] += 1

    return note


async def measure(name: str) -> Counter[CodeType]:
    """The calls of some units, after as many that warm up."""
    calls: Counter[CodeType] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        async with sip_office(Path(folder), PHONES, PLAN) as office:
            for phone in ("alice", "bob", "dora"):
                office.phone(phone, "secret" if phone == "dora" else "")
            for _ in range(UNITS):
                await UNIT[name](office)
            sys.setprofile(counted(calls))
            for _ in range(UNITS):
                await UNIT[name](office)
            sys.setprofile(None)
    return calls


def report(name: str, calls: Counter[CodeType], most: int) -> None:
    """The sum, and where most of the calls go."""
    print(f"{name}: {sum(calls.values()) / UNITS:,.0f} calls")
    files: Counter[str] = Counter()
    for code, count in calls.items():
        files[code.co_filename.removeprefix(f"{ROOT}/")] += count
    for title, rows in (
        ("files", files.most_common(most)),
        (
            "functions",
            [
                (f"{code.co_filename.removeprefix(f'{ROOT}/')}:{code.co_firstlineno} {code.co_qualname}", count)
                for code, count in calls.most_common(most)
            ],
        ),
    ):
        if rows:
            print(f"  {title}")
        for row, count in rows:
            print(f"  {count / UNITS:8.1f}  {row}")


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("unit", nargs="*", choices=[*UNIT, []], help="what to count; all by default")
    parser.add_argument("--most", type=int, default=0, help="rows of the files and functions that are called most")
    given = parser.parse_args()
    for name in given.unit or UNIT:
        report(name, run_virtual(measure(name)), given.most)


if __name__ == "__main__":
    main()
