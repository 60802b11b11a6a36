"""Commands of the Asterisk Gateway Interface, as modules offer them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from globstar.base.errors import GlobstarError
from globstar.core.registry import Spec, attach

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.system import System

F = TypeVar("F", bound=Callable[..., Any])


class AgiUsage(GlobstarError):
    """The arguments of a command make no sense: its usage is the answer."""


class AgiFailed(GlobstarError):
    """A command failed; the text is the answer. AGISTATUS becomes FAILURE, and the script goes on."""


class AgiDialogue(Protocol):
    """A script that commands a channel, as its commands see it."""

    channel: Channel

    @property
    def system(self) -> System:
        """The switch."""

    def send(self, line: str) -> None:
        """Give the script a line before the answer."""

    def end_call(self) -> None:
        """The channel is to be hung up when the script has ended; it counts as hung up from now on."""


@dataclass(slots=True, kw_only=True)
class AgiCommandSpec(Spec):
    """A command: ``name`` is its words in capitals.

    ``run(agi, words)`` gets the words that follow and returns the answer (``200 result=...``); it may be a coroutine function.
    Between ``least`` and ``most`` (None: any number) words must follow. ``runs_dead``: also on a channel that is hung up.
    """

    run: Callable[[Any, list[str]], Any]
    least: int = 0
    most: int | None = 0
    runs_dead: bool = True
    synopsis: str = ""
    description: str = ""
    syntax: str = ""

    @property
    def kind(self) -> str:
        """Their registry's name."""
        return "agi command"

    @property
    def words(self) -> list[str]:
        """The command's words."""
        return self.name.split()

    @property
    def usage(self) -> str:
        """What a script is told that uses the command wrongly."""
        text = self.description or self.synopsis
        return "\n".join([f"Usage: {self.syntax}", *(f"\t{line}" for line in text.splitlines())])


def agi_command(name: str, *, syntax: str = "", least: int = 0, most: int | None = 0, runs_dead: bool = True) -> Callable[[F], F]:
    """Make ``run(agi, words)`` the command ``name``; ``syntax`` is what follows the name, the docstring is its help."""

    def decorate(run: F) -> F:
        head, _, rest = (inspect.getdoc(run) or "").partition("\n\n")
        return attach(
            run,
            AgiCommandSpec(
                name=name, run=run, least=least, most=most, runs_dead=runs_dead, synopsis=" ".join(head.split()),
                description=rest.strip(), syntax=f"{name} {syntax}".rstrip(),
            ),
        )  # fmt: skip

    return decorate


def find_agi_command(system: System, words: list[str]) -> AgiCommandSpec | None:
    """The command with the longest name that ``words`` begin with; case is ignored."""
    registry = system.registry("agi command")
    for length in range(min(len(words), 3), 0, -1):
        found: AgiCommandSpec | None = registry.get(" ".join(words[:length]).upper())
        if found is not None:
            return found
    return None
