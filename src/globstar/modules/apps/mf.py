"""Send MF digits Application."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone
from globstar.core.ear import listen
from globstar.core.frame import Control
from globstar.core.manager import (
    ActionRequest,
    Answer,
    Permission,
    failure,
    manager_action,
    requested_channel,
    success,
)
from globstar.core.numbers import NumberArguments, leading_integer
from globstar.core.registry import application
from globstar.core.testevents import tell_state
from globstar.core.tones import ToneList, play_tones
from globstar.dialplan.arguments import argument, parse_options, split_arguments
from globstar.dsp.mf import FREQUENCIES, MfDetector, mf_tone
from globstar.dsp.tones import ToneGenerator, TonePart

logger = Logger("app_mf")

_PAUSE_MS, _DIGIT_MS, _KEY_PULSE_MS, _START_MS = 50, 55, 120, 65
_KEY_PULSE, _STARTS = "*", "#ABC"
_OPTIONS = {**dict.fromkeys("dlkmoqrs", False), "n": True}


@application("SendMF", syntax="SendMF(digits[,timeout_ms[,duration_ms[,duration_ms_kp[,duration_ms_st[,channel]]]]])")
async def send_mf(channel: Channel, data: str) -> int:
    """Send R1 multi-frequency digits.

    ``digits`` are 0 to 9, * for KP, # for ST, A, B and C for STP, ST2P and ST3P; w is a pause of half a second, h 250 ms of
    2600 Hz, f a hook flash and W a wink. ``timeout_ms`` is the time between digits (50), the others are how long digits (55),
    KP (120) and ST (65) are. ``channel`` is another channel that they go to.
    """
    arguments = split_arguments(data)
    digits = argument(arguments, 0)
    if not digits:
        logger.warning("SendMF requires an argument (digits)")
        return 0
    numbers = NumberArguments("SendMF", arguments, logger.warning)
    pause, digit_ms, key_pulse_ms, start_ms = (
        numbers.integer(index) or default for index, default in enumerate((_PAUSE_MS, _DIGIT_MS, _KEY_PULSE_MS, _START_MS), 1)
    )
    target: Channel | None = channel
    if name := argument(arguments, 5):
        target = channel.system.find_channel(name)
    if target is None:
        logger.warning(f"SendMF: there is no channel '{name}'")
        return 0
    for digit in digits:
        if digit == "w":
            await channel.pause(0.5)
        elif digit in "hH":
            await play_tones(target, ToneGenerator((TonePart(2600, 0, 250, is_once=True),)))
        elif digit in "fFW":
            target.indicate(Control.WINK if digit == "W" else Control.FLASH)
        elif digit in FREQUENCIES:
            length = key_pulse_ms if digit == _KEY_PULSE else start_ms if digit in _STARTS else digit_ms
            await play_tones(target, mf_tone(digit, length, pause))
        else:
            logger.warning(f"SendMF: '{digit}' is no digit")
        if channel.soft_hangup:
            raise ChannelGone(channel.name)
    return 0


@application("ReceiveMF", syntax="ReceiveMF(variable[,timeout[,options]])")
async def receive_mf(channel: Channel, data: str) -> int:
    """Read R1 multi-frequency digits into a variable, up to ST, STP, ST2P or ST3P.

    ``timeout`` is how many seconds to wait for all of them. Options: l takes digits before KP, too; k leaves KP out, s ST; o lets
    another KP begin anew; n(number) ends after so many digits; r takes badly balanced signals ("radio"). d, m and q concern those
    who would hear the signals: nobody does meanwhile.

    RECEIVEMFSTATUS is START, MAXDIGITS, TIMEOUT, HANGUP or ERROR. KP is *, ST #, STP A, ST2P B, ST3P C.
    """
    arguments = split_arguments(data)
    variable = argument(arguments, 0).strip()
    options = parse_options(argument(arguments, 2), _OPTIONS, logger.warning)
    if not variable:
        logger.warning("ReceiveMF requires an argument (variable)")
        channel.set_variable("RECEIVEMFSTATUS", "ERROR")
        return 0
    timeout = NumberArguments("ReceiveMF", arguments, logger.warning).seconds(1)
    most = leading_integer(options.get("n")) if "n" in options else 0
    detector = MfDetector(relax="r" in options)
    digits = ""
    is_open = "l" in options

    def hear(sound: bytes) -> str | None:
        nonlocal digits, is_open
        for digit in detector.receive(sound):
            if digit == _KEY_PULSE:
                if is_open and "o" in options:
                    digits = ""
                is_open = True
                if "k" in options:
                    continue
            elif not is_open:
                continue
            if digit not in _STARTS or "s" not in options:
                digits += digit
            if digit in _STARTS:
                return "START"
            if most and len(digits) >= most:
                return "MAXDIGITS"
        return None

    try:
        status: str | None = await listen(channel, hear, seconds=timeout or None)
    except ChannelGone:
        channel.set_variable(variable, digits)
        channel.set_variable("RECEIVEMFSTATUS", "HANGUP")
        tell_state(channel.system, "HANGUP", channel, Message="hung up while digits were awaited")
        raise
    channel.set_variable(variable, digits)
    channel.set_variable("RECEIVEMFSTATUS", status or "TIMEOUT")
    tell_state(channel.system, "START" if status == "START" else "TIMEOUT", channel, Message=digits)
    return 0


@manager_action("PlayMF", Permission.CALL, synopsis="Play MF digit on a specific channel.")
def manager_play_mf(request: ActionRequest) -> Answer:
    """Send one R1 digit to the endpoint of a channel."""
    channel = requested_channel(request)
    digit, text = request.get("Digit")[:1], request.get("Duration")
    if not digit:
        return failure("No digit specified")
    if text and not (text.isdecimal() and 0 < int(text[:9]) <= 60_000):
        return failure("Could not convert Duration parameter")
    if digit not in FREQUENCIES:
        return failure("Invalid digit")
    length = int(text) if text else _KEY_PULSE_MS if digit == _KEY_PULSE else _START_MS if digit in _STARTS else _DIGIT_MS
    channel.start_generator(ToneList(mf_tone(digit, length, 0)))
    return success("MF successfully queued")
