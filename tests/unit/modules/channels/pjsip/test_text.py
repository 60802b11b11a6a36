"""Texts of the server's own as real-time text: lines, and the pace at which they are typed."""

from __future__ import annotations

import asyncio

import pytest

from globstar.modules.channels.pjsip.text import MOST_WAITING, Typist, pace_of


@pytest.mark.parametrize(
    ("fmtp", "pace"),
    [("", 30), ("cps=15", 15), ("x=1; CPS = 5", 5), ("cps=0", 30), ("cps=-1", 30), ("xcps=5", 30), ("cps=9999999", 30)],
)
def test_rfc4103_6_the_pace_is_the_endpoints(fmtp: str, pace: int) -> None:
    assert pace_of(fmtp) == pace


class Paper:
    """What is typed, with the time of each piece."""

    def __init__(self, pace: int = 30) -> None:
        self.loop = asyncio.get_running_loop()
        self.pieces: list[tuple[float, bytes, bool]] = []
        self.began = self.loop.time()
        self.typist = Typist(self.loop, self.write)
        self.typist.pace = pace

    def write(self, text: bytes, is_first: bool) -> None:
        self.pieces.append((round(self.loop.time() - self.began, 3), text, is_first))

    @property
    def text(self) -> str:
        return b"".join(text for _, text, _ in self.pieces).decode()


@pytest.mark.virtual_time
async def test_a_text_is_a_line_typed_at_its_pace() -> None:
    paper = Paper()
    assert paper.typist.type("Grüße an alle")
    await asyncio.sleep(1)
    assert paper.text == "Grüße an alle\u2028"
    assert [(when, len(text.decode()), first) for when, text, first in paper.pieces] == [(0, 9, True), (0.3, 5, False)]
    assert paper.typist.type("next")
    assert paper.pieces[-1] == (1, "next\u2028".encode(), True)


@pytest.mark.virtual_time
async def test_a_slow_reader_gets_one_letter_at_a_time() -> None:
    paper = Paper(pace=2)
    paper.typist.type("ab")
    await asyncio.sleep(3)
    assert [(when, text.decode()) for when, text, _ in paper.pieces] == [(0, "a"), (0.5, "b"), (1, "\u2028")]


@pytest.mark.virtual_time
async def test_texts_follow_one_another() -> None:
    paper = Paper()
    paper.typist.type("one\r\ntwo\n")
    paper.typist.type("three")
    await asyncio.sleep(2)
    assert paper.text == "one\u2028two\u2028\u2028three\u2028"
    gaps = [later - earlier for (earlier, *_), (later, *_) in zip(paper.pieces, paper.pieces[1:], strict=False)]
    assert min(gaps) >= 0.299


@pytest.mark.virtual_time
async def test_what_waits_is_bounded() -> None:
    paper = Paper()
    assert not paper.typist.type("x" * MOST_WAITING)
    assert paper.pieces == []
    assert paper.typist.type("x" * (MOST_WAITING - 1))
    assert not paper.typist.type("y" * 10)


@pytest.mark.virtual_time
async def test_nothing_is_typed_after_the_end() -> None:
    paper = Paper()
    paper.typist.type("x" * 100)
    paper.typist.close()
    await asyncio.sleep(2)
    assert len(paper.pieces) == 1
