"""The Asterisk Gateway Interface's text: commands as words, the places where scripts are."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from globstar.base.errors import RemoteFault

#: The TCP port of a FastAGI server that names none.
FASTAGI_PORT = 4573
#: The longest line that a script may send, bytes.
MAX_LINE = 65536
#: The most words of one command.
MAX_WORDS = 128

UNKNOWN_COMMAND = "510 Invalid or unknown command"
DEAD_CHANNEL = "511 Command Not Permitted on a dead channel or intercept routine"


class AgiFault(RemoteFault):
    """What a script or a dialplan says cannot be understood."""


def split_words(line: str) -> list[str]:
    """The words of a command.

    Blanks separate, unless in "..." or behind a backslash; quotes and backslashes are taken out, and ``""`` is an empty word.
    A quote that is not closed reaches to the end. Raises :class:`AgiFault` for more than :data:`MAX_WORDS`.
    """
    words: list[str] = []
    word: list[str] | None = None
    quoted = escaped = False
    for character in line:
        if escaped:
            word = [] if word is None else word
            word.append(character)
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
            word = [] if word is None else word
        elif character in " \t" and not quoted:
            if word is not None:
                words.append("".join(word))
                word = None
        else:
            word = [] if word is None else word
            word.append(character)
    if word is not None:
        words.append("".join(word))
    if len(words) > MAX_WORDS:
        raise AgiFault(f"{len(words)} words are too many")
    return words


def usage_block(usage: str) -> list[str]:
    """The lines that answer a command with wrong arguments."""
    return [
        "520-Invalid command syntax.  Proper usage follows:",
        *usage.rstrip("\n").split("\n"),
        "520 End of proper usage.",
    ]


@dataclass(frozen=True, slots=True)
class FastAgiPlace:
    """A FastAGI server: host, port and the script that it is asked for. ``is_service``: the host is looked up as a service."""

    host: str
    port: int
    script: str
    is_service: bool = False


def parse_place(text: str) -> FastAgiPlace:
    """``agi://host[:port][/script]``, or ``hagi://`` for a service; raises :class:`AgiFault`."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise AgiFault(f"'{text}' names no FastAGI server: {error}") from error
    scheme = parts.scheme.lower()
    if scheme not in ("agi", "hagi") or not parts.hostname:
        raise AgiFault(f"'{text}' names no FastAGI server")
    script = parts.path.removeprefix("/") + (f"?{parts.query}" if parts.query else "")
    return FastAgiPlace(parts.hostname, port or FASTAGI_PORT, script, scheme == "hagi" and port is None)


def is_place(text: str) -> bool:
    """Whether a script is one of a FastAGI server."""
    return text[:7].lower().startswith(("agi://", "hagi://"))
