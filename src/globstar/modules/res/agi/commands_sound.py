"""Commands that play, listen for digits and record."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.agi import AgiDialogue, AgiFailed, agi_command
from globstar.core.channel import ChannelGone
from globstar.core.digits import EntryEnd, read_digits
from globstar.core.playback import ControlKeys, SoundMissing, play, play_controlled, play_from
from globstar.core.recording import RecordEnd, record
from globstar.core.soundfile import SoundFault
from globstar.modules.res.agi.words import number, number_at

logger = Logger("res_agi")

#: How many digits GET DATA takes where it is not told.
MAX_DIGITS = 1024


def _word(words: list[str], index: int, default: str = "") -> str:
    return words[index] if len(words) > index else default


@agi_command("STREAM FILE", syntax="<filename> <escape_digits> [<sample offset>]", least=2, most=3, runs_dead=False)
async def stream_file(agi: AgiDialogue, words: list[str]) -> str:
    """Play a sound.

    One of the escape digits stops it; its ASCII number is the result, which is 0 at the end of the sound and -1 if there is no
    such sound. endpos is where it stopped, in samples. PLAYBACKSTATUS becomes SUCCESS or FAILED.
    """
    channel = agi.channel
    try:
        played = await play_from(channel, words[0], stop_on=words[1], offset=max(0, number_at(words, 2)))
    except SoundMissing as missing:
        logger.warning(f"AGI on {channel.name}: {missing}")
        raise AgiFailed("200 result=-1 endpos=0") from missing
    channel.set_variable("PLAYBACKSTATUS", "FAILED" if played.is_gone else "SUCCESS")
    if played.is_gone:
        raise AgiFailed(f"200 result=-1 endpos={played.position}")
    return f"200 result={_code(played.digit)} endpos={played.position}"


@agi_command("GET OPTION", syntax="<filename> <escape_digits> [<timeout>]", least=2, most=3, runs_dead=False)
async def get_option(agi: AgiDialogue, words: list[str]) -> str:
    """Play a sound and wait for a digit.

    For so many milliseconds after its end, the channel's time between digits unless given. Works like STREAM FILE otherwise.
    """
    channel = agi.channel
    timeout = number_at(words, 2) / 1000 if len(words) > 2 else channel.digit_timeout
    try:
        played = await play_from(channel, words[0], stop_on=words[1], shown=words[0])
    except SoundMissing as missing:
        logger.warning(f"AGI on {channel.name}: {missing}")
        raise AgiFailed("200 result=-1 endpos=0") from missing
    if played.is_gone:
        raise AgiFailed(f"200 result=-1 endpos={played.position}")
    digit = played.digit
    if digit is None:
        digit = await channel.wait_for_digit(timeout if timeout >= 0 else None)
        if digit is not None and digit not in words[1]:
            digit = None
    return f"200 result={_code(digit)} endpos={played.position}"


@agi_command(
    "CONTROL STREAM FILE",
    syntax="<filename> <escape_digits> [<skipms> [<ffchar> [<rewchr> [<pausechr> [<offsetms>]]]]]",
    least=2, most=7, runs_dead=False,
)  # fmt: skip
async def control_stream_file(agi: AgiDialogue, words: list[str]) -> str:
    """Play a sound that the caller can wind.

    skipms is how far (3000), ffchar forwards (#), rewchr back (*), pausechr stops and goes on (none). One of the escape digits
    ends it; its ASCII number is the result, which is 0 at the end of the sound. endpos is where it stopped in milliseconds,
    -1 at the end. Sets CPLAYBACKSTATUS (SUCCESS, USERSTOPPED, ERROR), CPLAYBACKOFFSET and CPLAYBACKSTOPKEY.
    """
    channel = agi.channel
    keys = ControlKeys(
        forward=_word(words, 3) or "#", rewind=_word(words, 4) or "*", stop=words[1], pause=_word(words, 5),
        skip_ms=number_at(words, 2) or 3000,
    )  # fmt: skip
    try:
        digit, offset = await play_controlled(channel, words[0], keys, offset_ms=max(0, number_at(words, 6)))
    except (SoundMissing, ChannelGone) as error:
        if isinstance(error, SoundMissing):
            logger.warning(f"AGI on {channel.name}: {error}")
        channel.set_variable("CPLAYBACKSTATUS", "ERROR")
        channel.set_variable("CPLAYBACKOFFSET", "-1")
        raise AgiFailed("200 result=-1 endpos=-1") from error
    channel.set_variable("CPLAYBACKSTATUS", "SUCCESS" if digit is None else "USERSTOPPED" if digit else "REMOTESTOPPED")
    channel.set_variable("CPLAYBACKOFFSET", str(offset))
    if digit:
        channel.set_variable("CPLAYBACKSTOPKEY", digit)
    return f"200 result={_code(digit)} endpos={offset}"


def _code(digit: str | None) -> int:
    return ord(digit) if digit else 0


@agi_command("GET DATA", syntax="<file to be streamed> [<timeout> [<max digits>]]", least=1, most=3, runs_dead=False)
async def get_data(agi: AgiDialogue, words: list[str]) -> str:
    """Play a sound and read digits.

    Until # is pressed, as many as asked for are there, or none comes for so many milliseconds; then (timeout) follows the result,
    which is the digits, or -1 if the sound is missing or the call ended.
    """
    timeout = number_at(words, 1) / 1000
    maximum = number_at(words, 2) or MAX_DIGITS
    wait = timeout if timeout > 0 else None
    try:
        entry = await read_digits(
            agi.channel, [words[0]] if words[0] else [], maximum=maximum, first_timeout=wait, digit_timeout=wait
        )
    except SoundMissing as missing:
        logger.warning(f"AGI on {agi.channel.name}: {missing}")
        return "200 result=-1"
    return f"200 result={entry.digits}" + (" (timeout)" if entry.end is EntryEnd.TIMEOUT else "")


@agi_command("WAIT FOR DIGIT", syntax="<timeout>", least=1, most=1, runs_dead=False)
async def wait_for_digit(agi: AgiDialogue, words: list[str]) -> str:
    """Wait for a digit.

    For so many milliseconds, -1 for ever. The result is its ASCII number, 0 if none came, -1 if the call ended.
    """
    timeout = number(words[0])
    return f"200 result={_code(await agi.channel.wait_for_digit(timeout / 1000 if timeout >= 0 else None))}"


@agi_command(
    "RECORD FILE",
    syntax="<filename> <format> <escape_digits> <timeout> [<offset samples>] [beep] [s=<silence>]",
    least=4, most=7, runs_dead=False,
)  # fmt: skip
async def record_file(agi: AgiDialogue, words: list[str]) -> str:
    """Record the caller.

    For so many milliseconds, -1 until something else ends it: one of the escape digits, whose ASCII number is the result, or
    so many seconds of silence. With offset samples the recording goes on in a file that is there; beep plays one first.
    What ended it follows the result: (dtmf), (timeout), (hangup), (writefile); endpos is the length in samples.
    """
    channel = agi.channel
    name, extension, stop_on = words[:3]
    timeout = number(words[3])
    options = [word.lower() for word in words[4:]]
    silence = next((number(word[2:]) for word in options if word.startswith("s=")), 0)
    offset = number_at(options, 0) if options and options[0] != "beep" and not options[0].startswith("s=") else 0
    if "beep" in options:
        try:
            await play(channel, "beep", stop_on="")
        except SoundMissing as missing:
            logger.warning(f"AGI on {channel.name}: {missing}")
    try:
        writer = agi.system.sounds.create(name, extension, append=offset > 0)
        start = writer.tell()
        if 0 < offset < start:
            await agi.system.run_blocking(writer.truncate, offset)
            start = offset
    except SoundFault as fault:
        logger.warning(f"AGI on {channel.name}: {fault}")
        raise AgiFailed("200 result=-1 (writefile)") from fault
    rate = writer.format.sample_rate
    result = await record(
        channel, [writer], maximum_seconds=timeout / 1000 if timeout > 0 else 0, silence_seconds=max(0, silence), stop_on=stop_on
    )
    end = start + result.duration_ms * rate // 1000
    match result.end:
        case RecordEnd.DIGIT:
            return f"200 result={ord(result.digit)} (dtmf) endpos={end}"
        case RecordEnd.HANGUP:
            raise AgiFailed(f"200 result=-1 (hangup) endpos={end}")
        case RecordEnd.FAILED:
            raise AgiFailed("200 result=-1 (writefile)")
    return f"200 result=0 (timeout) endpos={end}"
