"""A call without a network: a channel of a scripted technology that runs a dialplan given as text."""

from __future__ import annotations

import asyncio
from typing import Any

from globstar.config import MemorySource, read_config
from globstar.core import events
from globstar.core.channel import Channel, ChannelState
from globstar.core.frame import Control, digit_begin, digit_end
from globstar.core.system import System
from globstar.core.tech import ChannelTech
from globstar.dialplan.plan import Dialplan
from globstar.dialplan.reader import read_extensions


class ScriptedTech(ChannelTech):
    """Notes what the endpoint is told."""

    name = "Scripted"

    def __init__(self) -> None:
        self.told: list[Control] = []
        self.digits: list[tuple[str, int]] = []
        self.texts: list[str] = []
        self.answers = 0

    def answer(self, channel: Channel) -> None:
        self.answers += 1

    def indicate(self, channel: Channel, condition: Control, data: Any = b"") -> bool:
        self.told.append(condition)
        return True

    def send_digit_begin(self, channel: Channel, digit: str) -> bool:
        return True

    def send_digit_end(self, channel: Channel, digit: str, duration_ms: int) -> bool:
        self.digits.append((digit, duration_ms))
        return True

    def send_text(
        self, channel: Channel, text: str, content_type: str = "text/plain", *, from_name: str = "", to_name: str = ""
    ) -> bool:
        self.texts.append(text)
        return True


def load_dialplan(system: System, text: str) -> None:
    """Put a dialplan in force; its warnings are a fault of the test."""
    loaded = read_extensions(read_config("extensions.conf", MemorySource({"extensions.conf": text})), Dialplan(system.local_time))
    assert not loaded.warnings, loaded.warnings
    for name, value in loaded.globals.items():
        system.globals.set(name, value)
    system.dialplan_options = loaded.general
    system.plan = loaded.plan


class Call:
    """One incoming call and what it did: ``steps`` are "Application(data)", ``places`` where they stood."""

    def __init__(self, system: System, context: str = "default", extension: str = "s", *, name: str = "Scripted/1") -> None:
        self.system = system
        self.tech = ScriptedTech()
        self.steps: list[str] = []
        self.places: list[str] = []
        self.set: list[tuple[str, str]] = []
        self.ended = asyncio.get_running_loop().create_future()
        self.channel = Channel(system, self.tech, name, state=ChannelState.RING, context=context, extension=extension)
        self._undo = [
            system.bus.subscribe(events.ApplicationStarted, self._step),
            system.bus.subscribe(events.VariableSet, self._variable),
            system.bus.subscribe(events.ChannelHungUp, self._hung_up),
        ]
        system.announce_channel(self.channel)

    def start(self) -> Call:
        """Begin to run the dialplan."""
        self.system.start_pbx(self.channel)
        return self

    async def run(self) -> Call:
        """Run the dialplan to its end."""
        self.start()
        return await self.end()

    async def end(self) -> Call:
        """Wait until the channel is gone."""
        await asyncio.wait_for(self.ended, 3600)
        for undo in self._undo:
            undo()
        return self

    async def press(self, digits: str, *, length: float = 0.1, pause: float = 0.1) -> None:
        """The caller presses keys; blanks are pauses of a second."""
        for digit in digits:
            if digit == " ":
                await asyncio.sleep(1)
                continue
            self.channel.deliver(digit_begin(digit))
            await asyncio.sleep(length)
            self.channel.deliver(digit_end(digit, round(length * 1000)))
            await asyncio.sleep(pause)

    def hang_up(self, cause: int = 16) -> None:
        """The caller hangs up."""
        self.channel.queue_hangup(cause)

    @property
    def variables(self) -> dict[str, str]:
        """The last value of each variable that was set."""
        return dict(self.set)

    def _step(self, event: events.ApplicationStarted) -> None:
        if event.channel is self.channel:
            self.steps.append(f"{event.application}({event.data})")
            self.places.append(f"{self.channel.context},{self.channel.extension},{self.channel.priority}")

    def _variable(self, event: events.VariableSet) -> None:
        if event.channel is self.channel:
            self.set.append((event.name, event.value))

    def _hung_up(self, event: events.ChannelHungUp) -> None:
        if event.channel is self.channel and not self.ended.done():
            self.ended.set_result(None)


async def run_dialplan(system: System, text: str, context: str = "default", extension: str = "s") -> Call:
    """Load a dialplan and run one call through it."""
    load_dialplan(system, text)
    return await Call(system, context, extension).run()
