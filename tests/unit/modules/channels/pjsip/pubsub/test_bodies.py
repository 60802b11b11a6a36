"""Bodies of notifications."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from globstar.modules.channels.pjsip.pubsub.bodies import dialog_info, message_summary, pidf, xpidf
from globstar.modules.channels.pjsip.pubsub.bodies.extension import ExtensionBody, Party, words

LOCAL, REMOTE = "sip:6001@pbx:5080", "sip:carol@pbx"


def body(state: int, **more: object) -> ExtensionBody:
    return ExtensionBody("6001", LOCAL, REMOTE, state, "pbx", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "dialog", "is_open", "note"),
    [
        (-2, "terminated", True, "Ready"),
        (0, "terminated", True, "Ready"),
        (1, "confirmed", True, "On the phone"),
        (2, "confirmed", True, "On the phone"),
        (4, "terminated", False, "Unavailable"),
        (8, "early", True, "Ringing"),
        (9, "confirmed", True, "Ringing"),
        (16, "confirmed", True, "On hold"),
        (17, "confirmed", True, "On hold"),
    ],
)
def test_words(state: int, dialog: str, is_open: bool, note: str) -> None:
    said = words(body(state))
    assert (said.dialog, said.is_open, said.note) == (dialog, is_open, note)


def test_ringing_of_a_busy_device_can_be_told() -> None:
    assert words(body(9, tells_early_in_use=True)).dialog == "early"


@pytest.mark.parametrize("render", [dialog_info.render, pidf.render, xpidf.render])
@pytest.mark.parametrize("state", [0, 1, 4, 8, 9, 16])
def test_xml_is_well_formed_whatever_people_are_called(render: object, state: int) -> None:
    evil = Party('<&">\x00\x1b', "1<2&3")
    one = ExtensionBody('6"<&', 'sip:6"<&@pbx', "sip:<&@x", state, "pbx", caller=evil, callee=evil)
    ET.fromstring(render(one))  # type: ignore[operator]


def test_rfc4235_only_a_caller_with_a_number_is_told() -> None:
    text = dialog_info.render(body(8, caller=Party("Ann", ""), callee=Party("Ben", "101"))).decode()
    assert "<remote>" not in text
    assert '<identity display="Ben">sip:101@pbx</identity>' in text
    assert '<target uri="sip:6001@pbx:5080" />' in text


def test_rfc3842_message_summary() -> None:
    assert message_summary.render(0, 3) == b"Messages-Waiting: no\r\nVoice-Message: 0/3 (0/0)\r\n"
    assert message_summary.render(2, 1, "sip:*97@pbx").decode().split("\r\n") == [
        "Messages-Waiting: yes", "Message-Account: sip:*97@pbx", "Voice-Message: 2/1 (0/0)", "",
    ]  # fmt: skip


def test_an_address_of_ipv6_is_in_brackets() -> None:
    made = ExtensionBody("6001", LOCAL, REMOTE, 8, "2001:db8::1", caller=Party("Ann", "102"), callee=Party("Ben", "101"))
    assert "sip:102@[2001:db8::1]" in dialog_info.render(made).decode()
