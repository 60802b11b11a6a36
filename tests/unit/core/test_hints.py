"""Hints as they are watched."""

from __future__ import annotations

import asyncio
from pathlib import Path

from globstar.core import events
from globstar.core.devicestate import DeviceState
from globstar.core.hints import Hint, HintChange
from globstar.core.system import System
from tests.support.switch import running_system

PLAN = """
[globals]
DOOR=Lamp:door
[office]
exten => 1,hint,Lamp:one&Lamp:two
exten => 2,hint,${DOOR},CustomPresence:me
exten => _3X,hint,Lamp:${EXTEN}
include => more
[more]
exten => 4,hint,Lamp:one
"""


class Lamps:
    """Devices whose states are set by hand, and what a watcher was told."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.states: dict[str, DeviceState] = {}
        self.told: list[tuple[str, HintChange, int | None]] = []
        system.device_states.add_provider("Lamp", lambda name: self.states.get(name, DeviceState.NOT_INUSE))

    def watcher(self, hint: Hint, change: HintChange) -> None:
        self.told.append((hint.extension, change, hint.state))

    async def set(self, name: str, state: DeviceState) -> None:
        self.states[name] = state
        self.system.device_states.changed(f"Lamp:{name}")
        await self.settle()

    async def settle(self) -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_watchers_are_told_of_their_hint_and_only_of_changes(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"extensions.conf": PLAN}) as system:
        lamps, hints = Lamps(system), system.device_states.hints
        hint = hints.watch("office", "1", lamps.watcher)
        assert hint is not None
        assert hint.state == 0
        await lamps.set("two", DeviceState.INUSE)
        await lamps.set("one", DeviceState.INUSE)  # in use already
        await lamps.set("three", DeviceState.INUSE)
        assert lamps.told == [("1", HintChange.STATE, 1)]
        hints.unwatch(hint, lamps.watcher)
        await lamps.set("one", DeviceState.RINGING)
        assert len(lamps.told) == 1
        assert hints.watch("office", "9", lamps.watcher) is None


async def test_variables_patterns_and_included_contexts(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"extensions.conf": PLAN}) as system:
        lamps, hints, states = Lamps(system), system.device_states.hints, system.device_states
        for extension in ("2", "35", "4"):
            assert hints.watch("office", extension, lamps.watcher) is not None
        await lamps.set("door", DeviceState.ONHOLD)
        await lamps.set("35", DeviceState.BUSY)
        await lamps.set("one", DeviceState.RINGING)
        assert lamps.told == [("2", HintChange.STATE, 16), ("35", HintChange.STATE, 2), ("4", HintChange.STATE, 8)]
        assert states.extension_state("office", "37") == 0
        assert hints.find("office", "37") is None
        assert states.watchers("more", "4") == 1


async def test_presence_is_told_with_the_whole_hint(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"extensions.conf": PLAN}) as system:
        lamps = Lamps(system)
        seen: list[events.ExtensionPresenceChanged] = []
        system.bus.subscribe(events.ExtensionPresenceChanged, seen.append)
        system.device_states.hints.watch("office", "2", lamps.watcher)
        system.database.put("CustomPresence", "me", "away,lunch,back at two")
        system.device_states.presence_changed("CustomPresence:me")
        assert lamps.told == [("2", HintChange.PRESENCE, 0)]
        assert [(e.exten, e.hint, e.status, e.message) for e in seen] == [
            ("2", "Lamp:door,CustomPresence:me", "away", "back at two")
        ]  # fmt: skip


async def test_states_of_other_servers_count_with_ours(tmp_path: Path) -> None:
    async with running_system(tmp_path, {"extensions.conf": PLAN}) as system:
        lamps, states = Lamps(system), system.device_states
        states.hints.watch("office", "1", lamps.watcher)
        states.set_remote("Lamp:one", "there", DeviceState.RINGING)
        await lamps.settle()
        assert states.state("Lamp:one") is DeviceState.RINGING
        assert states.local_state("Lamp:one") is DeviceState.NOT_INUSE
        assert states.state("Nobody/here") is DeviceState.INVALID
        states.set_remote("Nobody/here", "there", DeviceState.INUSE)
        assert states.state("Nobody/here") is DeviceState.INUSE
        states.set_remote("Lamp:one", "there", None)
        await lamps.settle()
        assert [state for _, _, state in lamps.told] == [8, 0]
