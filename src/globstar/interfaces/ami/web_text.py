"""Manager messages as a browser or a script gets them over HTTP: as they are, as an HTML table, as XML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape

_HEAD = """<!DOCTYPE html>
<html><head><title>Manager</title></head><body>
<h1>Manager</h1>
<form method="post">
<p>Action <input name="action"> Command <input name="command"></p>
<p>User <input name="username"> Secret <input type="password" name="secret"> <input type="submit" value="Send"></p>
</form>
<table>
"""
_TAIL = "</table>\n</body></html>\n"
#: What XML 1.0 has no way to write.
_NOT_IN_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9_.-]")


def _messages(text: str) -> Iterator[list[tuple[str, str]]]:
    for block in text.split("\r\n\r\n"):
        lines = [line.partition(": ")[::2] for line in block.split("\r\n") if line]
        if lines:
            yield [(name.removesuffix(":"), value) for name, value in lines]


def to_html(text: str) -> str:
    """A page with a form and, in a table, the lines of the messages."""
    rows = "".join(
        "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>\n" for name, value in message)
        + '<tr><td colspan="2"><hr></td></tr>\n'
        for message in _messages(text)
    )
    return f"{_HEAD}{rows}{_TAIL}"


def to_xml(text: str) -> str:
    """``<ajax-response>``: each message an element whose attributes are its lines, their names in lower case.

    A name that comes again has its count behind it (``output``, ``output-1`` ...).
    """
    body = "".join(f"<response type='object' id='unknown'><generic{_attributes(m)} /></response>\n" for m in _messages(text))
    return f"<ajax-response>\n{body}</ajax-response>\n"


def _attributes(message: Iterable[tuple[str, str]]) -> str:
    counts: dict[str, int] = {}
    found = []
    for name, value in message:
        name = _NOT_IN_NAMES.sub("_", name.lower()) or "_"
        name = name if name[0].isalpha() or name[0] == "_" else f"_{name}"
        count = counts[name] = counts.get(name, -1) + 1
        found.append(f" {name}{f'-{count}' if count else ''}='{_xml(value)}'")
    return "".join(found)


def _xml(value: str) -> str:
    return escape(_NOT_IN_XML.sub("?", value)).replace("\t", "&#9;").replace("\n", "&#10;").replace("\r", "&#13;")
