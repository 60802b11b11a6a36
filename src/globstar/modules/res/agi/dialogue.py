"""The dialogue of one script with one channel: commands in, answers out, and what a hang-up means to it."""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.config.values import is_true
from globstar.core import events
from globstar.core.agi import AgiCommandSpec, AgiFailed, AgiUsage, find_agi_command
from globstar.core.channel import Channel, ChannelGone, SoftHangup
from globstar.core.frame import Frame
from globstar.modules.res.agi.script import Script, ScriptFault
from globstar.proto.agi import DEAD_CHANNEL, UNKNOWN_COMMAND, AgiFault, split_words, usage_block

if TYPE_CHECKING:
    from globstar.core.services import AgiScripts
    from globstar.core.system import System

logger = Logger("res_agi")

#: How long a script may say nothing after the call's end, seconds. Then the call goes without it.
DEAD_PATIENCE = 60.0
#: After this many commands without waiting, other tasks get their turn.
YIELD_EVERY = 50

_command_numbers = itertools.count(1)


class AgiStatus(Enum):
    """The values of AGISTATUS."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    NOTFOUND = "NOTFOUND"
    HANGUP = "HANGUP"


class Dialogue:
    """See the module. ``on_frame`` sees the channel's frames while the script is thinking."""

    def __init__(
        self, channel: Channel, script: Script, service: AgiScripts, on_frame: Callable[[Frame], None] | None = None
    ) -> None:
        self.channel = channel
        self.script = script
        self._service = service
        self._on_frame = on_frame
        #: the channel is hung up, or to be
        self.is_dead = bool(channel.soft_hangup)
        self._hung_up = False
        self._was_sent_away = False
        self._failed = False
        self._answers: list[str] = []
        self.commands = 0

    @property
    def system(self) -> System:
        """The switch."""
        return self.channel.system

    def send(self, line: str) -> None:
        """See AgiDialogue."""
        self._answers.append(line)
        if self._service.debug:
            logger.verbose(0, f"<{self.channel.name}>AGI Tx >> {line}")
        self.script.send(line)

    def end_call(self) -> None:
        """See AgiDialogue."""
        self._note_hangup()

    def _note_hangup(self) -> None:
        """The call ended: the script is told, once, unless AGISIGHUP says no."""
        if self._hung_up:
            return
        self._hung_up = self.is_dead = True
        wish = self.channel.get_variable("AGISIGHUP")
        if wish is None or is_true(wish):
            self.script.signal_hangup()

    async def run(self, environment: list[str]) -> AgiStatus:
        """Tell the environment and do what the script says, until it ends."""
        for line in [*environment, ""]:
            if self._service.debug:
                logger.verbose(0, f"<{self.channel.name}>AGI Tx >> {line}")
            self.script.send(line)
        try:
            while (command := await self._next_line()) is not None:
                await self._obey(command)
                await self.script.flush()
                self.commands += 1
                if self.commands % YIELD_EVERY == 0:
                    await asyncio.sleep(0)
        except ScriptFault as fault:
            logger.warning(f"AGI script {self.script.name} on {self.channel.name} is ended: {fault}")
            self._failed = True
        return self.status

    @property
    def status(self) -> AgiStatus:
        """What came of it so far."""
        if self._hung_up or self._was_sent_away:
            return AgiStatus.HANGUP
        return AgiStatus.FAILURE if self._failed else AgiStatus.SUCCESS

    # -- what the script says ------------------------------------------------------------------------------------------

    async def _next_line(self) -> str | None:
        """The next command; None when the script has ended, or is left alone."""
        if self.channel.soft_hangup and not self.is_dead:
            self._channel_gone()
        if self._is_over():
            return None
        reading = asyncio.ensure_future(self.script.read_line())
        try:
            if not self.is_dead:
                try:
                    return await self._listen(reading)
                except ChannelGone:
                    self._channel_gone()
                    if self._is_over():
                        return None
            await asyncio.wait((reading,), timeout=DEAD_PATIENCE)
            if reading.done():
                return reading.result()
            logger.warning(f"AGI script {self.script.name} says nothing after the end of {self.channel.name}; it is left alone")
            return None
        finally:
            if not reading.done():
                reading.cancel()

    async def _listen(self, reading: asyncio.Future[str | None]) -> str | None:
        """Wait for the script while the channel's frames are taken, digits too: they belong to no command."""
        if self._on_frame is None and reading.done():
            return reading.result()
        line: str | None = await self.channel.wait_for(reading, self._on_frame)
        return line

    def _is_over(self) -> bool:
        """Whether the script is not listened to any longer."""
        return self._was_sent_away or (self._hung_up and is_true(self.channel.get_variable("AGIEXITONHANGUP")))

    def _channel_gone(self) -> None:
        if self.channel.soft_hangup & SoftHangup.ASYNC_GOTO and not self.channel.soft_hangup & ~SoftHangup.ASYNC_GOTO:
            self._was_sent_away = self.is_dead = True
            self.script.signal_hangup()
        else:
            self._note_hangup()

    # -- commands --------------------------------------------------------------------------------------------------

    async def _obey(self, line: str) -> None:
        if self._service.debug:
            logger.verbose(0, f"<{self.channel.name}>AGI Rx << {line}")
        await self.obey(line)

    async def obey(self, line: str) -> list[str]:
        """Do one command and answer it; the lines of the answer."""
        self._answers = []
        try:
            words = split_words(line)
        except AgiFault as fault:
            logger.warning(f"AGI command on {self.channel.name}: {fault}")
            words = []
        spec = find_agi_command(self.system, words)
        number = next(_command_numbers)
        bus = self.system.bus
        if bus.listeners(events.AgiExecStarted):
            bus.publish(events.AgiExecStarted(self.channel, line, number))
        code, result = await self._run(spec, words)
        if bus.listeners(events.AgiExecEnded):
            bus.publish(events.AgiExecEnded(self.channel, line, number, code, result))
        return self._answers

    async def _run(self, spec: AgiCommandSpec | None, words: list[str]) -> tuple[int, str]:
        if spec is None:
            self.send(UNKNOWN_COMMAND)
            return 510, "Invalid or unknown command"
        if self.is_dead and not spec.runs_dead:
            self.send(DEAD_CHANNEL)
            return 511, "Command Not Permitted on a dead channel or intercept routine"
        arguments = words[len(spec.words) :]
        module = self.system.loader.modules.get(spec.module)
        if module is not None:
            module.use_count += 1
        try:
            if len(arguments) < spec.least or (spec.most is not None and len(arguments) > spec.most):
                raise AgiUsage
            answer = spec.run(self, arguments)
            if inspect.isawaitable(answer):
                answer = await answer
        except AgiUsage:
            for line in usage_block(spec.usage):
                self.send(line)
            return 520, "Invalid command syntax.  Proper usage not available."
        except AgiFailed as failed:
            answer, self._failed = str(failed), True
        except ChannelGone:
            answer, self._failed = "200 result=-1", True
        except Exception as error:
            logger.error(f"AGI command {spec.name} on {self.channel.name} failed", exception=error)
            answer, self._failed = "200 result=-1", True
        finally:
            if module is not None:
                module.use_count -= 1
        self.send(answer)
        return 200, "Failure" if answer.startswith("200 result=-") else "Success"
