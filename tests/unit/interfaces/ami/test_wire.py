"""Cutting bytes into actions, writing answers and events."""

from __future__ import annotations

import pytest

from globstar.core.manager import Answer, ListItem, ManagerEvent, Permission, failure, listing, success
from globstar.interfaces.ami.wire import HEADER_LIMIT, LINE_LIMIT, ActionReader, BadMessage, answer_text, event_text

TWO = b"Action: Ping\r\nActionID: 1\r\n\r\naction:Logoff\nX:  y: z \n\n"


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_pieces_of_any_size_give_the_same_actions(size: int) -> None:
    reader = ActionReader()
    found = []
    for start in range(0, len(TWO), size):
        found += reader.receive_data(TWO[start : start + size])
    assert found == [[("Action", "Ping"), ("ActionID", "1")], [("action", "Logoff"), ("X", "y: z ")]]


def test_too_long_a_line_spoils_one_action_only() -> None:
    reader = ActionReader()
    first = reader.receive_data(b"Action: Ping\r\nX: " + b"a" * (LINE_LIMIT + 5))
    assert first == []
    assert reader.receive_data(b"b" * LINE_LIMIT) == []
    message, good = reader.receive_data(b"\r\n\r\nAction: Ping\r\n\r\n")
    assert isinstance(message, BadMessage)
    assert good == [("Action", "Ping")]


def test_too_many_lines_spoil_one_action_only() -> None:
    reader = ActionReader()
    message, good = reader.receive_data(b"X: y\r\n" * (HEADER_LIMIT + 1) + b"\r\nAction: Ping\r\n\r\n")
    assert isinstance(message, BadMessage)
    assert good == [("Action", "Ping")]


def test_bytes_that_are_no_text_come_back_as_they_were() -> None:
    (headers,) = ActionReader().receive_data(b"Action: \xff\xfe\r\n\r\n")
    assert isinstance(headers, list)
    assert headers[0][1].encode("utf-8", "surrogateescape") == b"\xff\xfe"


def test_an_answer() -> None:
    assert answer_text(success("Done", ("A", "1")), "7") == "Response: Success\r\nActionID: 7\r\nMessage: Done\r\nA: 1\r\n\r\n"
    assert answer_text(failure("No"), "") == "Response: Error\r\nMessage: No\r\n\r\n"


def test_a_list() -> None:
    items = [ListItem("One", (("A", "1"),)), ListItem("Two", (("B", "2"),), id_last=True)]
    assert answer_text(listing("Follows", "Done", items, ("C", "3")), "x").split("\r\n\r\n") == [
        "Response: Success\r\nActionID: x\r\nEventList: start\r\nMessage: Follows",
        "Event: One\r\nActionID: x\r\nA: 1",
        "Event: Two\r\nB: 2\r\nActionID: x",
        "Event: Done\r\nActionID: x\r\nEventList: Complete\r\nListItems: 2\r\nC: 3",
        "",
    ]


def test_a_value_cannot_begin_a_line_or_a_message() -> None:
    event = ManagerEvent("VarSet", Permission.DIALPLAN, (("Value", "x\r\n\r\nEvent: Forged\r\nA\0: b"),))
    assert event_text(event).count("\r\n") == 3
    assert answer_text(Answer(message="a\nb"), "1\r\nResponse: Forged").count("\r\n") == 4
