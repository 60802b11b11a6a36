"""Every offer and answer that the recorded Asterisk wrote, made again from the same input."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from globstar.proto.sdp import CodecDescription, LocalMedia, NotAcceptable, OfferAnswer, SdpParseError, parse

SDP_ID = 5000
CODECS = {
    "ulaw": CodecDescription("PCMU", max_ptime_ms=140),
    "alaw": CodecDescription("PCMA", max_ptime_ms=140),
    "g722": CodecDescription("G722", max_ptime_ms=140),
}
ALLOWED = {"alaw": ("alaw",), "g722": ("g722",), "multi": ("g722", "alaw", "ulaw")}
WITHOUT_EVENTS = ("inband", "info")
#: Scenarios that refuse an offer for another reason than its SDP (a hangup cause, a missing header).
OTHER_REFUSALS = re.compile(r"hangup|no_max_forwards")


def plain(text: str) -> str:
    """Replace the recording's tokens by numbers."""
    text = re.sub(r"<SDPID\d+>(?:\+(\d+))?", lambda match: str(SDP_ID + int(match[1] or 0)), text)
    text = re.sub(r"<RTP(\d+)>", lambda match: str(22000 + 2 * int(match[1])), text)
    return text.replace("<RTPPORT>", "22900").replace("\r\n", "\n")


def first(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    assert match is not None, f"no {pattern} in {text}"
    return match[1]


class Message:
    def __init__(self, record: dict) -> None:
        head, _, self.body = plain(record["text"]).partition("\n\n")
        lines = head.split("\n")
        self.start = lines[0]
        self.from_asterisk = record["dir"] == "from_asterisk"
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        self.is_request = not self.start.startswith("SIP/2.0")
        self.has_sdp = self.body.startswith("v=0")
        self.method = self.headers.get("cseq", "").split(" ")[-1]
        self.is_repeated = bool(record.get("retransmission"))

    def user(self) -> str:
        where = self.start if self.from_asterisk else self.headers["from"]
        match = re.search(r"sips?:([^@>;]+)@", where)
        return match[1] if match else ""


class Call:
    """One SIP dialog of a recording."""

    def __init__(self, user: str) -> None:
        self.machine = OfferAnswer(SDP_ID)
        codecs = ALLOWED.get(user, ("ulaw",))
        self.codecs = tuple(CODECS[name] for name in codecs)
        self.telephone_event = user not in WITHOUT_EVENTS
        self.peer_offer: str | None = None
        self.checked = 0
        self.refused = 0

    def media_for(self, expected: str) -> list[LocalMedia]:
        port = int(first(r"^m=audio (\d+)", expected))
        address = first(r"^c=IN IP4 (\S+)", expected)
        return [LocalMedia(address, port, self.codecs, telephone_event=self.telephone_event)]

    def offer(self, text: str) -> None:
        self.peer_offer = text

    def answer(self, message: Message) -> None:
        """The final response to an offer of the peer."""
        if self.peer_offer is None:
            return
        offer, self.peer_offer = self.peer_offer, None
        media = [LocalMedia("127.0.0.1", 22000, self.codecs, telephone_event=self.telephone_event)]
        if message.has_sdp:
            media = self.media_for(message.body)
        before = (self.machine.local, self.machine.streams)
        if " 400 " in message.start:
            with pytest.raises(SdpParseError) as caught:
                parse(offer)
            assert caught.value.fault.value in message.headers["warning"]
            self.refused += 1
        elif " 488 " in message.start:
            with pytest.raises(NotAcceptable):
                self.machine.receive_offer(parse(offer), media)
            assert (self.machine.local, self.machine.streams) == before
            self.refused += 1
        elif message.has_sdp:
            got = str(self.machine.receive_offer(parse(offer), media)).replace("\r\n", "\n")
            assert got == message.body
            self.checked += 1

    def own_offer(self, message: Message) -> None:
        offer = self.machine.create_offer(self.media_for(message.body))
        assert str(offer).replace("\r\n", "\n") == message.body
        self.checked += 1


def replay(messages: list[Message]) -> tuple[int, int]:
    calls: dict[str, Call] = {}
    for message in messages:
        key = message.headers.get("call-id", "")
        if message.is_repeated or message.method not in ("INVITE", "UPDATE", "ACK"):
            continue
        if key not in calls:
            calls[key] = Call(message.user())
        call = calls[key]
        final = not message.is_request and re.match(r"SIP/2.0 [2-6]", message.start) is not None
        if not message.from_asterisk:
            if message.is_request and message.method != "ACK" and "v=0" in message.body:
                call.offer(message.body)
            elif message.has_sdp and call.machine.offered is not None:
                if "m=audio" in message.body and re.search(r" 8\n", message.body) and len(call.codecs) == 1:
                    with pytest.raises(NotAcceptable):
                        call.machine.receive_answer(parse(message.body))
                    call.refused += 1
                else:
                    call.machine.receive_answer(parse(message.body))
            elif final and message.start[8] in "3456":
                call.machine.cancel_offer()
        elif message.is_request:
            if message.has_sdp and message.method != "ACK":
                call.own_offer(message)
        elif call.peer_offer is not None and (final or message.has_sdp):
            call.answer(message)
        elif message.has_sdp and call.machine.offered is None:
            local = str(call.machine.local).replace("\r\n", "\n") if call.machine.local else None
            if local != message.body or (" 200 " in message.start and call.machine.remote is None):
                call.own_offer(message)
            else:
                call.checked += 1
    return sum(call.checked for call in calls.values()), sum(call.refused for call in calls.values())


def recordings(shared: Path) -> Iterator[tuple[str, list[Message]]]:
    for path in sorted((shared / "vectors" / "calls").glob("g*.json")):
        records = json.loads(path.read_text())["observed"].get("sip", [])
        if any("v=0" in record["text"] for record in records):
            yield path.stem, [Message(record) for record in records]


def test_asterisk_recorded_offers_and_answers(shared: Path) -> None:
    """To the letter: o= numbers, payload order, fmtp, ptime, maxptime, direction, declined streams."""
    checked = refused = 0
    failures = []
    for name, messages in recordings(shared):
        if OTHER_REFUSALS.search(name):
            messages = [message for message in messages if not re.match(r"SIP/2.0 4(00|88)", message.start)]
        try:
            some, other = replay(messages)
        except (AssertionError, pytest.fail.Exception) as error:
            failures.append(f"{name}: {error}")
        else:
            checked += some
            refused += other
    assert not failures, "\n".join(failures)
    assert checked > 300
    assert refused >= 4
