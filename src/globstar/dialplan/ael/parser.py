"""From the text of extensions.ael to a tree. The first thing that cannot be understood ends it, with file and line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from globstar.dialplan.ael.lexer import AelFault, Reader
from globstar.dialplan.ael.tree import AelFile, Case, ContextPart, Extension, Place, Statement

#: Files may include one another this deep.
_MAX_DEPTH = 20
#: And statements this deep.
_MAX_NESTING = 100
_CONDITIONAL = {"if": "if", "random": "random", "ifTime": "ifTime", "iftime": "ifTime"}


class Source(Protocol):
    """Where included files come from."""

    def read(self, name: str) -> str:
        """The text of a file; raises OSError."""

    def glob(self, pattern: str) -> Iterable[str]:
        """Names of files."""


def parse_ael(name: str, source: Source, trace: Callable[[str, str], None] | None = None) -> AelFile:
    """Read a file and those that it includes. ``trace(kind, text)`` hears of files (read) and statements (tokens).

    Raises AelFault, and OSError when the file itself cannot be read.
    """
    found = AelFile()
    _File(name, source, found, trace or (lambda kind, text: None), 0).read()
    return found


class _File:
    def __init__(self, name: str, source: Source, found: AelFile, trace: Callable[[str, str], None], depth: int) -> None:
        self.source = source
        self.found = found
        self.trace = trace
        self.depth = depth
        self.nesting = 0
        text = source.read(name)
        self.reader = Reader(text, name)
        trace("read", f"{name}: {len(text)} characters")

    def here(self) -> Place:
        self.reader.skip()
        return Place(self.reader.file, self.reader.line)

    def read(self) -> None:
        reader = self.reader
        while not reader.is_at_end:
            if reader.accept("#include"):
                self._include()
                continue
            if reader.accept(";"):
                continue
            place = self.here()
            word = reader.word()
            is_extended = False
            while word in ("abstract", "extend"):
                is_extended = is_extended or word == "extend"
                word = reader.word()
            if word == "globals":
                self._globals()
            elif word in ("context", "macro"):
                self.found.contexts.append(self._context(place, is_macro=word == "macro", is_extended=is_extended))
            else:
                raise AelFault(place.file, place.line, f"expected context, macro or globals, found '{word or reader.peek()}'")

    def _include(self) -> None:
        reader = self.reader
        line = reader.line
        end = reader.text.find("\n", reader.position)
        end = len(reader.text) if end < 0 else end
        name = reader.text[reader.position : end].strip().rstrip(";").strip().strip('"<>')
        reader.position = end
        if self.depth >= _MAX_DEPTH:
            raise AelFault(reader.file, line, f"files include one another more than {_MAX_DEPTH} deep")
        files = list(self.source.glob(name))
        if not files:
            raise AelFault(reader.file, line, f"there is no file '{name}' to include")
        for file in files:
            _File(file, self.source, self.found, self.trace, self.depth + 1).read()

    def _globals(self) -> None:
        reader = self.reader
        reader.expect("{", "globals")
        while not reader.accept("}"):
            place = self.here()
            if reader.accept(";"):
                continue
            name, _ = reader.raw("=", "a global variable")
            value, _ = reader.raw(";", f"global variable {name}")
            self.found.globals.append((name, value, place))

    # -- contexts and macros ---------------------------------------------------------------------------------------------

    def _context(self, place: Place, *, is_macro: bool, is_extended: bool) -> ContextPart:
        reader = self.reader
        name = reader.word()
        what = "macro" if is_macro else "context"
        if not name:
            raise reader.fault(f"the {what} has no name")
        part = ContextPart(name, place, is_macro, is_extended)
        self.trace("tokens", f"{place.file}:{place.line}: {what} {name}")
        if is_macro:
            reader.expect("(", f"macro {name}")
            text, _ = reader.raw(")", f"macro {name}")
            part.arguments = [argument.strip() for argument in text.replace("|", ",").split(",") if argument.strip()]
            reader.expect("{", f"macro {name}(...)")
            body = Extension("~~s~~", place)
            part.extensions.append(body)
            while not reader.accept("}"):
                if not self._macro_element(part):
                    body.body.append(self.statement())
            return part
        reader.expect("{", f"context {name}")
        while not reader.accept("}"):
            if reader.is_at_end:
                raise AelFault(place.file, place.line, f"context {name} has no end: expected '}}'")
            self._element(part)
        return part

    def _macro_element(self, part: ContextPart) -> bool:
        reader = self.reader
        if reader.is_at_end:
            raise AelFault(part.place.file, part.place.line, f"macro {part.name} has no end: expected '}}'")
        word = reader.look_word()
        if word == "catch":
            reader.word()
            place = self.here()
            name, _ = reader.raw("{", "catch")
            reader.position -= 1
            part.extensions.append(Extension(name, place, body=[self.statement()]))
            return True
        return self._list(part)

    def _list(self, part: ContextPart) -> bool:
        """``includes``, ``switches``, ``eswitches``, ``ignorepat``; False if it is none of these."""
        reader = self.reader
        word = reader.look_word()
        if word == "ignorepat":
            place = self.here()
            reader.word()
            reader.expect("=>", "ignorepat")
            pattern, _ = reader.raw(";", "ignorepat")
            part.ignored.append((pattern, place))
            return True
        if word not in ("includes", "switches", "eswitches"):
            return False
        reader.word()
        reader.expect("{", word)
        while not reader.accept("}"):
            place = self.here()
            text, _ = reader.raw(";", word)
            if not text:
                continue
            if word == "includes":
                part.includes.append((text.replace("|", ","), place))
            else:
                part.switches.append((text, word == "eswitches", place))
        return True

    def _element(self, part: ContextPart) -> None:
        reader = self.reader
        if reader.accept(";") or self._list(part):
            return
        place = self.here()
        word = reader.look_word()
        if word == "regexten":
            reader.word()
            self.found.warnings.append((place, "regexten has no effect: no extension is made when a phone registers"))
        hint = ""
        if reader.look_word() == "hint":
            reader.word()
            reader.expect("(", "hint")
            hint, _ = reader.raw(")", "hint")
        if word == "local" or (word and self._is_assignment()):
            self._assign_in_context(part, place)
            return
        name, end = reader.raw("=;{", f"an extension of context {part.name}")
        if end != "=" or not reader.text.startswith(">", reader.position):
            raise AelFault(place.file, place.line, f"expected 'extension => ...' in context {part.name}, found '{name}'")
        reader.position += 1
        self.trace("tokens", f"{place.file}:{place.line}: extension {name}")
        extension = Extension("".join(name.split()), place, hint)
        if not reader.accept(";"):
            extension.body.append(self.statement())
        part.extensions.append(extension)

    def _is_assignment(self) -> bool:
        """Whether ``name = value;`` comes, and no extension."""
        reader = self.reader
        end = reader.position + len(reader.look_word())
        rest = reader.text[end : end + 80].lstrip()
        return rest.startswith("=") and not rest.startswith("=>")

    def _assign_in_context(self, part: ContextPart, place: Place) -> None:
        reader = self.reader
        if reader.look_word() == "local":
            reader.word()
        name, _ = reader.raw("=", "a variable")
        value, _ = reader.raw(";", f"variable {name}")
        self.found.globals.append((name, value, place))

    # -- statements --------------------------------------------------------------------------------------------------------

    def statement(self) -> Statement:
        """The next statement."""
        self.nesting += 1
        try:
            return self._statement()
        finally:
            self.nesting -= 1

    def _statement(self) -> Statement:
        reader = self.reader
        place = self.here()
        if self.nesting > _MAX_NESTING:
            raise AelFault(place.file, place.line, f"statements nest more than {_MAX_NESTING} deep")
        if reader.is_at_end:
            raise AelFault(place.file, place.line, "expected a statement, found the end of the file")
        if reader.accept("{"):
            body: list[Statement] = []
            while not reader.accept("}"):
                if reader.is_at_end:
                    raise AelFault(place.file, place.line, "a block has no end: expected '}'")
                body.append(self.statement())
            return Statement("block", place, body=body)
        if reader.accept(";"):
            return Statement("block", place)
        if reader.accept("&"):
            return self._call(place)
        word = reader.look_word()
        self.trace("tokens", f"{place.file}:{place.line}: {word or reader.peek()}")
        special = _STATEMENTS.get(word)
        if special is not None:
            reader.word()
            return special(self, place)
        if word in _CONDITIONAL:
            reader.word()
            return self._conditional(_CONDITIONAL[word], place)
        return self._plain(place)

    def _call(self, place: Place) -> Statement:
        reader = self.reader
        name = reader.word()
        reader.expect("(", f"&{name}")
        data, _ = reader.raw(")", f"&{name}(...)")
        reader.expect(";", f"&{name}(...)")
        return Statement("call", place, name, data)

    def _condition(self, what: str) -> str:
        self.reader.expect("(", what)
        text, _ = self.reader.raw(")", what)
        return text

    def _conditional(self, kind: str, place: Place) -> Statement:
        found = Statement(kind, place, self._condition(kind))
        found.body = [self.statement()]
        if self.reader.look_word() == "else":
            self.reader.word()
            found.other = [self.statement()]
        return found

    def _while(self, place: Place) -> Statement:
        return Statement("while", place, self._condition("while"), body=[self.statement()])

    def _for(self, place: Place) -> Statement:
        reader = self.reader
        reader.expect("(", "for")
        start, _ = reader.raw(";", "the start of for")
        test, _ = reader.raw(";", "the test of for")
        step, _ = reader.raw(")", "the step of for")
        return Statement("for", place, start, test, step, body=[self.statement()])

    def _switch(self, place: Place) -> Statement:
        reader = self.reader
        found = Statement("switch", place, self._condition("switch"))
        reader.expect("{", "switch(...)")
        while not reader.accept("}"):
            if reader.is_at_end:
                raise AelFault(place.file, place.line, "switch has no end: expected '}'")
            where = self.here()
            kind = reader.word()
            if kind not in ("case", "pattern", "default"):
                raise AelFault(where.file, where.line, f"expected case, pattern or default, found '{kind or reader.peek()}'")
            text, _ = reader.raw(":", kind)
            case = Case(kind, text, where)
            found.cases.append(case)
            while reader.peek() != "}" and reader.look_word() not in ("case", "pattern", "default"):
                case.body.append(self.statement())
        return found

    def _simple(self, kind: str) -> Callable[[Place], Statement]:
        def read(place: Place) -> Statement:
            text, _ = self.reader.raw(";", kind)
            return Statement(kind, place, text.replace("|", ","))

        return read

    def _local(self, place: Place) -> Statement:
        reader = self.reader
        name, _ = reader.raw("=", "local")
        value, _ = reader.raw(";", f"local {name}")
        return Statement("local", place, name, value)

    def _plain(self, place: Place) -> Statement:
        """A label, an assignment or an application."""
        reader = self.reader
        name, end = reader.raw("(=:;}", "a statement")
        if end == "}" or not name:
            raise AelFault(place.file, place.line, f"expected a statement, found '{name or end}'")
        if end == ":":
            return Statement("label", place, name)
        if end == "=":
            value, _ = reader.raw(";", f"the assignment to {name}")
            return Statement("assign", place, name, value)
        if end == ";":
            return Statement("application", place, name)
        data, _ = reader.raw(")", f"{name}(...)")
        if reader.accept("="):
            value, _ = reader.raw(";", f"the assignment to {name}({data})")
            return Statement("assign", place, f"{name}({data})", value)
        reader.expect(";", f"{name}({data})")
        return Statement("application", place, name, data)


_STATEMENTS: dict[str, Callable[[_File, Place], Statement]] = {
    "while": _File._while,
    "for": _File._for,
    "switch": _File._switch,
    "local": _File._local,
    "goto": lambda file, place: file._simple("goto")(place),
    "jump": lambda file, place: file._simple("jump")(place),
    "return": lambda file, place: file._simple("return")(place),
    "break": lambda file, place: file._simple("break")(place),
    "continue": lambda file, place: file._simple("continue")(place),
}
