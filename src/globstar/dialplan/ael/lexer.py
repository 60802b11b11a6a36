"""Reading AEL character by character: blanks, comments, words, and raw texts up to a delimiter."""

from __future__ import annotations

from globstar.base.errors import RemoteFault

_PAIRS = {"(": ")", "[": "]", "{": "}"}
_WORD_ENDS = frozenset(" \t\r\n;{}()=,|&")


class AelFault(RemoteFault):
    """A file of AEL cannot be understood; the message names file and line."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}")
        self.file = file
        self.line = line


class Reader:
    """A cursor over the text of one file."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.position = 0
        self._counted = 0
        self._line = 1

    @property
    def line(self) -> int:
        """The line of the cursor, from 1."""
        if self.position < self._counted:
            self._counted, self._line = 0, 1
        self._line += self.text.count("\n", self._counted, self.position)
        self._counted = self.position
        return self._line

    def fault(self, message: str) -> AelFault:
        """An error here."""
        return AelFault(self.file, self.line, message)

    def skip(self) -> None:
        """Pass over blanks and comments."""
        text = self.text
        while self.position < len(text):
            if text[self.position].isspace():
                self.position += 1
            elif text.startswith("//", self.position):
                end = text.find("\n", self.position)
                self.position = len(text) if end < 0 else end
            elif text.startswith("/*", self.position):
                end = text.find("*/", self.position + 2)
                if end < 0:
                    raise self.fault("a comment begins with /* and never ends")
                self.position = end + 2
            else:
                return

    @property
    def is_at_end(self) -> bool:
        """Whether nothing but blanks and comments is left."""
        self.skip()
        return self.position >= len(self.text)

    def peek(self) -> str:
        """The next character that counts, "" at the end."""
        self.skip()
        return self.text[self.position : self.position + 1]

    def accept(self, token: str) -> bool:
        """Pass over ``token`` if it comes next."""
        self.skip()
        if not self.text.startswith(token, self.position):
            return False
        self.position += len(token)
        return True

    def expect(self, token: str, after: str) -> None:
        """Pass over ``token``, which must come next."""
        if not self.accept(token):
            found = self.text[self.position : self.position + 12].split("\n")[0]
            raise self.fault(
                f"expected '{token}' after {after}, found '{found}'" if found else f"expected '{token}' after {after}"
            )

    def look_word(self) -> str:
        """The next word, which stays."""
        self.skip()
        start = end = self.position
        while end < len(self.text) and self.text[end] not in _WORD_ENDS and self.text[end] != ":":
            end += 1
        return self.text[start:end]

    def word(self) -> str:
        """The next word."""
        found = self.look_word()
        self.position += len(found)
        return found

    def raw(self, ends: str, what: str) -> tuple[str, str]:
        """The text up to one of ``ends`` outside of brackets and quotes, and which one it was; that is passed over.

        A backslash keeps the next character from being an end; before a semicolon it goes.
        """
        text, start = self.text, self.position
        pieces: list[str] = []
        closers: list[str] = []
        is_quoted = False
        first_line = self.line
        while self.position < len(text):
            character = text[self.position]
            if character == "\\" and self.position + 1 < len(text):
                if text[self.position + 1] == ";":
                    pieces.append(text[start : self.position])
                    start = self.position + 1
                self.position += 2
                continue
            if character == '"':
                is_quoted = not is_quoted
            elif not closers and not is_quoted and character in ends:
                pieces.append(text[start : self.position])
                self.position += 1
                return _joined("".join(pieces)), character
            elif not is_quoted and character in _PAIRS:
                closers.append(_PAIRS[character])
            elif closers and character == closers[-1] and not is_quoted:
                closers.pop()
            self.position += 1
        raise AelFault(self.file, first_line, f"{what} has no end: expected '{ends[0]}'")


def _joined(text: str) -> str:
    """A text over several lines as one line."""
    return " ".join(part for line in text.splitlines() if (part := line.strip())) if "\n" in text else text.strip()
