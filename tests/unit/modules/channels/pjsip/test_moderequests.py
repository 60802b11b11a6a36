"""RFC 4867 section 4.3.1: the mode that a packet asks for holds until the next request; what may not be sent is ignored."""

from __future__ import annotations

import pytest

from globstar.core.format import FMTP, Format, amr, amr_efficient, amrwb, amrwb_efficient
from globstar.modules.channels.pjsip.moderequests import ModeRequests


def asks(*modes: int) -> list[bytes]:
    return [bytes([mode << 4 | 4, 0x7C]) for mode in modes]


@pytest.mark.parametrize(
    ("format", "fmtp", "requests", "followed"),
    [
        (amr, "", (3, 0, 15, 7, 8, 14), [3, 0, None, 7, 7, 7]),
        (amr_efficient, "mode-set=0,2,5", (5, 1, 7, 2, 15), [5, 5, 5, 2, None]),
        (amrwb, "octet-align=1", (8, 9, 0, 15), [8, 8, 0, None]),
        (amrwb_efficient, "mode-set=1", (8, 1), [None, 1]),
    ],
)
def test_requests_hold_until_the_next(format: Format, fmtp: str, requests: tuple[int, ...], followed: list[int | None]) -> None:
    requested = ModeRequests(format.with_attributes({FMTP: fmtp}) if fmtp else format)
    seen = []
    for payload in asks(*requests):
        requested.receive(payload)
        assert requested.format.wish is not None
        seen.append(requested.format.wish.mode)
    assert seen == followed


def test_they_are_of_one_peer_and_one_agreement() -> None:
    one, other = ModeRequests(amr), ModeRequests(amr)
    one.receive(asks(2)[0])
    assert other.format.wish is not None
    assert other.format.wish.mode is None
    assert amr.wish is None
    assert one.are_for(amr)
    assert not one.are_for(amr_efficient)
    assert not one.are_for(amr.with_attributes({FMTP: "mode-set=1"}))
