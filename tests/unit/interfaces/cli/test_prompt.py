"""ASTERISK_PROMPT: the codes of the prompt."""

from __future__ import annotations

import getpass
import os
import re
import socket

import pytest

from globstar.interfaces.cli.prompt import prompt_text


def test_without_one_the_host_is_named() -> None:
    assert prompt_text(None) == prompt_text("") == f"{os.uname().nodename}*CLI> "


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("%h> ", f"{socket.gethostname()}> "), ("%H", socket.gethostname().partition(".")[0]), ("[%s]", "[switch1]"),
        ("%u", getpass.getuser()), ("100%% %#", "100% >"), ("%Z%", "%"), ("plain", "plain"), ("%C31;40x", "\033[31;40mx\033[0m"),
        ("%C32x%C0", "\033[32mx\033[0m\033[0m"), ("%l4", "4"),
    ],
)  # fmt: skip
def test_codes(pattern: str, wanted: str) -> None:
    assert prompt_text(pattern, system_name="switch1") == wanted


def test_times_and_load() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", prompt_text("%d %t"))
    assert re.fullmatch(r"\d+\.\d\d \d+\.\d\d \d+\.\d\d", prompt_text("%l1 %l2 %l3"))
    assert prompt_text("%#", is_remote=False) == "#"
    assert prompt_text("%g")
