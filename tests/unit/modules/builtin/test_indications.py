"""indications.conf and the commands about tone zones."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.cli import run_command
from tests.support.switch import LogCapture, running_system

pytestmark = pytest.mark.virtual_time

FILES = {
    "modules.conf": "[modules]\nautoload=no\n",
    "indications.conf": "[general]\ncountry=de\n[de]\ndescription=Germany\nringcadence=1000,4000\ndial=425\nbusy=425/480,0/480\n",
}


async def test_show_add_remove(tmp_path: Path) -> None:
    async with running_system(tmp_path, FILES) as system:
        assert (await run_command(system, "indication show")).splitlines() == [
            "Country   Description",
            "===========================",
            "de       Germany",
            "===========================",
            "Default tone zone: de",
        ]
        shown = await run_command(system, "indication show de")
        assert "de      dial            425" in shown
        assert "de      <ringcadence>   1000,4000" in shown
        await run_command(system, 'indication add de record "1400/500,0/15000"')
        assert "1400/500,0/15000" in await run_command(system, "indication show de")
        assert system.tones.indications.find("record", "de") == "1400/500,0/15000"
        await run_command(system, "indication remove de record")
        assert system.tones.indications.find("record", "de") is None


async def test_a_tone_of_a_zone_that_does_not_exist_makes_it(tmp_path: Path) -> None:
    async with running_system(tmp_path, FILES) as system:
        with LogCapture() as log:
            assert await run_command(system, 'indication add xx dial "425/100,0/50"') == ""
        assert "xx" in log.texts(Level.NOTICE)[0]
        assert "xx      dial            425/100,0/50" in await run_command(system, "indication show xx")


@pytest.mark.parametrize(
    "command",
    [
        "indication add de dial nonsense/x",
        "indication add xx dial nonsense/x",
        'indication add xx "" 425',
        "indication remove de",
        "indication remove xx",
        "indication remove de nope",
    ],
)
async def test_what_cannot_be_done_is_said(tmp_path: Path, command: str) -> None:
    async with running_system(tmp_path, FILES) as system:
        before = await run_command(system, "indication show de")
        assert (await run_command(system, command)).strip()
        assert await run_command(system, "indication show de") == before


async def test_problems_of_the_file_are_logged_and_the_rest_counts(tmp_path: Path) -> None:
    files = {**FILES, "indications.conf": "[general]\ncountry=xx\n[de]\ndial=425\nbusy=nonsense/\n"}
    with LogCapture() as log:
        async with running_system(tmp_path, files) as system:
            assert system.tones.indications.find("dial") == "425"
    assert sorted(text.partition(":")[0] for text in log.texts(Level.WARNING)) == ["indications.conf", "indications.conf"]
