"""The arguments of Dial: destinations, timeouts and option letters, read once per call."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields

from globstar.base.errors import RemoteFault
from globstar.base.log import Logger
from globstar.core.cause import Cause, parse_cause
from globstar.core.channel import Channel
from globstar.core.party import PRESENTATIONS, PartyId, parse_caller_id
from globstar.core.twoparty import CallOptions, LimitFault, PartyRights, TimeLimit, read_limit
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


@dataclass(slots=True)
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


@dataclass(slots=True)
class DialArguments:
    """What one Dial was asked to do."""

    destinations: list[str]
    options: ParsedOptions
    timeout: float | None = None
    #: give up a destination of which nothing at all was heard for so long
    response_timeout: float | None = None
    url: str = ""
    limit: TimeLimit | None = None
    #: what the called party is told about the caller instead of the truth (option f with an argument)
    forced_party: PartyId | None = None
    #: the same for the destination of a forwarded call (option f without one)
    forced_on_forward: PartyId | None = None
    #: what the called channel keeps as its own caller id (option o)
    own_party: PartyId | None = None
    loser_cause: int = Cause.ANSWERED_ELSEWHERE
    digits: SentDigits = field(default_factory=SentDigits)

    def has(self, letter: str) -> bool:
        """Whether the option was given."""
        return letter in self.options.letters

    @property
    def is_entertained(self) -> bool:
        """The caller hears what Dial makes (music, a tone) until the answer, not what the called endpoint sends."""
        return "m" in self.options.letters or "r" in self.options.letters

    def call_options(self) -> CallOptions:
        """The rights of the parties in the bridge."""
        letters = self.options.letters
        return CallOptions(
            PartyRights("T" in letters, "H" in letters, bool({"X", "W"} & letters), is_caller=True, may_park="K" in letters),
            PartyRights("t" in letters, "h" in letters, bool({"x", "w"} & letters), may_park="k" in letters),
            self.limit,
        )


def read_arguments(channel: Channel, data: str) -> DialArguments:
    """Read the arguments; raises :class:`InvalidArguments` where Asterisk gives INVALIDARGS."""
    if not data:
        raise InvalidArguments("Dial requires an argument (technology/resource)")
    parts = split_arguments(data, 4)
    options = parse_options(argument(parts, 2), LETTERS)
    for problem in options.problems:
        if not problem.endswith("takes no argument"):
            logger.warning(f"Dial: {problem}")
    arguments = DialArguments(_destinations(argument(parts, 0)), options, url=argument(parts, 3))
    if argument(parts, 1):
        arguments.timeout, arguments.response_timeout = _timeouts(parts[1])
    if arguments.url:
        logger.notice("Dial: the URL is not sent: no channel technology here can show one")
    if options.letters:
        _read_options(channel, arguments)
    return arguments


def _destinations(text: str) -> list[str]:
    destinations = [part.strip() for part in text.split("&")] if text else []
    for destination in destinations:
        _, slash, resource = destination.partition("/")
        if not (slash and resource) and destination:
            raise InvalidArguments(f"Dial argument takes format (technology/resource), not '{destination}'")
    return [destination for destination in destinations if destination]


def _timeouts(text: str) -> tuple[float | None, float | None]:
    """``answer[^response]`` in seconds; None waits for ever."""
    answer, _, response = text.partition("^")
    return _seconds(answer), _seconds(response)


def _seconds(text: str) -> float | None:
    if not text.strip():
        return None
    found = re.match(r"\s*([0-9]*\.?[0-9]+)", text)
    seconds = float(found[1]) if found else 0.0
    if seconds <= 0:
        logger.warning(f"Dial: '{text}' is no timeout in seconds; waiting for ever")
        return None
    return seconds


def _read_options(channel: Channel, arguments: DialArguments) -> None:
    options = arguments.options
    if "S" in options or "L" in options:
        try:
            arguments.limit = read_limit(
                channel, options.get("L") if "L" in options else None, options.get("S") if "S" in options else None
            )
        except LimitFault as fault:
            raise InvalidArguments(f"Dial does not accept {fault}") from None
    if "f" in options:
        _read_forced(channel, arguments)
    if "o" in options:
        text = options.get("o")
        arguments.own_party = _party(text) if text else channel.caller.id.copy()
    if "D" in options:
        arguments.digits = SentDigits(*options.get("D").split(":")[: len(fields(SentDigits))])
    if "Q" in options:
        arguments.loser_cause = _loser_cause(options.get("Q"))


def _party(text: str) -> PartyId:
    name, number = parse_caller_id(text)
    return PartyId.of(name or None, number or None)


def _read_forced(channel: Channel, arguments: DialArguments) -> None:
    options = arguments.options
    text = options.get("f")
    if text:
        party = arguments.forced_party = _party(text)
    else:
        hint = channel.system.hint_of(channel, channel.context, channel.extension)
        party = arguments.forced_on_forward = PartyId.of((hint[1] if hint else "") or None, channel.extension)
    if options.get("s"):
        party.tag = options.get("s")
    if options.get("u"):
        presentation = PRESENTATIONS.get(options.get("u").lower())
        if presentation is None:
            logger.warning(f"Dial: '{options.get('u')}' is no presentation")
        else:
            party.name.presentation = party.number.presentation = presentation


def _loser_cause(text: str) -> int:
    if text.upper() == "NONE":
        return 0
    cause = parse_cause(text)
    if cause is None:
        logger.warning(f"Dial: '{text}' is no hangup cause")
        return Cause.ANSWERED_ELSEWHERE
    return cause
