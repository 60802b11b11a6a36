"""The arguments of Dial: destinations, timeouts and option letters. A text is read once for all its calls."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache

from globstar.base.errors import RemoteFault
from globstar.base.log import Logger
from globstar.core.cause import Cause, parse_cause
from globstar.core.channel import Channel
from globstar.core.party import PRESENTATIONS, PartyId, parse_caller_id
from globstar.core.twoparty import CallOptions, LimitFault, PartyRights, read_limit
from globstar.dialplan.arguments import ParsedOptions, argument, parse_options, split_arguments

logger = Logger("app_dial")

#: The option letters; True for those that take an argument.
LETTERS = {
    "A": True, "a": False, "b": True, "B": True, "C": False, "c": False, "d": False, "D": True, "E": False, "e": False,
    "f": True, "F": True, "g": False, "G": True, "h": False, "H": False, "i": False, "I": False, "j": False, "k": False,
    "K": False, "L": True, "m": True, "n": True, "N": False, "o": True, "O": True, "p": False, "P": True, "Q": True,
    "r": True, "R": False, "S": True, "s": True, "t": False, "T": False, "u": True, "U": True, "w": False, "W": False,
    "x": False, "X": False, "z": False,
}  # fmt: skip


class InvalidArguments(RemoteFault):
    """Dial cannot make sense of its arguments: DIALSTATUS becomes INVALIDARGS and the call ends."""


@dataclass(frozen=True, slots=True)
class SentDigits:
    """Option D: digits to send to the called and the calling party after the answer, to the called one on progress.

    The others are sent to the called party as MF or SF signals, on progress and on a wink.
    """

    called: str = ""
    calling: str = ""
    progress: str = ""
    mf_progress: str = ""
    mf_wink: str = ""
    sf_progress: str = ""
    sf_wink: str = ""


@dataclass(frozen=True, slots=True)
class DialArguments:
    """What one Dial was asked to do. Calls with the same text share one."""

    destinations: tuple[str, ...]
    options: ParsedOptions
    #: the option letters that were given
    letters: frozenset[str] = frozenset()
    timeout: float | None = None
    #: give up a destination of which nothing at all was heard for so long
    response_timeout: float | None = None
    url: str = ""
    #: what the called party is told about the caller instead of the truth (option f with an argument)
    forced_party: PartyId | None = None
    #: the same for the destination of a forwarded call (option f without one)
    forced_on_forward: PartyId | None = None
    #: what the called channel keeps as its own caller id (option o)
    own_party: PartyId | None = None
    loser_cause: int = Cause.ANSWERED_ELSEWHERE
    digits: SentDigits = field(default_factory=SentDigits)
    #: the caller hears what Dial makes (music, a tone) until the answer, not what the called endpoint sends
    is_entertained: bool = False
    #: the rights of the parties in the bridge
    call_options: CallOptions = field(default_factory=lambda: CallOptions(PartyRights(is_caller=True), PartyRights()))
    #: why it cannot be done at all
    fault: str = ""
    #: what is to be said of the text with each call
    complaints: tuple[tuple[str, str], ...] = ()


def read_arguments(channel: Channel, data: str) -> DialArguments:
    """Read the arguments; raises :class:`InvalidArguments` where Asterisk gives INVALIDARGS."""
    arguments = _read_text(data)
    for level, complaint in arguments.complaints:
        logger.log(level, f"Dial: {complaint}")
    if arguments.fault:
        raise InvalidArguments(arguments.fault)
    return _ask_channel(channel, arguments) if not _OF_CHANNEL.isdisjoint(arguments.letters) else arguments


@lru_cache(maxsize=256)
def _read_text(data: str) -> DialArguments:
    """What the text says by itself."""
    if not data:
        return DialArguments((), ParsedOptions(), fault="Dial requires an argument (technology/resource)")
    parts = split_arguments(data, 4)
    options = parse_options(argument(parts, 2), LETTERS)
    complaints = [("WARNING", problem) for problem in options.problems if not problem.endswith("takes no argument")]
    letters = frozenset(options.letters)
    destinations = [part.strip() for part in argument(parts, 0).split("&")]
    for destination in destinations:
        _, slash, resource = destination.partition("/")
        if not (slash and resource) and destination:
            fault = f"Dial argument takes format (technology/resource), not '{destination}'"
            return DialArguments((), options, letters, fault=fault, complaints=tuple(complaints))
    answer, _, response = argument(parts, 1).partition("^")
    timeout, response_timeout = _seconds(answer, complaints), _seconds(response, complaints)
    url = argument(parts, 3)
    if url:
        complaints.append(("NOTICE", "the URL is not sent: no channel technology here can show one"))
    return DialArguments(
        tuple(destination for destination in destinations if destination),
        options,
        letters,
        timeout=timeout,
        response_timeout=response_timeout,
        url=url,
        loser_cause=_loser_cause(options.get("Q"), complaints) if "Q" in letters else Cause.ANSWERED_ELSEWHERE,
        digits=SentDigits(*options.get("D").split(":")[: len(fields(SentDigits))]),
        is_entertained="m" in letters or "r" in letters,
        call_options=CallOptions(
            PartyRights("T" in letters, "H" in letters, bool({"X", "W"} & letters), is_caller=True, may_park="K" in letters),
            PartyRights("t" in letters, "h" in letters, bool({"x", "w"} & letters), may_park="k" in letters),
        ),
        complaints=tuple(complaints),
    )


def _seconds(text: str, complaints: list[tuple[str, str]]) -> float | None:
    """A timeout; None waits for ever."""
    if not text.strip():
        return None
    found = re.match(r"\s*([0-9]*\.?[0-9]+)", text)
    seconds = float(found[1]) if found else 0.0
    if seconds <= 0:
        complaints.append(("WARNING", f"'{text}' is no timeout in seconds; waiting for ever"))
        return None
    return seconds


#: Options whose meaning depends on the channel.
_OF_CHANNEL = frozenset("SLfo")


def _ask_channel(channel: Channel, arguments: DialArguments) -> DialArguments:
    """What some options say for one channel."""
    options = arguments.options
    if "S" in options or "L" in options:
        try:
            limit = read_limit(
                channel, options.get("L") if "L" in options else None, options.get("S") if "S" in options else None
            )
        except LimitFault as fault:
            raise InvalidArguments(f"Dial does not accept {fault}") from None
        arguments = replace(arguments, call_options=replace(arguments.call_options, limit=limit))
    if "f" in options:
        party = _forced_party(channel, options)
        arguments = replace(arguments, forced_party=party) if options.get("f") else replace(arguments, forced_on_forward=party)
    if "o" in options:
        text = options.get("o")
        arguments = replace(arguments, own_party=_party(text) if text else channel.caller.id.copy())
    return arguments


def _party(text: str) -> PartyId:
    name, number = parse_caller_id(text)
    return PartyId.of(name or None, number or None)


def _forced_party(channel: Channel, options: ParsedOptions) -> PartyId:
    text = options.get("f")
    if text:
        party = _party(text)
    else:
        hint = channel.system.hint_of(channel, channel.context, channel.extension)
        party = PartyId.of((hint[1] if hint else "") or None, channel.extension)
    if options.get("s"):
        party.tag = options.get("s")
    if options.get("u"):
        presentation = PRESENTATIONS.get(options.get("u").lower())
        if presentation is None:
            logger.warning(f"Dial: '{options.get('u')}' is no presentation")
        else:
            party.set_presentation(presentation)
    return party


def _loser_cause(text: str, complaints: list[tuple[str, str]]) -> int:
    if text.upper() == "NONE":
        return 0
    cause = parse_cause(text)
    if cause is None:
        complaints.append(("WARNING", f"'{text}' is no hangup cause"))
        return Cause.ANSWERED_ELSEWHERE
    return cause
