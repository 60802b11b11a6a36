"""SF sender and receiver applications."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelGone
from globstar.core.ear import listen
from globstar.core.frame import Control
from globstar.core.numbers import NumberArguments, leading_float, leading_integer
from globstar.core.registry import application
from globstar.core.testevents import tell_state
from globstar.core.tones import play_tones
from globstar.dialplan.arguments import argument, parse_options, split_arguments
from globstar.dsp.sf import DEFAULT_HZ, SfDetector, sf_tone
from globstar.dsp.tones import ToneGenerator, TonePart

logger = Logger("app_sf")

_OPTIONS = {**dict.fromkeys("demqr", False), "t": True}
#: How long after a digit the number is taken to be whole, seconds, and the least that makes sense.
_POST_DIGIT, _LEAST_POST_DIGIT = 0.8, 0.6


@application("SendSF", syntax="SendSF(digits[,frequency[,channel]])")
async def send_sf(channel: Channel, data: str) -> int:
    """Send digits as pulses of a single frequency.

    ``digits`` are 0 to 9; w is a pause of half a second, h 250 ms of 2600 Hz, f a hook flash and W a wink. ``frequency`` is that
    of the pulses (2600), ``channel`` another channel that they go to.
    """
    arguments = split_arguments(data)
    digits = argument(arguments, 0)
    if not digits:
        logger.warning("SendSF requires an argument (digits)")
        return 0
    frequency = leading_integer(argument(arguments, 1)) or DEFAULT_HZ
    if not 0 < frequency < 4000:
        logger.warning(f"SendSF: '{argument(arguments, 1)}' is no frequency")
        return 0
    target: Channel | None = channel
    if name := argument(arguments, 2):
        target = channel.system.find_channel(name)
    if target is None:
        logger.warning(f"SendSF: there is no channel '{name}'")
        return 0
    for digit in digits:
        if digit == "w":
            await channel.pause(0.5)
        elif digit in "hH":
            await play_tones(target, ToneGenerator((TonePart(DEFAULT_HZ, 0, 250, is_once=True),)))
        elif digit in "fFW":
            target.indicate(Control.WINK if digit == "W" else Control.FLASH)
        elif digit in "0123456789":
            await play_tones(target, sf_tone(digit, frequency))
        else:
            logger.warning(f"SendSF: '{digit}' is no digit")
        if channel.soft_hangup:
            raise ChannelGone(channel.name)
    return 0


@application("ReceiveSF", syntax="ReceiveSF(variable[,digits[,timeout[,frequency[,options]]]])")
async def receive_sf(channel: Channel, data: str) -> int:
    """Read digits that are pulses of a single frequency into a variable.

    ``digits`` is how many at the most, ``timeout`` how many seconds to wait for all of them, ``frequency`` that of the pulses
    (2600). Options: t(seconds) is the pause after which the number is whole (0.8, at least 0.6), e takes 11 to 16 pulses as *, #,
    A to D, r takes distorted pulses ("radio"). d, m and q concern those who would hear the pulses: nobody does meanwhile.

    RECEIVESFSTATUS is MAXDIGITS, TIMEOUT (also after the pause that ends the number), HANGUP or ERROR.
    """
    arguments = split_arguments(data)
    variable = argument(arguments, 0).strip()
    options = parse_options(argument(arguments, 4), _OPTIONS, logger.warning)
    frequency = leading_integer(argument(arguments, 3)) or DEFAULT_HZ
    pause = leading_float(options.get("t")) if "t" in options else _POST_DIGIT
    if not variable or not 0 < frequency < 4000 or not pause >= _LEAST_POST_DIGIT:
        logger.warning("ReceiveSF requires an argument (variable), a frequency below 4000 Hz and a pause of at least 0.6 s")
        channel.set_variable("RECEIVESFSTATUS", "ERROR")
        return 0
    numbers = NumberArguments("ReceiveSF", arguments, logger.warning)
    most, timeout = numbers.integer(1), numbers.seconds(2)
    detector = SfDetector(frequency, relax="r" in options, takes_extra="e" in options)
    digits = ""

    def hear(sound: bytes) -> str | None:
        nonlocal digits
        digits += detector.receive(sound)
        if most > 0 and len(digits) >= most:
            digits = digits[:most]
            return "MAXDIGITS"
        return "TIMEOUT" if digits and detector.quiet_ms >= pause * 1000 else None

    try:
        status: str | None = await listen(channel, hear, seconds=timeout or None)
    except ChannelGone:
        channel.set_variable(variable, digits)
        channel.set_variable("RECEIVESFSTATUS", "HANGUP")
        tell_state(channel.system, "HANGUP", channel, Message="hung up while digits were awaited")
        raise
    channel.set_variable(variable, digits)
    channel.set_variable("RECEIVESFSTATUS", status or "TIMEOUT")
    tell_state(channel.system, "TIMEOUT", channel, Message=digits)
    return 0
