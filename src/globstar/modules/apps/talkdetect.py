"""Playback with Talk Detection."""

from __future__ import annotations

import asyncio
import math

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelState
from globstar.core.digits import ALL_DIGITS
from globstar.core.ear import listen
from globstar.core.numbers import NumberArguments
from globstar.core.pbx import caller_number, leads, plan_of
from globstar.core.playback import SoundMissing, open_player
from globstar.core.registry import application
from globstar.core.switches import settled
from globstar.dialplan.arguments import argument, split_arguments
from globstar.dsp.level import SilenceDetector

logger = Logger("app_talkdetect")


@application("BackgroundDetect", syntax="BackgroundDetect(filename[,sil[,min[,max[,analysistime]]]])")
async def background_detect(channel: Channel, data: str) -> int | str | None:
    """Play a sound until the caller has said something.

    Something was said when the caller is heard for more than ``min`` ms (100) and less than ``max`` ms (without end), and is
    then silent for ``sil`` ms (1000); only during the first ``analysistime`` ms. TALK_DETECTED is then how long it was heard, in
    ms, and the call goes on at the extension talk, if there is one. A digit that an extension begins with is taken, too.
    """
    arguments = split_arguments(data)
    name = argument(arguments, 0)
    if not name:
        logger.warning("BackgroundDetect requires an argument (filename)")
        return -1
    numbers = NumberArguments("BackgroundDetect", arguments, logger.warning)
    silence_ms = numbers.integer(1, 1000)
    shortest_ms = numbers.integer(2, 100)
    longest_ms = numbers.integer(3) or math.inf
    analysis_ms = numbers.integer(4) or math.inf
    if channel.state is not ChannelState.UP:
        await channel.answer()
    channel.stop_generator()
    detector = SilenceDetector(channel.system.silence_threshold)
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    noise_ms = time_ms = 0

    def hear(sound: bytes) -> int | None:
        """The length in ms of what was said."""
        nonlocal noise_ms, time_ms
        length = len(sound) // 16
        time_ms += length
        if not detector.receive(sound):
            noise_ms += length
            return None
        if detector.silence_ms < silence_ms or time_ms > analysis_ms:
            return None
        said_ms, noise_ms = noise_ms, 0
        return said_ms if said_ms and shortest_ms <= said_ms <= longest_ms else None

    plan, context, number = plan_of(channel), channel.context, caller_number(channel)
    first_digits = await settled(lambda: [digit for digit in ALL_DIGITS if plan.can_match(context, digit, number)])

    def press(digit: str) -> str | None:
        return digit if digit in first_digits else None

    try:
        player = await open_player(channel, name, on_end=lambda: None if ended.done() else ended.set_result(None))
    except SoundMissing as missing:
        logger.warning(f"BackgroundDetect on {channel.name}: {missing}")
        return None
    channel.start_generator(player)
    try:
        outcome: int | str | None = await listen(channel, hear, ended=ended, on_digit=press)
    finally:
        if channel.generator is player:
            channel.stop_generator()
    if isinstance(outcome, str):
        return outcome
    if outcome is not None:
        channel.set_variable("TALK_DETECTED", str(outcome))
        if await leads(channel, channel.context, "talk"):
            channel.goto(channel.context, "talk", 1)
    return None
