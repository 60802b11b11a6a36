"""What a check knows besides the dialplan: names of applications, functions and variables, and the other files."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources


@dataclass(frozen=True, slots=True)
class ApplicationFacts:
    """Which argument (from 1, 0: none) holds option letters, and the letters, with True for those that take an argument."""

    name: str
    option_index: int = 0
    letters: Mapping[str, bool] = field(default_factory=dict)


class Catalogue:
    """Names that there are. ``applications`` and ``functions`` are what this server has; more is known of Asterisk's own."""

    def __init__(self, applications: Iterable[str], functions: Iterable[str]) -> None:
        self.applications = {name.lower(): name for name in applications}
        self.functions = set(functions)
        self.facts: dict[str, ApplicationFacts] = {}
        self.foreign_functions: set[str] = set()
        self.variables: set[str] = set()
        folder = resources.files("globstar.dialplan.check")
        for line in folder.joinpath("applications.tsv").read_text(encoding="utf-8").splitlines():
            name, _, rest = line.partition("\t")
            index, _, letters = rest.partition("\t")
            table = {letter.removesuffix("()"): letter.endswith("()") for letter in letters.split()}
            self.facts[name.lower()] = ApplicationFacts(name, int(index or 0), table)
        for line in folder.joinpath("names.txt").read_text(encoding="utf-8").splitlines():
            kind, _, name = line.partition(" ")
            (self.foreign_functions if kind == "function" else self.variables).add(name)

    def application(self, name: str) -> tuple[bool, bool]:
        """Whether an application is here, and whether Asterisk has it at least."""
        key = name.lower()
        return key in self.applications, key in self.facts

    def function(self, name: str) -> tuple[bool, bool]:
        """The same for a function."""
        return name in self.functions, name in self.foreign_functions

    def facts_of(self, name: str) -> ApplicationFacts | None:
        """What is known of an application's arguments."""
        return self.facts.get(name.lower())

    def nearest_application(self, name: str) -> str:
        """``; did you mean X?``, or nothing."""
        return nearest(name.lower(), {**{key: facts.name for key, facts in self.facts.items()}, **self.applications})

    def nearest_function(self, name: str) -> str:
        """The same for a function."""
        return nearest(name, {known: known for known in self.functions | self.foreign_functions})


def nearest(name: str, names: Mapping[str, str]) -> str:
    """``; did you mean X?`` for the known name most like ``name``, or nothing."""
    close = difflib.get_close_matches(name, list(names), 1, 0.65)
    return f"; did you mean {names[close[0]]}?" if close else ""


@dataclass(slots=True)
class Surroundings:
    """What the other files of a configuration directory say about the dialplan.

    ``entries``: contexts where calls begin, None if that is not known. ``made``: contexts that other files make (parking lots).
    ``words``: every word of the other files, so that what they may refer to is not called unused. ``variables``: set by them.
    ``programs``: whether programs that cannot be read may set variables and send calls anywhere.
    """

    entries: Collection[str] | None = None
    made: Collection[str] = ()
    words: Collection[str] = ()
    variables: Collection[str] = ()
    programs: bool = False
