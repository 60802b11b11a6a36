"""Alarm Receiver: events of alarm panels (Ademco Contact ID and others) in DTMF."""

from __future__ import annotations

import asyncio
import math

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone
from globstar.core.numbers import leading_integer
from globstar.core.registry import application
from globstar.core.system import System
from globstar.core.tones import ToneList
from globstar.dsp.level import PEAK_0DBM0
from globstar.dsp.tones import ToneGenerator, TonePart
from globstar.modules.apps.alarmreceiver.formats import LONGEST, find_format, is_intact
from globstar.modules.apps.alarmreceiver.report import AlarmReport
from globstar.modules.apps.alarmreceiver.settings import AlarmOptions, read_alarm_options

__all__ = ["alarm_receiver", "load", "reload", "unload"]

logger = Logger("app_alarmreceiver")

_OPTIONS = "alarm receiver options"
#: The handshake that asks for events, and the "kissoff" that acknowledges one (SIA DC-05): frequency, length in ms.
_HANDSHAKE = ((1400, 100), (0, 100), (2300, 100))
_KISSOFF = ((1400, 900),)
#: Between the kissoff and its event, ms.
_BEFORE_KISSOFF_MS = 200
#: Times without an event after which the caller is taken for no panel, unless the dialplan says otherwise.
_RETRIES = 10


def load(system: System) -> None:
    """Read alarmreceiver.conf."""
    system.services[_OPTIONS] = read_alarm_options(system.configuration.read("alarmreceiver.conf"))


def reload(system: System) -> None:
    """Read alarmreceiver.conf again; calls under way keep what they have."""
    load(system)


def unload(system: System) -> None:
    """Forget it."""
    system.services.pop(_OPTIONS, None)


@application("AlarmReceiver", syntax="AlarmReceiver()")
async def alarm_receiver(channel: Channel) -> int:
    """Take the events of an alarm panel until it hangs up, then hand them over.

    The panel hears a handshake, sends its events in DTMF, and hears for each one whose checksum is right that it was taken.
    Formats: Contact ID, Express 4+1 and 4+2, High Speed with a checksum. Files of them go to ``eventspooldir`` of
    alarmreceiver.conf, ``eventcmd`` gets them on its standard input.

    ALARMRECEIVER_CALL_LIMIT is the longest call, in milliseconds. ALARMRECEIVER_RETRIES_LIMIT is how often nothing, or nothing
    intact, may come before the call is given up.
    """
    options = channel.system.service(_OPTIONS, AlarmOptions) or AlarmOptions()
    await channel.answer()
    await _Receiver(channel, options).run()
    return 0


class _Receiver:
    """One call."""

    def __init__(self, channel: Channel, options: AlarmOptions) -> None:
        self.channel = channel
        self.options = options
        system = channel.system
        caller = channel.caller.id
        self.report = AlarmReport(
            caller.number.text if caller.number.valid else "<unknown>",
            caller.name.text if caller.name.valid else "<unknown>",
            system.local_time().strftime(options.timestampformat),
        )
        limit_ms = leading_integer(channel.get_variable("ALARMRECEIVER_CALL_LIMIT") or "")
        self._ends_at = system.now() + limit_ms / 1000 if limit_ms > 0 else math.inf
        self._retries = leading_integer(channel.get_variable("ALARMRECEIVER_RETRIES_LIMIT") or "")
        self._retries = self._retries if self._retries > 0 else _RETRIES

    async def run(self) -> None:
        """Take events until the panel hangs up, or nothing more is to be had. Raises ``ChannelGone``."""
        self._count("calls-received")
        try:
            await self.channel.pause(self.options.answait / 1000)
            await self._take_events()
        except ChannelGone:
            if not self.report.events:
                logger.warning(f"AlarmReceiver: {self.channel.name} hung up without an event")
            raise
        finally:
            # the panel hung up: that is how calls end, and nothing may be lost now
            await asyncio.shield(self.channel.system.run_command(self.report.finish, self.options))

    async def _take_events(self) -> None:
        await self._play(_HANDSHAKE)
        failures = 0
        while failures < self._retries and self.channel.system.now() < self._ends_at:
            digits = await self._read()
            form = find_format(digits)
            if form is not None and is_intact(digits):
                failures = 0
                await self._take(form.name, digits)
                continue
            failures += 1
            if digits:
                self._count("checksum-errors" if form is not None else "invalid-events")
                logger.verbose(2, f"AlarmReceiver: '{digits}' is no event, or its checksum is wrong")
            elif not self.report.events:  # it may not have heard it
                await self._play(_HANDSHAKE)
        logger.verbose(2, f"AlarmReceiver: done with {self.channel.name}, {len(self.report.events)} events")

    async def _read(self) -> str:
        """The digits of one message: what comes without a longer pause."""
        digits = ""
        wait = self.options.fdtimeout / 1000
        while len(digits) < LONGEST:
            left = self._ends_at - self.channel.system.now()
            digit = await self.channel.wait_for_digit(max(0.001, min(wait, left)))
            if digit is None:
                break
            digits += digit
            wait = self.options.sdtimeout / 1000
        return digits

    async def _take(self, protocol: str, digits: str) -> None:
        report, run = self.report, self.channel.system.run_blocking
        report.protocol = protocol
        report.events.append(digits)
        self._count("events-received")
        logger.verbose(2, f"AlarmReceiver: {protocol} event {digits}")
        if self.options.logindividualevents:
            await run(lambda: report.write(self.options, [digits], has_metadata=True))
        await self.channel.pause(_BEFORE_KISSOFF_MS / 1000)
        await self._play(_KISSOFF)

    async def _play(self, tones: tuple[tuple[int, int], ...]) -> None:
        """Play tones; what comes meanwhile is no event."""
        parts = tuple(TonePart(hertz, 0, length, is_once=True) for hertz, length in tones)
        level = 20 * math.log10(self.options.loudness / PEAK_0DBM0)
        player = ToneList(ToneGenerator(parts, 8000, level))
        self.channel.start_generator(player)
        try:
            await self.channel.pause(sum(length for _, length in tones) / 1000)
        finally:
            if self.channel.generator is player:
                self.channel.stop_generator()

    def _count(self, key: str) -> None:
        """Count something in the AstDB."""
        family = self.options.db_family
        if family:
            database = self.channel.system.database
            database.put(family, key, str(leading_integer(database.get(family, key) or "") + 1))
