"""Authentication Application."""

from __future__ import annotations

import hashlib
from pathlib import Path

from globstar.base.log import Logger
from globstar.core.channel import Channel, ChannelState
from globstar.core.digits import read_digits
from globstar.core.numbers import leading_integer
from globstar.core.playback import SoundMissing, play, play_all
from globstar.core.registry import application
from globstar.dialplan.arguments import ParsedOptions, argument, parse_options, split_arguments

logger = Logger("app_authenticate")

ATTEMPTS = 3
#: How long a password may take to begin and between its digits, seconds.
FIRST_TIMEOUT, DIGIT_TIMEOUT = 10.0, 5.0
_OPTIONS = {"a": False, "d": False, "m": False, "r": False}


@application("Authenticate", syntax="Authenticate(password[,options[,maxdigits[,prompt[&prompt2...]]]])")
async def authenticate(channel: Channel, data: str) -> int:
    """Go on only if the caller knows a password; hang up after three wrong ones.

    A password that begins with / names a file with one password a line, or with option d a family and key of the
    database below which the passwords are keys. Options:

    a: the password becomes the account code of the channel.

    d: the passwords are in the database.

    m: the lines of the file are an account code, a colon, and the MD5 sum of its password; the account code is set.

    r: with d, delete the password from the database.

    ``maxdigits`` is the longest password; without it # ends the input. ``prompt`` is played instead of agent-pass.
    """
    arguments = split_arguments(data)
    password = argument(arguments, 0)
    if not password:
        logger.warning("Authenticate needs a password")
        return -1
    options = parse_options(argument(arguments, 1), _OPTIONS, logger.warning)
    maximum = min(max(leading_integer(argument(arguments, 2)), 0), 254)
    prompts = [name for name in (argument(arguments, 3) or "agent-pass").split("&") if name]
    if channel.state is not ChannelState.UP:
        await channel.answer()
    for _ in range(ATTEMPTS):
        try:
            entry = await read_digits(channel, prompts, maximum=maximum, first_timeout=FIRST_TIMEOUT, digit_timeout=DIGIT_TIMEOUT)
        except SoundMissing as missing:
            logger.warning(str(missing))
            break
        account = await channel.system.run_blocking(_account_of, channel, password, entry.digits, options)
        if account is not None:
            if account:
                channel.set_account_code(account)
            await play_all(channel, ["auth-thankyou"])
            return 0
        prompts = ["auth-incorrect"]
    try:
        await play(channel, "vm-goodbye")
    except SoundMissing as missing:
        logger.warning(str(missing))
    return -1


def _account_of(channel: Channel, wanted: str, given: str, options: ParsedOptions) -> str | None:
    """The account code to set ("" for none) if the password is right, else None."""
    account = given if "a" in options else ""
    if not wanted.startswith("/"):
        return account if given == wanted else None
    if "d" in options:
        return account if _is_in_database(channel, wanted[1:], given, "r" in options) else None
    try:
        lines = Path(wanted).read_text("utf-8", "replace").splitlines()
    except OSError as error:
        logger.warning(f"{wanted}: {error.strerror}")
        return None
    if "m" not in options:
        return account if given and given in (line.strip() for line in lines) else None
    digest = hashlib.md5(given.encode(), usedforsecurity=False).hexdigest()
    for line in lines:
        code, colon, known = line.strip().partition(":")
        if colon and known.lower() == digest:
            return code
    return None


def _is_in_database(channel: Channel, path: str, given: str, is_removed: bool) -> bool:
    family, _, below = path.partition("/")
    key = f"{below}/{given}" if below else given
    database = channel.system.database
    if not given or database.get(family, key) is None:
        return False
    if is_removed:
        database.delete(family, key)
    return True
