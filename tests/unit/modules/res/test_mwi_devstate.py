"""res_mwi_devstate: a lamp for a mailbox."""

from __future__ import annotations

import asyncio
from pathlib import Path

from globstar.core import events
from globstar.core.devicestate import DeviceState
from tests.support.switch import running_system

PLAN = "[default]\nexten => 6100,hint,MWI:100@default\nexten => 6101,hint,MWI:101\nexten => 6102,hint,MWI:102@sales\n"


async def test_lamps_follow_new_messages(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"extensions.conf": PLAN}) as system:
        told: list[tuple[str, int]] = []
        system.bus.subscribe(events.ExtensionStateChanged, lambda event: told.append((event.exten, event.state)))
        states, mailboxes = system.device_states, system.mailboxes
        assert states.state("MWI:100@default") is DeviceState.NOT_INUSE
        assert states.state("mwi:nobody") is DeviceState.NOT_INUSE
        mailboxes.update("100@default", 2, 0)
        mailboxes.update("100", 1, 1)
        mailboxes.update("101", 1, 0)
        mailboxes.update("102@sales", 0, 3)
        await asyncio.sleep(0)
        assert states.state("MWI:100@default") is states.state("MWI:100") is DeviceState.INUSE
        assert states.state("MWI:102@sales") is DeviceState.NOT_INUSE
        mailboxes.update("100", 0, 2)
        mailboxes.forget("101")
        await asyncio.sleep(0)
        assert told == [("6100", 1), ("6101", 1), ("6100", 0), ("6101", 0)]


async def test_without_the_module_there_are_no_such_devices(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"extensions.conf": PLAN}) as system:
        await system.loader.unload("res_mwi_devstate")
        assert system.device_states.state("MWI:100") is DeviceState.INVALID
        system.mailboxes.update("100", 1, 0)
        await system.loader.load("res_mwi_devstate")
        assert system.device_states.state("MWI:100") is DeviceState.INUSE


async def test_the_first_count_is_told_and_lists_show_every_mailbox(tmp_path: Path) -> None:
    files = {"extensions.conf": PLAN, "voicemail.conf": "[default]\n100 => 1,Anna\n200 => 1,Berta\n"}
    async with running_system(tmp_path, files) as system:
        told: list[tuple[str, str]] = []
        system.bus.subscribe(events.DeviceStateChanged, lambda event: told.append((event.device, event.state)))
        for _ in range(2):
            system.mailboxes.update("200", 0, 0)
            await asyncio.sleep(0)
        assert told == [("MWI:200@default", "NOT_INUSE")]
        assert {"MWI:100@default", "MWI:200@default"} <= set(system.device_states.known())
