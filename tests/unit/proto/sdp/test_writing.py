"""What is written is what was read, whichever of the optional lines are there (RFC 8866 section 5)."""

from __future__ import annotations

from itertools import combinations

import pytest

from globstar.proto.sdp.parse import parse
from globstar.proto.sdp.values import Timing

SESSION = (
    "i=about", "u=http://h/", "e=a@h", "e=b@h", "p=+1 2", "c=IN IP4 192.0.2.1", "b=AS:64", "t=0 0", "r=7d 1h 0 25h", "z=0 -1h",
    "k=clear:x", "a=recvonly", "a=tool:x",
)  # fmt: skip
MEDIA = ("i=voice", "c=IN IP4 192.0.2.2", "b=TIAS:64000", "k=prompt", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=empty:")
ALWAYS = ("c=IN IP4 192.0.2.1", "t=0 0")


def described(session: tuple[str, ...], media: tuple[str, ...]) -> str:
    return "\r\n".join(("v=0", "o=- 1 2 IN IP4 h", "s=-", *session, "m=audio 4000 RTP/AVP 0", *media, ""))


def test_all_lines_and_each_left_out() -> None:
    for left_out in (line for line in (*SESSION, *MEDIA, "") if line not in ALWAYS):
        text = described(tuple(line for line in SESSION if line != left_out), tuple(line for line in MEDIA if line != left_out))
        assert str(parse(text.encode())) == text


def test_all_pairs_of_lines_alone() -> None:
    for kept in combinations([line for line in (*SESSION, *MEDIA) if line not in ALWAYS], 2):
        text = described(
            tuple(line for line in SESSION if line in (*ALWAYS, *kept)), tuple(line for line in MEDIA if line in kept)
        )
        assert str(parse(text.encode())) == text


@pytest.mark.parametrize(("line", "timing"), [("0 0", Timing()), ("0  0", Timing()), ("1 2", Timing(1, 2)), ("0 0 ", Timing())])
def test_times(line: str, timing: Timing) -> None:
    text = described(("c=IN IP4 192.0.2.1", f"t={line}"), ())
    assert parse(text.encode()).timings == (timing,)


def test_the_usual_time_is_shared_but_not_its_repeats() -> None:
    repeated = described((*ALWAYS, "r=7d 1h 0 25h"), ())
    assert parse(repeated.encode()).timings[0].repeats == ("7d 1h 0 25h",)
    assert parse(described(ALWAYS, ()).encode()).timings == (Timing(),)
