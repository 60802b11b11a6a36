"""The office of globstar.testing: what its phones can do, and that two runs are the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.testing import Office, run_virtual
from globstar.testing.messages import Message, authorization

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
PJSIP = """
[udp]
type=transport
protocol=udp
bind=0.0.0.0:5080
"""
PLAN = """
[office]
exten => _1XX,1,Dial(PJSIP/${EXTEN},20,tT)
exten => 300,1,Answer()
 same => n,UserEvent(three,Caller: ${CALLERID(all)})
 same => n,Wait(60)
exten => 400,1,Busy(1)
exten => 500,1,Set(RANDOM=${RAND(1,1000000)})
 same => n,System(echo hello)
 same => n,MessageSend(pjsip:100)
"""


def phone(name: str) -> str:
    return (
        f"\n[{name}]\ntype=endpoint\ncontext=office\nmessage_context=office\ndisallow=all\nallow=ulaw\ndirect_media=no\n"
        f"aors={name}\nauth={name}\n[{name}]\ntype=auth\nusername={name}\npassword=secret\n[{name}]\ntype=aor\nmax_contacts=1\n"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "extensions.conf").write_text(PLAN)
    (tmp_path / "pjsip.conf").write_text(PJSIP + "".join(map(phone, ("100", "101", "102"))))
    return tmp_path


def test_a_call_from_end_to_end(folder: Path):
    async def main() -> None:
        async with Office(folder) as office:
            one, two = await office.phone("100"), await office.phone("101")
            call = one.call("101")
            incoming = await two.is_called()
            await call.is_ringing()
            assert call.channel is not None
            assert call.channel.name == "PJSIP/100-00000000"
            incoming.answer()
            await call.is_answered()
            await call.speak(0.5, octet=0x33)
            await incoming.speak(0.5, octet=0x44)
            assert incoming.media.heard.get(0x33, 0) >= 20
            assert call.media.heard.get(0x44, 0) >= 20
            call.hang_up()
            await incoming.has_ended()
            assert not incoming.ended_here
            assert call.ended_here
            assert call.variables["DIALSTATUS"] == "ANSWER"
            assert [record.disposition for record in office.records] == ["ANSWERED"]
            assert office.warnings == []

    run_virtual(main())


def test_how_calls_can_end(folder: Path):
    async def main() -> None:
        async with Office(folder) as office:
            one, two = await office.phone("100"), await office.phone("101")
            call = one.call("101")
            (await two.is_called()).refuse(486)
            assert await call.has_ended() in (486, 480, 603)
            call = one.call("101")
            incoming = await two.is_called()
            call.cancel()
            assert await call.has_ended() == 487
            assert await incoming.has_ended() == 487
            assert await one.call("400").has_ended() == 486
            assert await one.call("999").has_ended() == 404
            call = one.call("101")
            (await two.is_called()).refuse(to="300")
            await office.until(lambda: office.user_events)
            assert office.user_events[0][0] == "three"
            call.hang_up()
            with pytest.raises(AssertionError, match="nobody called"):
                await two.is_called(patience=5)
            with pytest.raises(AssertionError, match="was never answered"):
                await one.call("101").is_answered(patience=5)
            with pytest.raises(AssertionError, match="never came about"):
                await office.until(lambda: False, patience=1)

    run_virtual(main())


def test_hold_keys_and_transfer(folder: Path):
    async def main() -> None:
        async with Office(folder) as office:
            one, two, three = await office.phone("100"), await office.phone("101"), await office.phone("102")
            call = one.call("101")
            incoming = await two.is_called()
            incoming.answer()
            await call.is_answered()
            call.hold()
            await office.until(lambda: any("ChannelHeld" in line for line in office.story.told()))
            call.resume()
            await office.until(lambda: any("ChannelUnheld" in line for line in office.story.told()))
            call.transfer("102")
            moved = await three.is_called()
            moved.answer()
            await moved.is_answered()
            await call.has_ended()
            assert incoming.state < 3
            incoming.hang_up()
            await moved.has_ended()

    run_virtual(main())


def test_messages_registrations_and_commands(folder: Path):
    async def main() -> None:
        async with Office(folder, files={"extensions.conf": PLAN.replace("Busy(1)", "Congestion(1)")}) as office:
            one = await office.phone("100")
            assert (await one.send_message("500", "hello")).status == 202
            await office.until(lambda: one.texts)
            assert one.texts == ["hello"]
            assert "100/sip:100@" in await office.cli("pjsip show contacts")
            assert (await one.register(0)).status == 200
            assert "No objects found" in await office.cli("pjsip show contacts")
            assert await one.call("400").has_ended() == 503
            one.password = "wrong"
            with pytest.raises(AssertionError, match="could not register"):
                await one.register()
            with pytest.raises(LookupError, match="no endpoint 'nobody'; it has 100, 101, 102"):
                await office.phone("nobody")

    run_virtual(main())


def story_of(folder: Path, seed: int) -> tuple[str, int]:
    async def main() -> tuple[str, int]:
        async with Office(folder, seed=seed) as office:
            one, two = await office.phone("100"), await office.phone("101")
            two.on_call = lambda incoming: incoming.answer()
            calls = []
            for _ in range(20):
                calls.append(one.call("101"))
                one.call("500")
                await office.passes(0.3)
            await office.passes(600)
            for call in calls:
                await call.press("1")
                call.hang_up()
            await office.passes(5)
            assert len([record for record in office.records if record.billsec >= 600]) == 20
            return office.events_hash(), office.story.count

    return run_virtual(main())


def test_two_runs_are_the_same_and_another_seed_is_another_run(folder: Path):
    first, second, other = story_of(folder, 1), story_of(folder, 1), story_of(folder, 2)
    assert first == second
    assert first[1] > 500
    assert first[0] != other[0]


def test_two_runs_are_the_same_where_files_are_made(folder: Path):
    """The folder of a run has another name each time; what is told of files in it is the same."""
    plan = "[office]\nexten => 1,1,Answer()\n same => n,MixMonitor(${UNIQUEID}.wav)\n same => n,Record(words.wav,0,2)\n"
    plan += " same => n,Set(PLACE=${ASTSPOOLDIR})\n same => n,Set(ID=${UUID()})\n same => n,Hangup()\n"

    async def main() -> tuple[str, str, str]:
        async with Office(folder, files={"extensions.conf": plan}) as office:
            call = (await office.phone("100")).call("1")
            await call.has_ended()
            return office.events_hash(), call.variables["PLACE"], "\n".join(office.story.told())

    (first, place, told), (second, other_place, _) = run_virtual(main()), run_virtual(main())
    assert first == second
    assert place != other_place
    assert place not in told
    assert "MIXMONITOR_FILENAME value=/office/spool/monitor/" in told


def test_an_office_needs_a_directory_and_virtual_time(tmp_path: Path):
    import asyncio

    async def main(folder: Path) -> None:
        async with Office(folder):
            pass

    with pytest.raises(FileNotFoundError, match="no configuration directory"):
        run_virtual(main(tmp_path / "nowhere"))
    with pytest.raises(TypeError, match="virtual time"):
        asyncio.run(main(tmp_path))


def test_a_directory_without_phones_runs_too(tmp_path: Path):
    (tmp_path / "extensions.conf").write_text("[default]\nexten => s,1,Answer()\n")

    async def main() -> None:
        async with Office(tmp_path) as office:
            with pytest.raises(LookupError, match="need chan_pjsip"):
                await office.phone("100")

    run_virtual(main())


def test_messages_are_read_by_the_phone_itself():
    message = Message(
        "SIP/2.0 200 OK\r\nCSeq: 5 INVITE\r\nContact: <sip:a@1.2.3.4:5>;x\r\n\r\nc=IN IP4 1.2.3.4\r\nm=audio 0 RTP/AVP 0\r\n"
    )
    assert (message.status, message.method, message.sequence, message.contact) == (200, "INVITE", 5, "sip:a@1.2.3.4:5")
    assert message.media is None
    assert message["Nothing"] == ""
    # RFC 7616 3.9.1
    challenge = 'Digest realm="http-auth@example.org", qop="auth", algorithm=SHA-256, nonce="n", opaque="o"'
    value = authorization(challenge, "REGISTER", "sip:x", "Mufasa", "Circle of Life")
    assert 'algorithm=SHA-256, opaque="o", qop=auth' in value
