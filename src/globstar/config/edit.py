"""Changing a configuration file and keeping the rest of it: comments, includes, what stands where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from globstar.base.errors import RemoteFault
from globstar.config.comments import BLANKS, CommentStripper
from globstar.config.file import Category, ConfigFile

#: how the lines begin that say who wrote a file
_GENERATED = ";!"


class EditFault(RemoteFault):
    """A change cannot be made; nothing is changed then."""


@dataclass(slots=True)
class Entry:
    """A line of a section: a variable, or (``name`` empty) anything else, kept as it is."""

    text: str = ""
    name: str = ""
    value: str = ""
    is_object: bool = False
    #: what follows the value on its line
    comment: str = ""

    def __str__(self) -> str:
        if not self.name:
            return self.text
        separator = "" if self.name.endswith("+") else " "
        line = f"{self.name}{separator}{'=>' if self.is_object else '='} {self.value.replace(';', chr(92) + ';')}".rstrip(" ")
        return f"{line}\t{self.comment}" if self.comment else line


@dataclass(slots=True)
class Section:
    """A ``[name](options)`` and its lines; ``origin`` is the number of its header's line, 0 for a new one."""

    name: str
    options: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    origin: int = 0
    comment: str = ""

    @property
    def header(self) -> str:
        """Its first line."""
        options = f"({','.join(self.options)})" if self.options else ""
        return f"[{self.name}]{options}" + (f"\t{self.comment}" if self.comment else "")

    def variables(self) -> list[tuple[int, Entry]]:
        """Its own variables with their places among the lines."""
        return [(index, entry) for index, entry in enumerate(self.entries) if entry.name]

    def find(self, name: str, match: str = "") -> Entry | None:
        """The first variable of the name, with the value ``match`` if one is given."""
        folded = name.casefold()
        for _, entry in self.variables():
            if entry.name.casefold() == folded and (not match or entry.value == match):
                return entry
        return None


class ConfigText:
    """A file as lines in sections. ``preamble`` are the lines before the first header."""

    def __init__(self, text: str = "") -> None:
        self.preamble: list[str] = []
        self.sections: list[Section] = []
        self._read(text)

    def _read(self, text: str) -> None:
        comments = CommentStripper()
        lines = text.removeprefix("\ufeff").split("\n")
        if lines and not lines[-1]:
            lines.pop()
        for number, line in enumerate(lines, 1):
            was_inside = bool(comments.depth)
            content = comments.strip(line, number)
            is_plain = not was_inside and not comments.depth
            if content.startswith("[") and is_plain and "]" in content:
                self.sections.append(_section(content, number, _comment_of(line)))
            elif self.sections:
                self.sections[-1].entries.append(_entry(line, content, is_plain))
            elif not (line.startswith(_GENERATED) and is_plain):
                self.preamble.append(line)

    def named(self, name: str, accepts: Callable[[Section], bool] | None = None) -> Section:
        """The first section of a name (that fits). Raises EditFault."""
        folded = name.casefold()
        for section in self.sections:
            if section.name.casefold() == folded and (accepts is None or accepts(section)):
                return section
        raise EditFault("Given category does not exist")

    def text(self, header: Sequence[str], inherited: Callable[[Section], Iterable[Entry]] | None = None) -> str:
        """The whole file. ``header`` goes before it; ``inherited`` gives what a section repeats of what it inherits."""
        return "\n".join([*(f"{_GENERATED} {line}".rstrip() for line in header), *self._lines(inherited)]) + "\n"

    def _lines(self, inherited: Callable[[Section], Iterable[Entry]] | None) -> Iterator[str]:
        yield from self.preamble
        for section in self.sections:
            yield section.header
            own = {(entry.name, entry.value) for _, entry in section.variables()}
            for entry in inherited(section) if inherited is not None else ():
                if (entry.name, entry.value) not in own:
                    yield str(entry)
            yield from map(str, section.entries)

    # -- changes -------------------------------------------------------------------------------------------------------

    def add_section(self, name: str, bases: Sequence[str] = (), *, is_template: bool = False, may_repeat: bool = False) -> None:
        """A new section at the end. Raises EditFault where the name is taken or a base is unknown."""
        known = {section.name.casefold() for section in self.sections}
        if name.casefold() in known and not may_repeat:
            raise EditFault("Create category did not complete successfully")
        if any(base.casefold() not in known for base in bases):
            raise EditFault("Template category not found")
        self.sections.append(Section(_checked(name, "[]"), [*(["!"] if is_template else []), *bases]))

    def rename(self, section: Section, name: str) -> None:
        """Another name, which those who inherit from it follow."""
        old, section.name = section.name.casefold(), _checked(name, "[]")
        for other in self.sections:
            other.options = [section.name if option.casefold() == old else option for option in other.options]

    def remove(self, section: Section) -> None:
        """Take a section out, lines and all."""
        self.sections.remove(section)

    @staticmethod
    def empty(section: Section) -> None:
        """Take all variables out of a section."""
        section.entries = [entry for entry in section.entries if not entry.name]

    @staticmethod
    def update(section: Section, name: str, value: str, match: str = "", *, is_object: bool = False) -> None:
        """Give a variable another value. Raises EditFault when there is none (with the value ``match``)."""
        found = section.find(name, match)
        if found is None:
            raise EditFault("Update did not complete successfully")
        found.value, found.is_object = value, is_object or found.is_object

    @staticmethod
    def delete(section: Section, name: str, match: str = "", line: int | None = None) -> None:
        """Take out the variables of a name (with the value ``match``), or the one at a place; its line stays empty."""
        variables = section.variables()
        if line is not None:
            chosen = [variables[line][0]] if 0 <= line < len(variables) else []
        else:
            folded = name.casefold()
            chosen = [i for i, entry in variables if entry.name.casefold() == folded and (not match or entry.value == match)]
        if not chosen:
            raise EditFault("Delete did not complete successfully")
        for index in chosen:
            section.entries[index] = Entry(section.entries[index].comment)

    @staticmethod
    def insert(section: Section, name: str, value: str, line: int | None = None, *, is_object: bool = False) -> None:
        """A new variable at the end, or before the one at a place. Raises EditFault for a name that cannot be one."""
        made = Entry(name=_checked(name, "[#;="), value=value, is_object=is_object)
        variables = section.variables()
        if line is None or line >= len(variables):
            place = variables[-1][0] + 1 if variables else 0
        else:
            place = variables[line][0]
        section.entries.insert(place, made)


def inherited_entries(config: ConfigFile) -> Callable[[Section], list[Entry]]:
    """What each section of a text inherits, by the same file as it was read: for :meth:`ConfigText.text`."""
    by_line: dict[int, Category] = {category.line: category for category in config.sections if category.file == config.name}

    def inherited(section: Section) -> list[Entry]:
        category = by_line.get(section.origin)
        if category is None or not category.bases:
            return []
        own = category.line
        return [
            Entry(name=variable.name, value=variable.value, is_object=variable.is_object)
            for variable in category
            if variable.file != config.name or variable.line < own
        ]

    return inherited


def _section(content: str, number: int, comment: str) -> Section:
    name, _, rest = content[1:].partition("]")
    inside = rest[1:].partition(")")[0] if rest.startswith("(") else ""
    return Section(
        name, [option.strip(BLANKS) for option in inside.split(",") if option.strip(BLANKS)], origin=number, comment=comment
    )


def _entry(line: str, content: str, is_plain: bool) -> Entry:
    name, equals, value = content.partition("=")
    if not is_plain or not equals or content.startswith("#") or not name.strip(BLANKS):
        return Entry(line)
    is_object = value.startswith(">")
    return Entry(
        line,
        name.strip(BLANKS),
        value.removeprefix(">").strip(BLANKS) if is_object else value.strip(BLANKS),
        is_object,
        _comment_of(line),
    )


def _comment_of(line: str) -> str:
    """What follows the first semicolon that is not escaped."""
    position = line.find(";")
    while position > 0 and line[position - 1] == "\\":
        position = line.find(";", position + 1)
    return line[position:] if position > 0 else ""


def _checked(name: str, refused: str) -> str:
    """A name that stays what it is when it is read again."""
    if (
        not name.strip(BLANKS)
        or name.strip(BLANKS)[0] in refused
        or any(c in name for c in "\r\n\0];" if c in refused or c < " ")
    ):
        raise EditFault("Problem with category, value, or line (if required)")
    if "=" in refused and "=" in name:
        raise EditFault("Problem with category, value, or line (if required)")
    return name
