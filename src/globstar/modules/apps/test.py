"""Interface Test Application: two servers test the line between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone, ChannelState
from globstar.core.ear import listen
from globstar.core.registry import application
from globstar.core.tones import ToneList
from globstar.dialplan.arguments import argument, split_arguments
from globstar.dsp.level import mean_level
from globstar.dsp.tones import milliwatt

logger = Logger("app_test")

#: What the server sends when it is ready ("TEST" on the keys of a phone), and how long each side waits for the other, seconds.
_READY, _PATIENCE = "8378", 10.0
#: How long silence and tone are measured, and what of it is left out at the beginning, seconds.
_MEASURE, _SETTLE = 2.0, 0.3
#: The mean level that silence may have, and that a tone must have.
_MOST_NOISE, _LEAST_TONE = 100, 500
_MOST_DIGITS = 20

_CLIENT, _SERVER = "client", "server"


@dataclass(frozen=True, slots=True)
class _Step:
    """One step: who acts, and what: a digit, or silence or a tone that the other side measures and then confirms by a digit."""

    actor: str
    kind: str
    digit: str

    def title(self, role: str) -> str:
        """What the step is called in the report of a side."""
        does = self.actor == role
        if self.kind == "digit":
            return f"{'SEND' if does else 'WAIT'} DTMF {self.digit}"
        if self.kind == "silence":
            return "KEEP SILENT" if does else "MEASURE NOISE"
        return "SEND TONE" if does else "MEASURE TONE"


_STEPS = (
    _Step(_SERVER, "digit", "1"),
    _Step(_CLIENT, "digit", "2"),
    _Step(_SERVER, "digit", "3"),
    _Step(_CLIENT, "digit", "4"),
    _Step(_CLIENT, "silence", "5"),
    _Step(_SERVER, "silence", "6"),
    _Step(_CLIENT, "tone", "7"),
    _Step(_SERVER, "tone", "8"),
    _Step(_CLIENT, "digit", "9"),
    _Step(_SERVER, "digit", "0"),
)


class _Failed(Exception):
    """A step failed; the other side cannot follow any more."""


@dataclass(slots=True)
class _Test:
    """One side of a test, and its report."""

    channel: Channel
    role: str
    identity: str = ""
    lines: list[str] = field(default_factory=list)
    failures: int = 0

    def note(self, title: str, result: str) -> None:
        """A line of the report."""
        self.lines.append(f"{title + ':':<20} {result}")

    async def run(self) -> None:
        """Go through the steps; the report is written whatever happens. Raises ``ChannelGone``."""
        step: _Step | None = None
        try:
            for step in _STEPS:
                self.note(step.title(self.role), await (self._act(step) if step.actor == self.role else self._watch(step)))
            self.note("RESULT", "PASS" if not self.failures else f"FAIL ({self.failures})")
        except _Failed as failed:
            self.note(step.title(self.role) if step is not None else "START", f"FAIL ({failed})")
            self.note("RESULT", "FAIL")
        except ChannelGone:
            self.note("RESULT", "FAIL (hung up)")
            raise
        finally:
            await self.channel.system.run_blocking(self.write)

    async def _act(self, step: _Step) -> str:
        channel = self.channel
        if step.kind == "digit":
            await channel.send_digit(step.digit)
            return "PASS"
        if step.kind == "tone":
            channel.start_generator(ToneList(milliwatt()))
        try:
            began = channel.system.now()
            await self.expect(step.digit)
            return f"PASS ({channel.system.now() - began:.1f} s)"
        finally:
            if step.kind == "tone":
                channel.stop_generator()

    async def _watch(self, step: _Step) -> str:
        if step.kind == "digit":
            began = self.channel.system.now()
            await self.expect(step.digit)
            return f"PASS ({round((self.channel.system.now() - began) * 1000)} ms)"
        await self.channel.pause(_SETTLE)
        heard = bytearray()
        await listen(self.channel, heard.extend, seconds=_MEASURE)
        level = mean_level(bytes(heard))
        is_right = level <= _MOST_NOISE if step.kind == "silence" else level >= _LEAST_TONE
        self.failures += not is_right
        await self.channel.send_digit(step.digit)
        return f"{'PASS' if is_right else 'FAIL'} (level {level})"

    async def expect(self, digits: str) -> None:
        """Wait for digits of the other side. Raises :class:`_Failed`."""
        for wanted in digits:
            digit = await self.channel.wait_for_digit(_PATIENCE)
            if digit != wanted:
                raise _Failed(f"{digit or 'nothing'} instead of {wanted}")

    def write(self) -> None:
        """Write the report. Waits for the disk."""
        folder = Path(self.channel.system.directories.astlogdir) / "testreports"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{self.identity}-{self.role}.txt").write_text("\n".join([*self.lines, ""]), encoding="utf-8")
        except OSError as error:
            logger.error(f"the report of test {self.identity} cannot be written: {error}")


def _begin(channel: Channel, role: str, identity: str) -> _Test:
    test = _Test(channel, role, identity)
    test.note(f"{role.upper()}CHAN", channel.name)
    test.note(f"{role.upper()}TEST ID", identity)
    test.note("TIME", channel.system.local_time().strftime("%Y-%m-%d %H:%M:%S %Z"))
    return test


@application("TestClient", syntax="TestClient(testid)")
async def test_client(channel: Channel, data: str) -> int:
    """Test the line to a server that runs TestServer.

    Digits, silence and a tone go both ways. The report is ``testreports/<testid>-client.txt`` in the log folder, the other side
    writes one, too. testid is a number.
    """
    identity = argument(split_arguments(data), 0).strip()
    if not identity.isdecimal() or len(identity) > _MOST_DIGITS:
        logger.warning(f"TestClient requires a number as testid, not '{identity}'")
        return -1
    if channel.state is not ChannelState.UP:
        await channel.answer()
    test = _begin(channel, _CLIENT, identity)
    try:
        await test.expect(_READY)
    except _Failed as failed:
        logger.warning(f"TestClient: no server is at the other end ({failed})")
        test.note("WAIT FOR SERVER", f"FAIL ({failed})")
        test.note("RESULT", "FAIL")
        await channel.system.run_blocking(test.write)
        return 0
    for digit in f"{identity}#":
        await channel.send_digit(digit)
        await channel.pause(0.1)
    await test.run()
    return 0


@application("TestServer", syntax="TestServer()")
async def test_server(channel: Channel) -> int:
    """Be the other end of TestClient, and write the report ``testreports/<testid>-server.txt`` in the log folder."""
    if channel.state is not ChannelState.UP:
        await channel.answer()
    await channel.pause(1)  # the client may not listen yet
    for digit in _READY:
        await channel.send_digit(digit)
        await channel.pause(0.1)
    identity = ""
    while (digit_ := await channel.wait_for_digit(_PATIENCE)) is not None and digit_ != "#":
        identity += digit_
        if len(identity) > _MOST_DIGITS:
            break
    if digit_ != "#" or not identity.isdecimal():
        logger.warning(f"TestServer: no client is at the other end of {channel.name}: '{identity}' is no testid")
        return 0
    await _begin(channel, _SERVER, identity).run()
    return 0
