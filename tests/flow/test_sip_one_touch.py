"""One-touch recording: the phone's record button (INFO with Record), and the code of automixmon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.base.log import Level
from tests.support.sip_phone import PhoneCall, SipOffice, phone_section, sip_office
from tests.support.switch import LogCapture

EXTENSIONS = "[default]\nexten => 101,1,Dial(PJSIP/bob,20,xX)\n"
FILES = {"features.conf": "[featuremap]\nautomixmon = *3\n"}


@asynccontextmanager
async def call(root: Path, **alice: object) -> AsyncIterator[tuple[SipOffice, PhoneCall, Path]]:
    """Alice talks to bob."""
    pjsip = phone_section("alice", **alice) + phone_section("bob")
    async with sip_office(root, pjsip, EXTENSIONS, FILES) as office:
        first, second = office.phone("alice"), office.phone("bob")
        await second.register()
        calling = first.call("101")
        await first.get(100)
        called = await second.ring()
        await called.answer()
        await calling.answered()
        yield office, calling, Path(office.system.directories.astspooldir) / "monitor"
        await calling.hang_up()
        await called.ended()
        await office.quiet()


async def test_record_on_and_off(tmp_path: Path) -> None:
    async with call(tmp_path, one_touch_recording="yes") as (office, calling, folder):
        assert (await calling.request_inside("INFO", "Record: on\r\n")).label == "200"
        (recording,) = folder.glob("auto-*.wav")
        channels = list(office.system.channels.values())
        assert {channel.variables.get("TOUCH_MIXMONITOR_OUTPUT") for channel in channels} == {recording.name}
        await calling.speak(25)
        assert (await calling.request_inside("INFO", "Record: on\r\n")).label == "200"  # it records already
        assert (await calling.request_inside("INFO", "Record: off\r\n")).label == "200"
        await asyncio.sleep(0.1)
        assert recording.stat().st_size > 44 + 320 * 20
        assert (await calling.request_inside("INFO", "Record: maybe\r\n")).label == "400"


@pytest.mark.parametrize(("value", "period"), [("", 0), ("no", 0), ("20", 20), ("yes", 15)])
async def test_how_often_both_hear_that_they_are_recorded(tmp_path: Path, value: str, period: int) -> None:
    async with call(tmp_path, one_touch_recording="yes") as (office, calling, _):
        alice, bob = sorted(office.system.channels.values(), key=lambda channel: channel.name)
        alice.set_variable("TOUCH_MIXMONITOR_BEEP", value)
        await calling.request_inside("INFO", "Record: on\r\n")
        (recorder,) = office.system.services["call recorder"].recorders(bob)
        assert recorder.options.only_bridged
        assert recorder.options.beep_seconds == period


async def test_without_the_option_it_is_refused(tmp_path: Path) -> None:
    async with call(tmp_path) as (_, calling, folder):
        assert (await calling.request_inside("INFO", "Record: on\r\n")).label == "403"
        assert not folder.exists()


async def test_an_unknown_feature_cannot_be_had(tmp_path: Path) -> None:
    with LogCapture(Level.WARNING) as log:
        async with call(tmp_path, one_touch_recording="yes", record_on_feature="nothing") as (_, calling, _folder):
            assert (await calling.request_inside("INFO", "Record: on\r\n")).label == "480"
    assert any("features.conf has no feature 'nothing'" in text for text in log.texts(Level.WARNING))


async def test_the_older_name_of_the_feature(tmp_path: Path) -> None:
    async with call(tmp_path, one_touch_recording="yes", record_on_feature="automon", record_off_feature="automon") as it:
        _, calling, folder = it
        assert (await calling.request_inside("INFO", "Record: on\r\n")).label == "200"
        assert len(list(folder.glob("auto-*.wav"))) == 1
        assert (await calling.request_inside("INFO", "Record: off\r\n")).label == "200"


@pytest.mark.parametrize("presses", [1, 2])
async def test_automixmon_by_digits(tmp_path: Path, presses: int) -> None:
    """*3 starts it and stops it; the end of the call stops it, too."""
    async with call(tmp_path) as (_, calling, folder):
        for _press in range(presses):
            await calling.press(10)
            await calling.press(3)
            await calling.speak(25)
    recordings = list(folder.glob("auto-*.wav"))
    assert len(recordings) == 1
    assert recordings[0].stat().st_size > 44 + 320 * 15
