"""AlarmReceiver: the handshake, events of every format, checksums, files, the command, limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from globstar.base.log import Level
from globstar.core.party import PartyId
from globstar.core.system import System
from globstar.modules.apps.alarmreceiver.formats import checksum_digit, find_format, is_intact
from tests.support.phone import Phone, media_system, to_samples
from tests.support.switch import LogCapture

CONF = "[general]\neventspooldir={root}/events\neventcmd=cat > {root}/command\ndb-family=alarms\n{more}"
EVENT = "123418113101015"
EVENT += checksum_digit(EVENT)


@pytest.fixture
def more() -> str:
    return ""


@pytest.fixture
async def system(tmp_path: Path, more: str) -> AsyncIterator[System]:
    (tmp_path / "events").mkdir()
    conf = CONF.format(root=tmp_path, more=more)
    async with media_system(tmp_path, {"alarmreceiver.conf": conf}, ["app_alarmreceiver"]) as system:
        yield system


def panel(system: System, before: str = "NoOp()") -> Phone:
    phone = Phone(system, extension="1", caller=PartyId())
    phone.channel.set_caller_id("5551234", "Shop\nFake=1")
    return phone.start(f"[default]\nexten => 1,1,{before}\nsame => n,AlarmReceiver()\nsame => n,NoOp(on)\n")


def tones(phone: Phone, since: float = 0.0) -> list[int]:
    """What the panel hears, tone by tone."""
    found: list[int] = []
    for when, frame in phone.voice:
        samples = to_samples(frame)
        if when < since or len(samples) != 160:
            continue
        hertz = int(np.argmax(np.abs(np.fft.rfft(samples)))) * 50 if np.abs(samples).max() > 300 else 0
        if not found or found[-1] != hertz:
            found.append(hertz)
    return [hertz for hertz in found if hertz]


async def hears(phone: Phone, expected: list[int], seconds: float = 5) -> None:
    since = phone.clock
    while tones(phone, since) != expected:
        assert phone.clock < since + seconds, f"heard {tones(phone, since)}"
        await phone.after(0.05)


async def send(phone: Phone, digits: str) -> None:
    await phone.press(digits, length=0.05, pause=0.05)


async def ready(phone: Phone) -> None:
    await hears(phone, [1400, 2300])
    await phone.after(0.3)


def files(root: Path) -> list[str]:
    return sorted(path.read_text() for path in (root / "events").iterdir())


def test_formats() -> None:
    assert is_intact("1234181131010158")  # the example of the standard
    for digits, name in (
        ("1234183602ABC00", "ADEMCO_CONTACT_ID"),
        ("1234981000000#*", "ADEMCO_CONTACT_ID"),
        ("1234175", "ADEMCO_EXPRESS_4_1"),
        ("12342755", "ADEMCO_EXPRESS_4_2"),
        ("1234555515557", "ADEMCO_HIGH_SPEED"),
    ):
        whole = digits + checksum_digit(digits)
        form = find_format(whole)
        assert form is not None
        assert form.name == name
        assert is_intact(whole)
        assert not is_intact(("2" if whole[0] == "1" else "1") + whole[1:])
    for digits in ("", "1234", "1234191131010151", "123417555", "1" * 17):
        assert find_format(digits) is None
    assert not is_intact("12D4")


async def test_events_are_taken_and_handed_over(system: System, tmp_path: Path) -> None:
    phone = panel(system)
    await ready(phone)
    assert phone.clock > 1.25
    await send(phone, EVENT)
    await hears(phone, [1400])
    await phone.after(1)
    await send(phone, "1234175" + checksum_digit("1234175"))
    await hears(phone, [1400])
    await phone.after(0.5)
    phone.hang_up()
    await phone.end()
    [text] = await asyncio.to_thread(files, tmp_path)
    assert text == (
        "\n[metadata]\n\nPROTOCOL=ADEMCO_EXPRESS_4_1\nCALLINGFROM=5551234\nCALLERNAME=Shop Fake=1\n"
        f"TIMESTAMP={text.partition('TIMESTAMP=')[2].splitlines()[0]}\n\n[events]\n\n{EVENT}\n1234175{checksum_digit('1234175')}\n"
    )
    assert "2023 @" in text
    assert await asyncio.to_thread((tmp_path / "command").read_text) == text
    database = system.database
    assert [database.get("alarms", key) for key in ("calls-received", "events-received", "checksum-errors")] == ["1", "2", None]


@pytest.mark.parametrize("more", ["logindividualevents=yes\n"])
async def test_a_file_for_each_event(system: System, tmp_path: Path) -> None:
    phone = panel(system)
    await ready(phone)
    for _ in range(2):
        await send(phone, EVENT)
        await hears(phone, [1400])
        await phone.after(1)
    phone.hang_up()
    await phone.end()
    found = await asyncio.to_thread(files, tmp_path)
    assert [text.count(EVENT) for text in found] == [1, 1]
    assert (await asyncio.to_thread((tmp_path / "command").read_text)).count(EVENT) == 2


@pytest.mark.parametrize("more", ["no_group_meta=yes\n"])
async def test_a_file_of_events_alone(system: System, tmp_path: Path) -> None:
    phone = panel(system)
    await ready(phone)
    await send(phone, EVENT)
    await hears(phone, [1400])
    phone.hang_up()
    await phone.end()
    assert await asyncio.to_thread(files, tmp_path) == [f"{EVENT}\n"]


async def test_what_is_wrong_is_not_acknowledged(system: System, tmp_path: Path) -> None:
    phone = panel(system)
    await ready(phone)
    since = phone.clock
    await send(phone, EVENT[:-1] + ("1" if EVENT[-1] != "1" else "2"))
    await phone.after(1)
    await send(phone, "1234")
    await phone.after(1)
    assert tones(phone, since) == []
    await send(phone, EVENT)
    await hears(phone, [1400])
    phone.hang_up()
    await phone.end()
    assert [text.count("\n123418") for text in await asyncio.to_thread(files, tmp_path)] == [1]
    assert [system.database.get("alarms", key) for key in ("checksum-errors", "invalid-events")] == ["1", "1"]


async def test_the_handshake_is_repeated_until_something_comes(system: System, tmp_path: Path) -> None:
    phone = panel(system)
    await ready(phone)
    await hears(phone, [1400, 2300])
    phone.hang_up()
    with LogCapture() as log:
        await phone.end()
    assert len(log.texts(Level.WARNING)) == 1
    assert await asyncio.to_thread(files, tmp_path) == []
    assert not await asyncio.to_thread((tmp_path / "command").exists)


@pytest.mark.parametrize(
    ("before", "at_least", "at_most"),
    [
        ("Set(ALARMRECEIVER_RETRIES_LIMIT=2)", 6, 8),
        ("Set(ALARMRECEIVER_CALL_LIMIT=4500)", 4.4, 5.5),
        ("Set(ALARMRECEIVER_CALL_LIMIT=x)", 20, 30),
    ],
)
async def test_limits(system: System, before: str, at_least: float, at_most: float) -> None:
    phone = panel(system, before)
    await phone.end()
    assert phone.steps[-1] == "NoOp(on)"
    assert at_least <= phone.clock <= at_most


@pytest.mark.parametrize("more", ["loudness=1000\nfdtimeout=300\nanswait=0\neventcmd=exit 3\neventspooldir=/no/such\n"])
async def test_loudness_times_and_what_fails(system: System) -> None:
    phone = panel(system)
    await hears(phone, [1400, 2300], 1.5)
    assert 900 <= abs(phone.samples).max() <= 1100
    await phone.after(0.1)
    await send(phone, EVENT)
    with LogCapture() as log:
        await hears(phone, [1400])
        phone.hang_up()
        await phone.end()
    assert len(log.texts(Level.ERROR)) == 1
    assert len(log.texts(Level.WARNING)) == 1


@pytest.mark.parametrize("more", ["loudness=1\nsdtimeout=x\nevent=1\n[other]\na=1\n"])
async def test_what_is_wrong_in_the_file_is_told(tmp_path: Path, more: str) -> None:
    with LogCapture() as log:
        async with media_system(tmp_path, {"alarmreceiver.conf": f"[general]\n{more}"}, ["app_alarmreceiver"]):
            pass
    assert [text.partition(": ")[0] for text in log.texts(Level.WARNING)] == [
        "alarmreceiver.conf:5", "alarmreceiver.conf:2", "alarmreceiver.conf:3", "alarmreceiver.conf:4",
    ]  # fmt: skip
