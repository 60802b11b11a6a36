"""Who is in the directory: mailboxes of voicemail.conf with a name, and how digits find them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from globstar.config import ConfigFile
from globstar.config.values import is_true

#: The letters of each key of a telephone (ITU-T E.161).
_KEYS = {
    letter: key
    for key, letters in {
        "2": "abc", "3": "def", "4": "ghi", "5": "jkl", "6": "mno", "7": "pqrs", "8": "tuv", "9": "wxyz",
    }.items()
    for letter in letters
}  # fmt: skip
#: Sections of voicemail.conf that hold no mailboxes.
_OTHER_SECTIONS = ("general", "zonemessages")


@dataclass(frozen=True, slots=True)
class Entry:
    """One person."""

    context: str
    extension: str
    name: str
    aliases: tuple[str, ...] = ()

    @property
    def mailbox(self) -> str:
        """``100@context``."""
        return f"{self.extension}@{self.context}"


@dataclass(frozen=True, slots=True)
class Book:
    """What voicemail.conf says of the directory. ``introduction`` is heard instead of what tells how to search."""

    entries: tuple[Entry, ...]
    introduction: str = ""
    searches_all_contexts: bool = False


def read_book(config: ConfigFile) -> Book:
    """Read the mailboxes that have a name and are not hidden (``hidefromdir``)."""
    entries = []
    is_hidden_by_default = is_true(config.get("general", "hidefromdir"))
    for category in config.categories:
        if category.name.lower() in _OTHER_SECTIONS:
            continue
        for variable in category:
            parts = [part.strip() for part in variable.value.split(",", 4)] + [""] * 4
            is_hidden, aliases = is_hidden_by_default, []
            for text in parts[4].split("|"):
                name, _, value = (piece.strip() for piece in text.partition("="))
                if name.lower() == "hidefromdir":
                    is_hidden = is_true(value)
                elif name.lower() == "alias" and value:
                    aliases.append(value)
            if parts[1] and not is_hidden:
                entries.append(Entry(category.name, variable.name, parts[1], tuple(aliases)))
    general = config.category("general")
    introduction = config.get("general", "directoryintro") if general is not None else None
    return Book(tuple(entries), introduction or "", is_true(config.get("general", "searchcontexts")))


def keys_of(text: str) -> str:
    """The keys with which ``text`` is dialled; accents do not count, nor do characters that no key has."""
    plain = unicodedata.normalize("NFKD", text).lower()
    return "".join(character if character in "0123456789" else _KEYS.get(character, "") for character in plain)


def search(
    book: Book, digits: str, *, context: str = "", by_first: bool = False, by_last: bool = True, by_alias: bool = False
) -> list[Entry]:
    """The entries of a context (of all without one) that ``digits`` begin, sorted by what was searched.

    ``by_first`` compares the whole name, ``by_last`` what follows each of its words but the last; who has one name only is found
    by it either way. ``by_alias`` compares the aliases, too.
    """
    if not digits:
        return []
    found: list[tuple[str, Entry]] = []
    for entry in book.entries:
        if context and entry.context.lower() != context.lower():
            continue
        names = _names(entry.name, by_first=by_first, by_last=by_last)
        if by_alias:
            names += entry.aliases
        key = next((name for name in names if keys_of(name).startswith(digits)), None)
        if key is not None:
            found.append((key.lower(), entry))
    found.sort(key=lambda pair: (pair[0], pair[1].extension))
    return [entry for _, entry in found]


def _names(name: str, *, by_first: bool, by_last: bool) -> list[str]:
    words = name.split()
    names = [name] if by_first or len(words) == 1 else []
    return names + [" ".join(words[index:]) for index in range(1, len(words))] if by_last else names
