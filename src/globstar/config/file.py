"""A configuration file as it was read: ordered categories of ordered variables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from globstar.config.errors import ConfigWarning


@dataclass(frozen=True, slots=True)
class Variable:
    """One `name = value` (or `name => value`, then `is_object`) and where it stands."""

    name: str
    value: str
    is_object: bool = False
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        return _escaped(f"{self.name} {'=>' if self.is_object else '='} {self.value}".rstrip(" "))


@dataclass(slots=True)
class Category:
    """One `[name]` section with what it inherited, in the order in which Asterisk sees it."""

    name: str
    is_template: bool = False
    file: str = ""
    line: int = 0
    variables: list[Variable] = field(default_factory=list)
    bases: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Variable]:
        return iter(self.variables)

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the last value of `name`: what follows a template overrides it."""
        variable = self.find(name)
        return default if variable is None else variable.value

    def get_all(self, name: str) -> list[str]:
        """Return every value of `name` in order."""
        folded = name.casefold()
        return [variable.value for variable in self.variables if variable.name.casefold() == folded]

    def find(self, name: str) -> Variable | None:
        """Return the last variable called `name`; names compare without case."""
        folded = name.casefold()
        for variable in reversed(self.variables):
            if variable.name.casefold() == folded:
                return variable
        return None

    def __str__(self) -> str:
        header = f"[{self.name}](!)" if self.is_template else f"[{self.name}]"
        return "\n".join([_escaped(header), *map(str, self.variables)]) + "\n"


@dataclass(slots=True)
class ConfigFile:
    """A whole file with everything that it included.

    Categories of one name stay separate entries (pjsip.conf has an endpoint, an aor and an auth called
    `bob`). Templates are kept in `sections`; `categories` and the look-ups see only real categories.
    """

    name: str
    sections: list[Category] = field(default_factory=list)
    warnings: list[ConfigWarning] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    @property
    def categories(self) -> list[Category]:
        """The categories that are not templates, in file order."""
        return [category for category in self.sections if not category.is_template]

    def __iter__(self) -> Iterator[Category]:
        return iter(self.categories)

    def category(self, name: str) -> Category | None:
        """Return the first category called `name` (without case), or None."""
        return next(iter(self.categories_named(name)), None)

    def categories_named(self, name: str) -> list[Category]:
        """Return all categories called `name` (without case) in file order."""
        folded = name.casefold()
        return [category for category in self.categories if category.name.casefold() == folded]

    def get(self, category: str, name: str, default: str | None = None) -> str | None:
        """Return the last value of `name` in any category called `category`."""
        for found in reversed(self.categories_named(category)):
            variable = found.find(name)
            if variable is not None:
                return variable.value
        return default

    def get_all(self, category: str, name: str) -> list[str]:
        """Return every value of `name` in all categories called `category`."""
        return [value for found in self.categories_named(category) for value in found.get_all(name)]

    def __str__(self) -> str:
        """The file written out flat: inheritance and includes resolved, comments gone."""
        return "\n".join(map(str, self.sections))


def _escaped(text: str) -> str:
    return text.replace(";", "\\;")
