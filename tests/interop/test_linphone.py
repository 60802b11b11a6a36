"""linphone as a phone: registration on every transport, calls, hold, both transfers, busy lamps, waiting messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.interop.support.audio import sine, write_wav
from tests.interop.support.linphone import Linphone
from tests.interop.support.office import Office, Phone
from tests.support.certificates import Authority
from tests.support.loopback import HOST, free_port, wait_until
from tests.support.server import GlobstarProcess

DIALPLAN = """\
exten => 600,1,Answer()
 same => n,Echo()
exten => 601,1,Answer()
 same => n,Milliwatt()
exten => 630,1,Answer()
 same => n(again),Wait(1)
 same => n,Log(NOTICE,secured: ${CALLERID(num)} ${CHANNEL(rtp,secure)} ${CHANNEL(rtcp,rxcount)})
 same => n,Goto(again)
exten => 620,1,VoiceMail(100@default,s)
exten => _1XX,1,Dial(PJSIP/${EXTEN},20)
exten => 101,hint,PJSIP/101
exten => 102,hint,PJSIP/102
"""


@dataclass
class Bench:
    """A server with three phones, UDP, TCP and TLS."""

    server: GlobstarProcess
    port: int
    tls: int
    authority: Path
    directory: Path
    stack: ExitStack = field(default_factory=ExitStack)
    count: int = 0

    def phone(self, user: str, transport: str = "udp", **options: object) -> Linphone:
        """A phone that is registered."""
        self.count += 1
        port, host = (self.tls, "localhost") if transport == "tls" else (self.port, HOST)
        phone = Linphone(
            self.directory / f"phone{self.count}", user, f"secret{user}", port,
            transport=transport, host=host, authority=self.authority, **options,  # type: ignore[arg-type]
        )  # fmt: skip
        self.stack.enter_context(phone)
        phone.wait_registered()
        return phone

    def tone(self) -> Path:
        """A sound to play."""
        path = self.directory / "tone.wav"
        write_wav(path, sine(440, 30))
        return path

    def recordings(self) -> list[Path]:
        """The sound files of mailboxes, finished or not."""
        return list(self.server.paths["astspooldir"].rglob("*.wav"))

    def bridged(self, count: int = 2) -> bool:
        return self.server.channel_count() == count


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    directory = tmp_path_factory.mktemp("linphone")
    authority = Authority(directory)
    certificate, key = authority.issue("server", "localhost", HOST)
    tls = free_port()
    phones = [Phone(name, f"secret{name}", codecs="ulaw,alaw") for name in ("101", "102", "103")]
    phones.append(Phone("104", "secret104", options="media_encryption=sdes\n"))
    phones.append(Phone("105", "secret105", options="media_encryption=dtls\ndtls_verify=fingerprint\n"))
    office = Office(list(phones), {"phones": DIALPLAN})
    files = office.configuration()
    files["pjsip.conf"] += (
        f"[tls]\ntype=transport\nprotocol=tls\nbind={HOST}:{tls}\ncert_file={certificate}\npriv_key_file={key}\n\n"
    )
    for name in ("101", "102", "103"):  # everybody is reached where they come from; 101 has a mailbox
        mailbox = "mailboxes=100@default\n" if name == "101" else ""
        files["pjsip.conf"] = files["pjsip.conf"].replace(
            f"[{name}]\ntype=endpoint\n", f"[{name}]\ntype=endpoint\nrewrite_contact=yes\nsubscribe_context=phones\n{mailbox}"
        )
    process = GlobstarProcess(directory / "server", files)
    try:
        process.wait_booted()
        yield Bench(process, office.port, tls, authority.path, directory)
    finally:
        problems = process.finish()
    assert not problems, f"{problems}\n{process.log_tail()}"


@pytest.fixture
def bench(server: Bench) -> Iterator[Bench]:
    with ExitStack() as stack:
        server.stack = stack
        yield server
    server.server.wait_idle()


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_registers_and_calls_on_every_transport(bench: Bench, transport: str) -> None:
    phone = bench.phone("101", transport)
    assert "101" in bench.server.cli("pjsip show contacts")
    phone.call("600")
    phone.send("terminate")
    phone.wait("ended")
    bench.server.wait_idle()


@pytest.mark.parametrize("transport", ["udp", "tls"])
def test_an_offer_that_is_capable_of_srtp_connects(bench: Bench, transport: str) -> None:
    phone = bench.phone("101", transport, encryption="srtp")
    phone.call("601")
    assert "a=crypto" in phone.messages()
    phone.send("terminate")
    phone.wait("ended")


@pytest.mark.parametrize(("user", "encryption"), [("104", "srtp!"), ("105", "dtls!")])
def test_a_phone_that_insists_on_encryption_has_it(bench: Bench, user: str, encryption: str) -> None:
    """Keys by SDP and by DTLS; what arrives is authentic, as nothing else is counted."""
    phone = bench.phone(user, encryption=encryption)
    phone.call("630")
    phone.play(bench.tone())
    # The end of the line counts: the trace of the call has the same words, and comes first.
    packets = re.compile(rf"secured: {user} 1 (\d+)$", re.MULTILINE)
    wait_until(lambda: [n for n in packets.findall(bench.server.log()) if int(n) > 10], 30, "encrypted packets come")
    phone.send("terminate")
    phone.wait("ended")


def test_one_phone_calls_another_and_either_hangs_up(bench: Bench) -> None:
    caller, callee = bench.phone("101"), bench.phone("102", "tcp")
    for who_ends in (caller, callee):
        callee.listen()
        caller.send("call 102")
        callee.wait("is contacting you|Receiving new incoming call|incoming call")
        callee.send("answer")
        callee.wait("Media streams established")
        caller.wait("Media streams established")
        wait_until(bench.bridged, 20, "two channels")
        who_ends.send("terminate")
        for phone in (caller, callee):
            phone.wait("ended")
        bench.server.wait_idle()


def test_hold_and_resume(bench: Bench) -> None:
    caller, callee = bench.phone("101"), bench.phone("102")
    caller.send("call 102")
    callee.wait("incoming call|contacting you")
    callee.send("answer")
    caller.wait("Media streams established")
    caller.send("pause")
    caller.wait("is now paused")
    wait_until(lambda: "hold" in bench.server.cli("core show hints").lower(), 5, "the device is on hold")
    caller.send("resume")
    caller.wait("Media streams established")
    wait_until(lambda: "onhold" not in bench.server.cli("core show hints").lower(), 5, "the device is in use again")
    caller.send("terminate")
    callee.wait("ended")


def test_blind_transfer(bench: Bench) -> None:
    caller, callee = bench.phone("101"), bench.phone("102")
    caller.send("call 102")
    callee.wait("incoming call|contacting you")
    callee.send("answer")
    caller.wait("Media streams established")
    caller.send(f"transfer sip:601@{HOST}")
    caller.wait("ended", 20)
    wait_until(lambda: "Milliwatt" in bench.server.cli("core show channels"), 5, "the callee hears the tone")
    callee.send("terminate")
    callee.wait("ended")


def test_attended_transfer(bench: Bench) -> None:
    first, middle, last = bench.phone("101"), bench.phone("102"), bench.phone("103")
    first.send("call 102")
    middle.wait("incoming call|contacting you")
    middle.send("answer")
    first.wait("Media streams established")
    middle.send("pause")
    middle.wait("is now paused")
    middle.send("call 103")
    last.wait("incoming call|contacting you")
    last.send("answer")
    middle.wait("Media streams established")
    middle.send("transfer 1 --to-call 2")
    wait_until(lambda: bench.server.channel_count() == 2, 10, "two channels are left")
    channels = bench.server.cli("core show channels concise")
    assert "PJSIP/101-" in channels
    assert "PJSIP/103-" in channels
    last.send("terminate")
    last.wait("ended")


def test_a_busy_lamp_follows_the_other_phone(bench: Bench) -> None:
    watched = bench.phone("102")
    watcher = bench.phone("101", friends=("102",))
    watcher.wait_message(r"SUBSCRIBE sip:102@")
    watcher.wait_message(r"(?s)NOTIFY sip:101@.*?Event: presence.*?<basic>open</basic>")
    watched.call("600")
    watcher.wait_message(r"(?s)NOTIFY sip:101@.*?(on-the-phone|On the phone|busy)")
    watched.send("terminate")
    watched.wait("ended")


def test_a_waiting_message_is_told(bench: Bench) -> None:
    """The phone is told unasked when it registers, and again when somebody has left a message."""
    phone = bench.phone("101")
    phone.wait_message(r"(?s)NOTIFY sip:101@.*?Event: message-summary.*?Messages-Waiting: no")
    caller = bench.phone("103")
    caller.call("620")
    caller.play(bench.tone())
    wait_until(lambda: any(path.stat().st_size > 16000 for path in bench.recordings()), 20, "a second is recorded")
    caller.send("terminate")
    caller.wait("ended")
    bench.server.wait_idle()
    phone.wait_message(r"(?s)NOTIFY sip:101@.*?Event: message-summary.*?Messages-Waiting: yes")
