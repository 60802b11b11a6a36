"""The fuzz targets: what to feed to each parser, and the program that lets atheris drive one of them.

``python -m tests.fuzz.targets NAME SEEDS [libFuzzer options]`` fuzzes one target in a process of its own; coverage steers
it. The first input that breaks the invariant ends it with status 77 and is printed.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from globstar.base.errors import RemoteFault

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("GLOBSTAR_SHARED") or ROOT.parent / "shared")
TORTURE = ROOT / "tests" / "unit" / "proto" / "sip" / "torture"

BROKEN = 77
"""Exit status when an input broke the invariant."""

SLOWEST = 1.0
"""Seconds of CPU that one input may take, with instrumentation."""

Seeds = Callable[[], Iterable[bytes]]
Check = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Target:
    """A parser under test: ``make`` imports it and gives its check, ``packages`` are watched for coverage."""

    make: Callable[[], Check]
    packages: tuple[str, ...]
    seeds: Seeds
    max_bytes: int = 2048
    #: a run of some seconds on a busy machine tries at least so many inputs
    least_runs: int = 200


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _accepts(parse: Callable[..., Any], *arguments: Any) -> Any:
    """The value, or None for the remote's fault; every other exception goes through."""
    try:
        return parse(*arguments)
    except RemoteFault as error:
        fault = error
    assert str(fault), "a fault without words"
    return None


# -- SIP ---------------------------------------------------------------------------------------------------------------


def make_sip_message() -> Check:
    from globstar.proto.sip.headers.digest import Challenge, Credentials
    from globstar.proto.sip.headers.identity import Diversion, RemotePartyId
    from globstar.proto.sip.headers.rack import RAck
    from globstar.proto.sip.headers.reason import Reason
    from globstar.proto.sip.headers.replaces import Replaces
    from globstar.proto.sip.headers.session_expires import SessionExpires
    from globstar.proto.sip.parser import parse

    properties = ("vias", "contacts", "record_route", "route", "max_forwards", "expires", "content_type")
    addresses = ("Refer-To", "Reply-To", "Referred-By", "P-Asserted-Identity")
    lists = ("Supported", "Require", "Allow", "Accept")
    parsers = (
        ("Replaces", Replaces.parse),
        ("Session-Expires", SessionExpires.parse),
        ("RAck", RAck.parse),
        ("Authorization", Credentials.parse),
        ("Proxy-Authorization", Credentials.parse),
        ("WWW-Authenticate", Challenge.parse),
        ("Remote-Party-ID", RemotePartyId.parse),
        ("Diversion", Diversion.parse),
        ("Reason", Reason.parse),
    )

    def check(data: bytes) -> None:
        message = _accepts(parse, data)
        if message is None:
            return
        _ = (message.via, message.from_, message.to, message.call_id, message.cseq)
        for name in properties:
            _accepts(getattr, message, name)
        for name in addresses:
            _accepts(message.addresses, name)
        for name in lists:
            _accepts(message.tokens, name)
        for name, header in parsers:
            _accepts(message.value, name, header)
        repr(message)
        again = parse(message.to_bytes())
        assert again.start_line == message.start_line
        assert again.body == message.body

    return check


def make_sip_headers() -> Check:
    from globstar.proto.sip.headers.address import NameAddr, parse_expires
    from globstar.proto.sip.headers.cseq import CSeq
    from globstar.proto.sip.headers.digest import Challenge, Credentials
    from globstar.proto.sip.headers.identity import Diversion, RemotePartyId
    from globstar.proto.sip.headers.parameterized import Parameterized
    from globstar.proto.sip.headers.rack import RAck
    from globstar.proto.sip.headers.reason import Reason
    from globstar.proto.sip.headers.replaces import Replaces
    from globstar.proto.sip.headers.session_expires import SessionExpires
    from globstar.proto.sip.headers.via import Via
    from globstar.proto.sip.uri import SipUri

    parsers: tuple[Callable[[str], Any], ...] = (
        SipUri.parse, NameAddr.parse, Via.parse, CSeq.parse, Credentials.parse, Challenge.parse, Parameterized.parse,
        RAck.parse, Reason.parse, Replaces.parse, SessionExpires.parse, RemotePartyId.parse, Diversion.parse,
    )  # fmt: skip

    def check(data: bytes) -> None:
        if not data:
            return
        text = _text(data[1:])
        parse = parsers[data[0] % len(parsers)]
        value = _accepts(parse, text)
        if value is not None:
            repr(value)
            assert parse(str(value)) == value
        _accepts(parse_expires, text)
        _accepts(NameAddr.parse_list, [text, text])
        _accepts(Via.parse_list, [text, text])
        _accepts(Via.parse_first, text)

    return check


def make_sip_stream() -> Check:
    from globstar.proto.sip.parser import parse
    from globstar.proto.sip.stream import StreamParser

    def cut(pieces: Iterable[bytes]) -> tuple[list[bytes], bool]:
        stream = StreamParser(max_message_bytes=4096)
        items = [item for piece in pieces for item in stream.feed(piece)]
        return items, stream.fault is not None

    def check(data: bytes) -> None:
        if not data:
            return
        step, data = data[0] + 1, data[1:]
        whole = cut([data])
        assert whole == cut(data[at : at + step] for at in range(0, len(data), step))
        assert sum(map(len, whole[0])) <= len(data)
        for item in whole[0]:
            _accepts(parse, item)

    return check


def _recorded_calls() -> Iterator[dict[str, Any]]:
    for path in sorted((SHARED / "vectors" / "calls").glob("*.json")):
        yield json.loads(path.read_text(encoding="utf-8"))


def _recorded_sip() -> Iterator[bytes]:
    seen: set[str] = set()
    for call in _recorded_calls():
        for entry in call["observed"].get("sip") or ():
            first = entry["text"].partition("\r\n")[0]
            kind = f"{call['group']} {first.split(' ')[0]} {first.split(' ')[1] if first.startswith('SIP/') else ''}"
            if kind not in seen:
                seen.add(kind)
                yield entry["text"].encode("utf-8", "surrogateescape")


def sip_seeds() -> Iterator[bytes]:
    for path in sorted(TORTURE.glob("*.dat")):
        yield path.read_bytes()
    yield from _recorded_sip()


def header_seeds() -> Iterator[bytes]:
    numbers = {
        "from": 1, "to": 1, "contact": 1, "route": 1, "record-route": 1, "refer-to": 1, "via": 2, "v": 2, "cseq": 3,
        "authorization": 4, "www-authenticate": 5, "content-type": 6, "accept": 6, "rack": 7, "reason": 8, "replaces": 9,
        "session-expires": 10, "remote-party-id": 11, "diversion": 12,
    }  # fmt: skip
    seen: set[bytes] = set()
    for text in sip_seeds():
        for line in text.split(b"\r\n"):
            name, colon, value = line.partition(b":")
            number = numbers.get(name.decode("latin-1").strip().lower())
            words = line.split(b" ")
            if len(words) == 3 and words[2] == b"SIP/2.0":
                seed = b"\x00" + words[1]
            elif colon and number is not None:
                seed = bytes([number]) + value.strip()
            else:
                continue
            kind = seed[:12]
            if kind not in seen:
                seen.add(kind)
                yield seed


def stream_seeds() -> Iterator[bytes]:
    texts = list(sip_seeds())
    for index, text in enumerate(texts):
        yield bytes([index]) + text + texts[index - 1]
    yield b"\x01\r\n\r\n\r\n" + texts[0] if texts else b""


# -- SDP, RTP, RTCP ------------------------------------------------------------------------------------------------------


def make_sdp() -> Check:
    from globstar.proto.sdp import CodecDescription, LocalMedia, NotAcceptable, OfferAnswer, parse

    codecs = (CodecDescription("PCMA"), CodecDescription("PCMU"), CodecDescription("opus", 48000, 2))
    mine = [LocalMedia("192.0.2.1", 12000, codecs)]

    def check(data: bytes) -> None:
        description = _accepts(parse, data)
        if description is None:
            return
        assert parse(str(description)) == description
        repr(description)
        for media in description.media:
            description.connection_of(media)
            description.direction_of(media)
            _ = (media.rtpmaps(), media.fmtps(), media.ptime_ms, media.maxptime_ms, media.rtcp, media.cryptos, media.fingerprints)
        machine = OfferAnswer(1)
        try:
            answer = machine.receive_offer(description, mine)
        except NotAcceptable:
            return
        assert parse(str(answer)) == answer
        assert [media.kind for media in answer.media] == [media.kind for media in description.media]

    return check


def sdp_seeds() -> Iterator[bytes]:
    for text in sip_seeds():
        body = text.partition(b"\r\n\r\n")[2]
        if body.startswith(b"v="):
            yield body


def make_rtp() -> Check:
    from globstar.proto.rtp import EventReceiver, RtpReceiver, is_rtcp, parse_comfort_noise, parse_packet
    from globstar.proto.rtp.packet import payload_bounds

    def check(data: bytes) -> None:
        receiver, events = RtpReceiver(), EventReceiver(0.2)
        open_digit = ""
        for index in range(0, len(data), 64):
            piece = data[index : index + 64]
            is_rtcp(piece)
            bounds = _accepts(payload_bounds, piece)
            packet = _accepts(parse_packet, piece)
            assert (bounds is None) == (packet is None)
            if packet is None:
                continue
            assert packet.payload == piece[bounds[0] : bounds[1]]
            assert parse_packet(bytes(packet)) == packet
            parse_comfort_noise(packet.payload)
            now = index / 640
            receiver.receive(packet.sequence, packet.rtp_time, len(packet.payload), 8000, now)
            for event in events.receive(packet.payload, packet.rtp_time, packet.marker, 8000, now):
                begins = type(event).__name__ == "DigitBegan"
                assert begins == (not open_digit), "digits begin and end in turn"
                assert begins or event.digit == open_digit
                open_digit = event.digit if begins else ""
        report = receiver.next_report()
        assert 0 <= report.fraction_lost <= 255
        assert receiver.expected >= 0
        events.reset()
        assert events.active_digit is None

    return check


def rtp_seeds() -> Iterator[bytes]:
    head = bytes.fromhex("8000000100000000deadbeef")
    yield head + bytes(52)
    yield bytes.fromhex("9080fffe0000a000deadbeef11223344bede0001aabbccdd") + bytes(8)
    yield bytes.fromhex("b203000500000000deadbeef0102030405060708") + b"\x00\x01\x00\x00" + bytes(7) + b"\x08"
    digit = b"".join(
        bytes.fromhex("80e5")
        + (10 + n).to_bytes(2, "big")
        + bytes.fromhex("00000640deadbeef")
        + bytes([5, flags, n, 160])
        + bytes(48)
        for n, flags in enumerate((10, 10, 138, 138, 138))
    )
    yield digit
    yield digit + digit.replace(b"\x06\x40", b"\x16\x40")


def make_rtcp() -> Check:
    from globstar.proto.rtp import ReceiverReport, SenderReport, build_compound, parse_compound, round_trip

    def check(data: bytes) -> None:
        packets = _accepts(parse_compound, data)
        if packets is None:
            return
        assert parse_compound(build_compound(packets)) == packets
        for packet in packets:
            repr(packet)
            if isinstance(packet, SenderReport | ReceiverReport):
                for block in packet.blocks:
                    seconds = round_trip(block, 0x1234567890ABCDEF)
                    assert seconds is None or seconds >= 0

    return check


def rtcp_seeds() -> Iterator[bytes]:
    yield bytes.fromhex("80c90001deadbeef")
    yield bytes.fromhex("81c9000711111111222222220500ffff0001000000000010aabbccdd00010000")
    yield bytes.fromhex(
        "81c8000c1111111183aa7e8000000000000003e80000000a0000064022222222ff80000000010000000000100000000000000000"
    )
    yield bytes.fromhex("80c9000111111111") + bytes.fromhex("81ca0004111111110108") + b"a@host.x" + bytes(2)
    yield bytes.fromhex("81cb0003deadbeef07") + b"goodbye"
    yield bytes.fromhex("80cc000311111111") + b"name" + b"data"
    yield bytes.fromhex("a1ce000311111111222222220000000000000004"[:40])


# -- configuration and dialplan ----------------------------------------------------------------------------------------


def make_config() -> Check:
    from globstar.config import ConfigError, ConfigFile, MemorySource, read_config

    def read(text: str, other: str) -> ConfigFile | None:
        source = MemorySource(
            {"x.conf": text, "f.conf": other, "g/h.conf": other, "g/x.conf": "#include x.conf\n"}, {"gen": other}
        )
        try:
            return read_config("x.conf", source)
        except ConfigError as error:
            fault = error
        assert fault.file
        assert fault.line > 0
        return None

    def check(data: bytes) -> None:
        text, _, other = _text(data).partition("\x1f")
        config = read(text, other)
        if config is None:
            return
        for section in config.sections:
            assert section.line > 0
            assert all(variable.file and variable.line > 0 and variable.name for variable in section)
        again = read(str(config).removeprefix("\ufeff"), "")
        assert again is not None
        assert [section.name for section in again.sections] == [section.name for section in config.sections]

    return check


def _config_texts() -> Iterator[str]:
    for path in sorted((SHARED / "vectors" / "calls" / "config").glob("*.conf")):
        yield path.read_text(encoding="utf-8", errors="surrogateescape")[:2000]
    yield from (
        '[a](!)\nx=1\n[b](a,+)\nx+=2\n;-- ;\n--;\n#include "f.conf"\n\x1f[c]\ny=>2\n',
        "#tryinclude g/*.conf\n[x]\n\x1f[y](!)\n",
    )


def config_seeds() -> Iterator[bytes]:
    for text in _config_texts():
        yield text.encode("utf-8", "surrogateescape")


def _recorded(name: str) -> Iterator[dict[str, Any]]:
    path = SHARED / "vectors" / "dialplan" / f"{name}.jsonl"
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def make_expression() -> Check:
    from globstar.dialplan import evaluate
    from tests.support.scope import ScriptedScope

    def check(data: bytes) -> None:
        text = _text(data)
        # A regular expression of many repetitions may take long to fail (docs/differences.md), whoever wrote the engine; time
        # is bounded for all others.
        if (":" in text or "=~" in text) and sum(map(text.count, "*+?{")) > 2:
            return
        assert isinstance(evaluate(text, ScriptedScope()), str)

    return check


def expression_seeds() -> Iterator[bytes]:
    yield b'1 + 2 * (3 - "4") % 5'
    yield b'"abc123" =~ "([a-z]+)[0-9]*" | ${V} > 1 & !0'
    for case in _recorded("expressions"):
        yield case["expr"].removeprefix("$[").removesuffix("]").encode("utf-8", "surrogateescape")


def make_template() -> Check:
    from globstar.dialplan import compile_template, substitute
    from tests.support.scope import ScriptedScope

    def check(data: bytes) -> None:
        text, *values = _text(data).split("\x1f")
        if "$[" in text and (":" in text or "=~" in text) and sum(map(_text(data).count, "*+?{")) > 2:
            return  # as in the expression target
        variables = dict(zip(("V", "N", "x", "GNUM"), values, strict=False))
        result = substitute(text, ScriptedScope(variables))
        assert isinstance(result, str)
        if compile_template(text).is_literal:
            assert result == substitute(text, ScriptedScope())

    return check


def template_seeds() -> Iterator[bytes]:
    yield b"${V:1:-2}$[1 + ${N}]${IF($[1]?${x}:b)}\x1fvalue\x1f41"
    for case in _recorded("substitution"):
        for step in case["steps"]:
            text = step if isinstance(step, str) else " ".join(map(str, step))
            yield text.encode("utf-8", "surrogateescape") + b"\x1fvalue\x1f41"


def make_extensions() -> Check:
    from globstar.config import ConfigError, MemorySource, read_config
    from globstar.dialplan import Mode, list_dialplan, read_extensions

    def check(data: bytes) -> None:
        text, _, dialled = _text(data).partition("\x1f")
        try:
            config = read_config("x", MemorySource({"x": text}))
        except ConfigError:
            return
        loaded = read_extensions(config)
        assert all(warning.file == "x" and warning.line > 0 for warning in loaded.warnings)
        plan = loaded.plan
        for context in list(plan.contexts)[:4]:
            for mode in Mode:
                list(plan.search(context, dialled, 1, "5", mode))
            plan.route(context, dialled, "5")
            plan.match_more(context, dialled, "")
            plan.hint(context, dialled)
        list_dialplan(plan)

    return check


def extensions_seeds() -> Iterator[bytes]:
    yield b"[a]\nexten => _1[2-4]X.,1(l),NoOp(${EXTEN:1})\n same => n,Goto(l)\ninclude => b\nexten => 5/6,hint,SIP/x\n\x1f123"
    for name in ("patterns", "flows"):
        for case in _recorded(name):
            dialled = case["dials"][0]["exten"] if "dials" in case else case["exten"]
            yield f"{case['conf']}\x1f{dialled}".encode("utf-8", "surrogateescape")


TARGETS: dict[str, Target] = {
    "sip_message": Target(make_sip_message, ("globstar.proto.sip",), sip_seeds),
    "sip_headers": Target(make_sip_headers, ("globstar.proto.sip",), header_seeds, max_bytes=512),
    "sip_stream": Target(make_sip_stream, ("globstar.proto.sip.stream", "globstar.proto.sip.parser"), stream_seeds),
    "sdp": Target(make_sdp, ("globstar.proto.sdp",), sdp_seeds),
    "rtp": Target(make_rtp, ("globstar.proto.rtp",), rtp_seeds, max_bytes=640),
    "rtcp": Target(make_rtcp, ("globstar.proto.rtp",), rtcp_seeds, max_bytes=640),
    "config": Target(make_config, ("globstar.config",), config_seeds),
    "expression": Target(make_expression, ("globstar.dialplan",), expression_seeds, max_bytes=256),
    "template": Target(make_template, ("globstar.dialplan",), template_seeds, max_bytes=512),
    "extensions": Target(make_extensions, ("globstar.dialplan", "globstar.config"), extensions_seeds),
}


# -- the driver's own test ----------------------------------------------------------------------------------------------


def make_raising() -> Check:
    def check(data: bytes) -> None:
        if data[:2] == b"no":
            raise ValueError("not a remote fault")

    return check


def make_slow() -> Check:
    def check(data: bytes) -> None:
        if data[:2] == b"no":
            started = time.process_time()
            while time.process_time() - started < SLOWEST * 1.1:
                pass

    return check


SELF_TESTS: dict[str, Target] = {
    "raising": Target(make_raising, (), lambda: [b"no"]),
    "slow": Target(make_slow, (), lambda: [b"no"]),
}
"""Checks that fail, for the test that a failure is seen."""


def write_seeds(target: Target, folder: Path) -> int:
    """Write the target's seeds, cut to its size, as the files of a corpus; returns how many."""
    count = 0
    for count, seed in enumerate(target.seeds(), 1):
        (folder / f"seed{count:04}").write_bytes(seed[: target.max_bytes])
    return count


def guarded(name: str, check: Check) -> Check:
    """``check`` that ends the process with the input in hand when it fails or takes too long."""

    def run(data: bytes) -> None:
        started = time.process_time()
        try:
            check(data)
        except Exception:
            _give_up(name, data, traceback.format_exc())
        used = time.process_time() - started
        if used > SLOWEST:
            _give_up(name, data, f"{used:.2f} s of CPU for one input")

    return run


def _give_up(name: str, data: bytes, why: str) -> None:
    sys.stderr.write(f"\nINVARIANT BROKEN in {name}\ninput: {data!r}\n{why}\n")
    sys.stderr.flush()
    os._exit(BROKEN)


def main(arguments: list[str]) -> None:
    """Fuzz one target; libFuzzer ends the process."""
    import atheris

    name, *options = arguments
    target = (TARGETS | SELF_TESTS)[name]
    with atheris.instrument_imports(include=list(target.packages), enable_loader_override=False):
        check = target.make()
    atheris.Setup([sys.argv[0], *options, f"-max_len={target.max_bytes}"], guarded(name, check))
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
