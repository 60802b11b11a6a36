"""CLI commands as modules offer them: words, a handler, help and completion."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from globstar.base.errors import GlobstarError, RemoteFault
from globstar.base.log import Level, Logger
from globstar.core.cli_data import as_json
from globstar.core.registry import Spec, attach

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("cli")
F = TypeVar("F", bound=Callable[..., Any])


class CliUsage(GlobstarError):
    """The words after a command make no sense: its usage is shown."""


class CliFailure(GlobstarError):
    """A command could not do what it was asked; the message is shown, then that it failed."""


@dataclass(slots=True)
class CliSession:
    """Who gives commands: a remote console, with the user that it runs as."""

    uid: int
    gid: int
    verbosity: int = 0
    #: of the log lines that it shows
    levels: Level = Level.NOTICE | Level.WARNING | Level.ERROR | Level.VERBOSE
    muted: bool = False
    #: tell the console's server of another verbosity, and of other levels
    set_verbosity: Callable[[int], None] = lambda level: None
    set_levels: Callable[[Level], None] = lambda levels: None
    #: the task that runs its commands, one at a time
    task: asyncio.Task[Any] | None = None


_session: ContextVar[CliSession | None] = ContextVar("cli_session", default=None)


def enter_session(console: CliSession) -> None:
    """The running task gives the commands of ``console`` from now on."""
    console.task = asyncio.current_task()
    _session.set(console)


def current_session() -> CliSession | None:
    """The console whose command runs; None for the server itself, AMI and others that have rights of their own.

    What a command has started (a listener, a task) inherits the variable, but is no console: only its task counts.
    """
    console = _session.get()
    return console if console is not None and console.task is asyncio.current_task() else None


@dataclass(slots=True, kw_only=True)
class CliCommandSpec(Spec):
    """A command: ``name`` is its words (``core show channels``).

    ``handler(system, args)`` gets the words that follow and returns the text to print; it may be a coroutine function.
    ``complete(system, args)`` gives the candidates for the last of ``args``.
    """

    handler: Callable[[Any, list[str]], Any]
    usage: str = ""
    synopsis: str = ""
    complete: Callable[[Any, list[str]], Iterable[str]] | None = None
    #: it takes any number of words, though its usage shows an end
    is_open: bool = False

    @property
    def kind(self) -> str:
        """Their registry's name."""
        return "cli command"

    @property
    def words(self) -> list[str]:
        """The command's words."""
        return self.name.split()

    @property
    def most_args(self) -> int | None:
        """How many arguments the usage shows; None where it shows no end of them."""
        form = re.sub(r"<[^<>]*>", "<>", self.usage.partition("\n")[0].removeprefix("Usage: "))
        return None if self.is_open or "..." in form else len(form.split()) - len(self.words)


def cli_command(
    name: str, *, usage: str = "", complete: Callable[[Any, list[str]], Iterable[str]] | None = None, is_open: bool = False
) -> Callable[[F], F]:
    """Make ``handler(system, args: list[str]) -> str`` the CLI command ``name``; its docstring is the help."""

    def decorate(handler: F) -> F:
        text = inspect.getdoc(handler) or ""
        synopsis, _, description = text.partition("\n\n")
        synopsis = " ".join(synopsis.split())
        full = f"Usage: {usage or name}\n" + "".join(f"       {line}\n" for line in (description or synopsis).splitlines())
        return attach(
            handler, CliCommandSpec(name=name, handler=handler, usage=full, synopsis=synopsis, complete=complete, is_open=is_open)
        )

    return decorate


def by_place(*offers: Iterable[str] | Callable[[Any], Iterable[str]]) -> Callable[[Any, list[str]], Iterable[str]]:
    """Completion by place: the words that the first, the second ... argument may be, or what gives them for a system."""

    def complete(system: Any, args: list[str]) -> Iterable[str]:
        place = max(len(args), 1) - 1
        offer = offers[place] if place < len(offers) else ()
        return offer(system) if callable(offer) else offer

    return complete


#: For ``... [like <pattern>]``.
LIKE = by_place(("like",))


def split_words(line: str) -> list[str]:
    """The words of a command line; double quotes and backslashes keep spaces together."""
    words: list[str] = []
    word: list[str] | None = None
    quoted = escaped = False
    for character in line:
        if escaped:
            word = (word or []) + [character]
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
            word = word if word is not None else []
        elif character.isspace() and not quoted:
            if word is not None:
                words.append("".join(word))
                word = None
        else:
            word = (word or []) + [character]
    if word is not None:
        words.append("".join(word))
    return words


def find_command(system: System, words: list[str]) -> CliCommandSpec | None:
    """The command with the longest name that ``words`` begin with; case is ignored."""
    registry = system.registry("cli command")
    lowered = [word.lower() for word in words]
    for length in range(len(words), 0, -1):
        spec = registry.get(" ".join(lowered[:length]))
        if spec is not None:
            return spec  # type: ignore[no-any-return]
    return None


async def run_command(system: System, line: str) -> str:
    """Run one command line and return what it prints, ending in a newline unless empty.

    Errors of the user become text; a bug in a handler is logged and told. The word ``--json`` at the end asks for JSON, which an
    object with the one member ``error`` is where the command could not do what it was asked.
    """
    if "\0" in line:
        return "A command has no NUL in it\n"
    words = split_words(line)
    wants_json = len(words) > 1 and words[-1] == "--json"
    if wants_json:
        words.pop()
        line = line.rstrip().removesuffix("--json")
    if not words:
        return ""
    text, is_done = await _run(system, line.strip(), words, wants_json=wants_json)
    if wants_json and not is_done:
        text = as_json({"error": text.strip()})
    return text if not text or text.endswith("\n") else text + "\n"


async def _run(system: System, line: str, words: list[str], *, wants_json: bool) -> tuple[str, bool]:
    """What to print, and whether the command did what it was asked."""
    spec = find_command(system, words)
    if spec is None:
        topic = _help_topic(system, words)
        return f"No such command '{line}' (type 'core show help {topic}' for other possible commands)", False
    if not is_permitted(system, words):
        return f"You don't have permissions to run '{' '.join(words)}' command", False
    args = words[len(spec.words) :]
    if args and spec.most_args == 0:  # one that takes none
        return spec.usage, False
    try:
        result = spec.handler(system, args)
        if inspect.isawaitable(result):
            result = await result
    except CliUsage:
        return spec.usage, False
    except CliFailure as failure:
        message = f"{failure}\n" if str(failure) else ""
        return f"{message}Command '{line}' failed.", False
    except RemoteFault as fault:  # a file or an argument is wrong, nothing in here
        logger.error(f"command '{line}' failed: {fault}")
        return f"{fault}\nCommand '{line}' failed.", False
    except Exception as error:
        logger.error(f"command '{line}' failed", exception=error)
        return f"Command '{line}' failed: {error}", False
    if wants_json:
        return as_json(result), True
    if isinstance(result, (dict, list)):
        return json.dumps(result, indent=2), True
    return str(result or ""), True


def _help_topic(system: System, words: list[str]) -> str:
    """What to ask help for, as Asterisk was seen to say it: the words up to the first with which no command begins.

    The last word of a command may be another one: where there is ``pjsip send register``, ``pjsip send notify`` counts, too.
    """
    known = [spec.words for spec in system.registry("cli command")]
    lowered = [word.lower() for word in words]
    for count in range(1, len(words)):
        head = lowered[:count]
        if not any(names[:count] == head or (len(names) == count and names[:-1] == head[:-1]) for names in known):
            return " ".join(words[:count])
    return " ".join(words)


def is_permitted(system: System, words: list[str]) -> bool:
    """Whether cli_permissions.conf lets the console of this :data:`session` run a command."""
    who = current_session()
    permissions = system.services.get("cli permissions")
    return who is None or permissions is None or bool(permissions.allows(who.uid, who.gid, words))


def complete_line(system: System, line: str) -> list[str]:
    """The candidates for the last word of ``line``: next words of command names, and what commands themselves offer."""
    words = split_words(line)
    if not line or line[-1].isspace():
        words.append("")
    head, last = [word.lower() for word in words[:-1]], words[-1]
    candidates: set[str] = set()
    restricted = current_session() is not None and "cli permissions" in system.services
    for spec in system.registry("cli command"):
        names = spec.words
        if restricted and not is_permitted(system, names):
            continue
        if len(names) > len(head) and names[: len(head)] == head and names[len(head)].startswith(last.lower()):
            candidates.add(names[len(head)])
        if spec.complete is not None and head[: len(names)] == names:
            candidates.update(word for word in _offered(system, spec, words) if word.lower().startswith(last.lower()))
    return sorted(candidates)


def _offered(system: System, spec: CliCommandSpec, words: list[str]) -> list[str]:
    """What a command itself offers where it takes another word; one that cannot, offers nothing, and the console goes on."""
    assert spec.complete is not None
    args = words[len(spec.words) :]
    if spec.most_args is not None and len(args) > spec.most_args:
        return []
    try:
        return list(spec.complete(system, args))
    except (CliFailure, CliUsage):
        return []
    except Exception as error:
        logger.error(f"completion of '{spec.name}' failed", exception=error)
        return []


def plural(count: int, noun: str) -> str:
    """``1 channel``, ``2 channels``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def duration_text(seconds: float) -> str:
    """``HH:MM:SS``."""
    whole = max(0, int(seconds))
    return f"{whole // 3600:02}:{whole % 3600 // 60:02}:{whole % 60:02}"
