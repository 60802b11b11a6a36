"""Reads the script of a recorded scenario: what its endpoints did, in order, and how long they waited before.

A script is a few lines of Python against the recording's endpoints (``t.a`` is alice, ``d.bye()`` hangs a dialog up). It is
read, never run: loops over constants are unrolled, of ``if m.code < 300`` the branch is taken that the recording shows, and
calls that neither send, wait nor act are passed over.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

LETTERS = "abcde"
#: Seconds that the recording's helpers wait where scripts give none: a call that is set up, one that is held, and so on.
SET_UP, HOLD, LOG, LIVE = 0.3, 0.3, 0.6, 1.0


@dataclass(frozen=True, slots=True)
class Send:
    """A message of an endpoint: a method, or a status with the method that it answers (``200 BYE``; ``200 *`` any)."""

    who: str
    what: str


@dataclass(frozen=True, slots=True)
class Expect:
    """A message for an endpoint, as Send says it; ``* INVITE`` is any final answer."""

    who: str
    what: str


@dataclass(frozen=True, slots=True)
class Sleep:
    """Nothing happens for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Press:
    """Digits by RTP: events of RFC 4733, or ``in_band`` as tones; seconds each lasts, and between two."""

    who: str
    digits: str
    seconds: float = 0.1
    gap: float = 0.08
    in_band: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """A sound whose name begins so is played; ``Recording the message``: the beep before a recording is over."""

    what: str


@dataclass(frozen=True, slots=True)
class Act:
    """A manager action; a value ``channel:PJSIP/alice`` is the name of the channel that begins so."""

    action: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the CLI; ``channel:PJSIP/alice`` in it is the name of the channel that begins so, ``bridge:`` the
    bridge's id, ``<RUN>`` a folder."""

    line: str


Step = Send | Expect | Sleep | Press | Heard | Act | Command


def read_script(script: str, answered: Collection[str]) -> list[Step]:
    """The steps; ``answered`` are the letters of the endpoints whose last INVITE got a 2xx."""
    reader = _Reader(answered)
    for function in ast.parse(script).body:
        if isinstance(function, ast.FunctionDef):
            reader.block(function.body)
    return reader.steps


def _constants(node: ast.expr) -> list[Any] | None:
    """What a loop goes through, where that is known."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return list(node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        return [None] * int(ast.literal_eval(node.args[-1]))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "enumerate":
        numbered = enumerate(_constants(node.args[0]) or ())
        return [ast.Tuple([ast.Constant(number), item]) for number, item in numbered]
    return list(node.elts) if isinstance(node, ast.Tuple) else None


@dataclass(slots=True)
class _Reader:
    answered: Collection[str]
    steps: list[Step] = field(default_factory=list)
    #: the endpoint, or the channel, behind each name
    names: dict[str, str] = field(default_factory=dict)
    #: the text behind each name
    texts: dict[str, str] = field(default_factory=lambda: {"RUN": "<RUN>"})

    def block(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.For(target=target, iter=source, body=body):
                for item in _constants(source) or [None]:
                    self._bind(target, item)
                    self.block(body)
            case ast.If(test=test, body=body, orelse=orelse):
                self.block(body if self._is_so(test) else orelse)
            case ast.Try(body=body) | ast.With(body=body):
                self.block(body)
            case ast.Assign(targets=[target], value=value):
                self._bind(target, value)
                self._expression(value)
            case ast.Expr(value=value):
                self._expression(value)

    def _bind(self, target: ast.expr, value: Any) -> None:
        """Give a name the endpoint that its value belongs to."""
        if isinstance(target, ast.Name) and isinstance(value, ast.expr):
            self.names[target.id] = self._who(value)
            text = self._line(value)
            if text is not None:
                self.texts[target.id] = text
        elif isinstance(target, ast.Tuple):
            is_pair = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in ("setup", "livecall")
            items = value.elts if isinstance(value, ast.Tuple) else [None] * len(target.elts)
            for index, name in enumerate(target.elts):
                if isinstance(name, ast.Name) and is_pair:
                    self.names[name.id] = "ab"[index]
                else:
                    self._bind(name, items[index])

    def _who(self, node: ast.expr) -> str:
        """The endpoint's letter, or the channel, that an expression is about; nothing if neither."""
        match node:
            case ast.Name(id=name):
                return self.names.get(name, "")
            case ast.Attribute(value=ast.Name(id="t"), attr=letter) if letter in LETTERS:
                return letter
            case ast.Call(func=ast.Attribute(value=ast.Name(id="t"), attr="chan"), args=[ast.Constant(value=str(name))]):
                return f"channel:{name}"
            case ast.Call(func=ast.Attribute(attr="from_invite"), args=[ast.expr() as first, *_]):
                return self._who(first)
            case ast.Call(func=func):
                return self._who(func)
            case ast.Attribute(value=value) | ast.Subscript(value=value):
                return self._who(value)
        return ""

    def _is_so(self, test: ast.expr) -> bool:
        match test:
            case ast.Compare(left=left, ops=[ast.Lt()], comparators=[ast.Constant(value=300)]):
                return self._who(left) in self.answered
        return True

    def _expression(self, node: ast.AST) -> None:
        """The calls in an expression, innermost first."""
        for child in ast.iter_child_nodes(node):
            self._expression(child)
        if isinstance(node, ast.Call):
            self.steps += self._call(node)

    def _call(self, node: ast.Call) -> Iterator[Step]:
        match node.func:
            case ast.Attribute(value=ast.Name(id="time"), attr="sleep"):
                yield Sleep(float(ast.literal_eval(node.args[0])))
            case ast.Attribute(value=ast.Name(id="t"), attr="logwait"):
                yield Heard(self._text(node.args[0])) if node.args else Sleep(LOG)
            case ast.Attribute(value=ast.Attribute(attr="rtp") as endpoint, attr="dtmf" | "inband" as kind):
                yield self._press(node, self._who(endpoint), kind == "inband")
            case ast.Attribute(attr="act"):
                fields = tuple((one.arg, self._text(one.value)) for one in node.keywords if one.arg and one.arg[0] != "_")
                yield Act(self._text(node.args[0]), fields)
            case ast.Attribute(value=ast.Name(id="t"), attr="cli") if node.args:
                line = self._line(node.args[0])
                if line is not None:
                    yield Command(line)
            case ast.Attribute(value=owner, attr=name):
                yield from self._dialog_call(node, self._who(owner), name)
            case ast.Name(id="refer"):
                yield Send(self._who(node.args[0]), "REFER")
            case ast.Name(id="reg" | "areg" | "clear") if node.args:
                yield from (Send(self._who(node.args[0]), "REGISTER"), Expect(self._who(node.args[0]), "* REGISTER"))
            case ast.Name(id="leave"):
                yield from _LEAVE_MESSAGE
            case ast.Name(id="setup" | "talk" | "livecall" as name):
                yield from _set_up()
                if name == "livecall":
                    yield Sleep(LIVE)
                if name == "talk":
                    hold = next((one.value for one in node.keywords if one.arg == "hold"), None)
                    yield Sleep(float(ast.literal_eval(hold)) if hold is not None else HOLD)
                    yield from (Send("a", "BYE"), Send("b", "200 BYE"))

    def _text(self, node: ast.expr) -> str:
        return str(node.value) if isinstance(node, ast.Constant) else self._who(node)

    def _line(self, node: ast.expr) -> str | None:
        """A text that is put together of constants and channels; None if something else is in it."""
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name) if name in self.texts:
                return self.texts[name]
            case ast.IfExp(test=ast.Constant(value=value), body=body, orelse=orelse):
                return self._line(body if value else orelse)
            case ast.Subscript(value=ast.ListComp(elt=ast.Subscript(slice=ast.Constant(value="BridgeId")))):
                return "bridge:"
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                parts = [self._line(left), self._line(right)]
                return None if None in parts else "".join(part or "" for part in parts)
            case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod(), right=right):
                values = [self._line(one) for one in (right.elts if isinstance(right, ast.Tuple) else [right])]
                return None if None in values else text % tuple(values)
        who = self._who(node)
        return who if who.startswith("channel:") else None

    def _press(self, node: ast.Call, who: str, in_band: bool) -> Press:
        given = {one.arg: ast.literal_eval(one.value) for one in node.keywords}
        digits = self._text(node.args[0])
        return Press(who, digits, given.get("ms", 100) / 1000, given.get("gap", 0.08), in_band)

    def _dialog_call(self, node: ast.Call, who: str, name: str) -> Iterator[Step]:
        """A call of an endpoint or of one of its dialogs."""
        numbers = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, int)]
        words = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        match name:
            case "invite" | "send_invite":
                yield Send(who, "INVITE")
            case "ok":
                yield from (Send(who, "INVITE"), Send(who, "ACK"))
            case "reinvite":
                yield from (Send(who, "INVITE"), Send(who, "ACK"))
            case "answered" | "ack":
                yield Send(who, "ACK")
            case "reject":
                yield from (Expect(who, "* INVITE"), Send(who, "ACK"))
            case "bye" | "cancel":
                yield Send(who, name.upper())
            case "req" | "request" if words:
                yield Send(who, words[0])
            case "answer":
                yield from (Send(who, "200 INVITE"), Expect(who, "ACK"))
            case "reply" | "refuse" if numbers:
                yield Send(who, f"{numbers[0]} *")
            case "expect_invite":
                yield Expect(who, "INVITE")
            case "expect" | "expect_req" if words:
                yield Expect(who, words[0])
            case "expect":
                yield Expect(who, f"{numbers[0]} *" if numbers else "* *")
            case "final":
                yield Expect(who, "* INVITE")
            case "got_bye":
                yield Send(who, "200 BYE")
            case "got_cancel":
                yield Send(who, "200 CANCEL")
            case "wait":
                method = next(
                    (one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)), ""
                )
                if method:
                    yield Expect(who, f"* {method}")


#: What the recording's helper does that leaves a message.
_LEAVE_MESSAGE = (Send("a", "INVITE"), Send("a", "ACK"), Heard("Recording the message"), Sleep(2.0), Send("a", "BYE"))


def _set_up() -> tuple[Step, ...]:
    return (
        Send("a", "INVITE"), Expect("b", "INVITE"), Send("b", "200 INVITE"), Send("a", "ACK"), Sleep(SET_UP),
    )  # fmt: skip


def kind_of(text: str) -> str:
    """What a message is, as Send and Expect say it."""
    first = text.split(" ", 2)
    if first[0] != "SIP/2.0":
        return first[0]
    method = next((line.split()[-1] for line in text.split("\r\n") if line.startswith("CSeq:")), "")
    return f"{first[1]} {method}"


def fits(wanted: str, kind: str) -> bool:
    """Whether a message of a kind is what a step is about; ``*`` for a status is any final one."""
    if wanted == kind:
        return True
    status, _, method = kind.partition(" ")
    wanted_status, _, wanted_method = wanted.partition(" ")
    if not method or not wanted_method:
        return False
    is_status = status >= "200" if wanted_status == "*" else wanted_status == status
    return is_status and wanted_method in ("*", method)
