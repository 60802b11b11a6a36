"""Follows the script of a recorded scenario beside its messages.

It waits, presses digits, sends manager actions and runs commands as the script did."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from globstar.core.cli import run_command
from globstar.core.events import FilePlayed, FilePlayEnded
from globstar.core.system import System
from globstar.media.network import MediaNetwork
from tests.support.ami import AmiClient
from tests.support.replay_media import Talker
from tests.support.sip_script import LETTERS, Act, Command, Expect, Heard, Press, Send, Sleep, Step, fits

#: Seconds that a script takes to look at what came, and that it takes to send when it looks at nothing first.
GLANCE, AT_ONCE = 0.05, 0.005
#: Seconds that ``asterisk -rx`` takes to start.
START = 0.01


@dataclass(slots=True)
class ScriptFollower:
    """What is left of a script, and when its endpoints come to the next step.

    ``manager`` gives the client that sends its actions; ``done`` is told what it did.
    """

    system: System
    media: MediaNetwork
    manager: Callable[[], Awaitable[AmiClient]]
    done: list[str]
    steps: deque[Step] = field(default_factory=deque)
    #: each command of the CLI with what it printed
    printed: list[tuple[str, str]] = field(default_factory=list)
    clock: float = 0.0
    #: seconds that this script takes, see GLANCE and AT_ONCE
    glance: float = GLANCE
    at_once: float = AT_ONCE
    #: where the driver wants each endpoint's RTP, by letter
    media_ports: dict[str, int] = field(default_factory=dict)
    talkers: dict[str, Talker] = field(default_factory=dict)
    #: what endpoints got and the script did not wait for yet: letter, kind, time
    _seen: list[tuple[str, str, float]] = field(default_factory=list)
    #: what was heard and the script did not wait for yet
    _sounds: deque[str] = field(default_factory=deque)
    _playing: str = ""
    _heard: asyncio.Event = field(default_factory=asyncio.Event)
    _undo: list[Callable[[], None]] = field(default_factory=list)

    def begin(self, steps: Iterable[Step]) -> None:
        """The first message is about to be sent."""
        self.steps.extend(steps)
        self.clock = asyncio.get_running_loop().time()
        if any(isinstance(step, Heard) for step in self.steps):
            subscribe = self.system.bus.subscribe
            self._undo += [subscribe(FilePlayed, self._played), subscribe(FilePlayEnded, self._play_ended)]

    def _played(self, event: FilePlayed) -> None:
        self._playing = event.file
        self._sounds.append(event.file)
        self._heard.set()

    def _play_ended(self, event: FilePlayEnded) -> None:
        if self._playing.startswith("beep."):
            self._sounds.append("Recording the message")
            self._heard.set()

    async def _hear(self, what: str) -> None:
        """Wait until a sound is heard, those before it are over."""
        async with asyncio.timeout(60):
            while True:
                while self._sounds:
                    if self._sounds.popleft().startswith(what):
                        return
                self._heard.clear()
                await self._heard.wait()

    def got(self, who: str, kind: str) -> None:
        """An endpoint looked at a message."""
        self._seen.append((who, kind, asyncio.get_running_loop().time()))

    async def wait(self, who: str, kind: str, *, is_at_once: bool, otherwise: float) -> None:
        """Do what the script does before it sends this message, waiting as it waits."""
        loop = asyncio.get_running_loop()
        found = next((step for step in self.steps if isinstance(step, Send) and step.who == who and fits(step.what, kind)), None)
        if found is None:
            await asyncio.sleep(0.0 if is_at_once else otherwise)
            return
        skipped: list[Step] = []
        while (step := self.steps.popleft()) is not found:
            if isinstance(step, Send):
                skipped.append(step)
            elif not self._pass(step):
                await self._do(step)
        self.steps.extendleft(reversed(skipped))
        await asyncio.sleep(max(0.0 if is_at_once else self.at_once, self.clock - loop.time()))
        self.clock = loop.time()

    def _pass(self, step: Step) -> bool:
        """Pass a step that only waits; False if it does something."""
        if isinstance(step, Sleep):
            self.clock += step.seconds
        elif isinstance(step, Expect):
            seen = next((one for one in self._seen if step.who == one[0] and fits(step.what, one[1])), None)
            if seen is not None:
                self._seen.remove(seen)
                self.clock = max(self.clock, seen[2] + self.glance)
        return isinstance(step, (Sleep, Expect))

    async def advance(self) -> float | None:
        """Do what the script does by now; the time of what it does next, None if a message comes first."""
        while self.steps:
            step = self.steps[0]
            if isinstance(step, Send):
                return None
            if isinstance(step, Expect) and not any(step.who == who and fits(step.what, kind) for who, kind, _ in self._seen):
                return None
            if not self._pass(step):
                if self.clock > asyncio.get_running_loop().time() + 1e-6:
                    return self.clock
                await self._do(step)
            self.steps.popleft()
        return None

    async def finish(self) -> None:
        while self.steps and not isinstance(self.steps[0], Send):
            step = self.steps.popleft()
            if not self._pass(step):
                await self._do(step)
        await asyncio.sleep(max(self.clock - asyncio.get_running_loop().time(), 0.0))

    async def _do(self, step: Step) -> None:
        """Press digits, send a manager action or run a command when it is due."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(self.clock - loop.time(), 0.0))
        if isinstance(step, Press):
            self.done.append(f"{step.who} presses {step.digits}")
            talker = self._talker(step.who)
            await (talker.sound if step.in_band else talker.press)(step.digits, step.seconds, step.gap)
        elif isinstance(step, Heard):
            self.done.append(f"heard {step.what}")
            await self._hear(step.what)
        elif isinstance(step, Act):
            self.done.append(f"manager: {step.action}")
            client = await self.manager()
            client.ask(step.action, *((name, self._channel(value)) for name, value in step.fields))
        elif isinstance(step, Command):
            await self._run(step.line)
        self.clock = loop.time()

    async def _run(self, line: str) -> None:
        """Run a command, as soon as the program that connects to the server for it has started."""
        await asyncio.sleep(START)
        line = re.sub(r"channel:\S+", lambda found: self._channel(found[0]), line)
        line = line.replace("bridge:", next(iter(self.system.bridges), ""))
        line = line.replace("<RUN>", self.system.directories.astrundir)
        self.done.append(f"command: {line}")
        self.printed.append((line, await run_command(self.system, line)))

    def _channel(self, value: str) -> str:
        """The name of the channel that a value stands for."""
        begin = value.removeprefix("channel:")
        if begin == value:
            return value
        return next(one.name for one in reversed(self.system.channels.values()) if one.name.startswith(f"{begin}-"))

    def talk(self, who: str, sent: str) -> None:
        """An endpoint's audio flows from when it knows where to send it until its call ends."""
        if sent in ("ACK", "200 INVITE") and self.media_ports.get(who):
            self._talker(who).start()
        elif sent in ("BYE", "200 BYE") and who in self.talkers:
            self.talkers[who].stop()

    def _talker(self, who: str) -> Talker:
        talker = self.talkers.get(who)
        if talker is None:
            talker = self.talkers[who] = Talker(self.media, 21000 + 10 * LETTERS.index(who))
        talker.target = ("127.0.0.1", self.media_ports[who])
        return talker

    def close(self) -> None:
        """All is over."""
        for talker in self.talkers.values():
            talker.close()
        for undo in self._undo:
            undo()
