"""Who may do what: digest, strangers, addresses (RFC 7616, RFC 3261 22)."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from globstar.base.log import Level
from tests.support.sip_phone import phone_section, sip_office
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

ALICE = phone_section("alice", "s3cret")
ECHO = "[default]\nexten => 1,1,Answer()\n same => n,Wait(5)\n"


async def test_strangers_and_wrong_passwords_get_the_same(tmp_path: Path) -> None:
    """Nobody learns from the answer which names exist."""
    async with sip_office(tmp_path, ALICE, ECHO) as office:
        alice = office.phone("alice")
        known = alice.text("REGISTER", "sip:127.0.0.1", to="<sip:alice@127.0.0.1>", call_id="one", cseq=7)
        stranger = known.replace("sip:alice@127.0.0.1", "sip:alien@127.0.0.1").replace("Call-ID: one", "Call-ID: two")
        answers = []
        for text in (known, stranger):
            alice.send(text)
            answers.append(await alice.get(401))
        credentials = alice.credentials(answers[0]["WWW-Authenticate"], "REGISTER", "sip:127.0.0.1", password="wrong")
        alice.send(alice.text("REGISTER", "sip:127.0.0.1", to="<sip:alice@127.0.0.1>", extra=credentials))
        answers.append(await alice.get(401))
        names = [[name for name, _ in answer.headers] for answer in answers]
        assert names[0] == names[1] == names[2]
        shapes = {answer["WWW-Authenticate"].partition("nonce=")[0] for answer in answers}
        assert shapes == {'Digest realm="asterisk",'}
        assert not office.driver.sip.layer.servers, "challenges leave nothing behind"


async def test_a_wrong_password_is_reported(tmp_path: Path) -> None:
    async with sip_office(tmp_path, ALICE) as office:
        alice = office.phone("alice", "wrong")
        with LogCapture(Level.NOTICE) as log:
            assert (await alice.register()).status == 401
        assert any("Failed to authenticate" in text for text in log.texts(Level.NOTICE))
        assert not any("s3cret" in record.message for record in log.records)
        assert office.driver.counters["authentication failed"] == 1
        assert not list(office.driver.contacts.all())


async def test_old_challenges_are_stale(tmp_path: Path) -> None:
    """After nonce_lifetime the same answer gets stale=true, and with the new nonce the phone is let in."""
    async with sip_office(tmp_path, ALICE) as office:
        alice = office.phone("alice", "s3cret")
        alice.send(alice.text("REGISTER", "sip:127.0.0.1", to="<sip:alice@127.0.0.1>"))
        challenge = (await alice.get(401))["WWW-Authenticate"]
        await asyncio.sleep(40)
        late = alice.credentials(challenge, "REGISTER", "sip:127.0.0.1")
        alice.send(alice.text("REGISTER", "sip:127.0.0.1", to="<sip:alice@127.0.0.1>", extra=late))
        again = (await alice.get(401))["WWW-Authenticate"]
        assert "stale=true" in again
        assert "stale" not in challenge
        fresh = alice.credentials(again, "REGISTER", "sip:127.0.0.1")
        alice.send(alice.text("REGISTER", "sip:127.0.0.1", to="<sip:alice@127.0.0.1>", extra=fresh))
        await alice.get(200)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_algorithms(tmp_path: Path, algorithm: str) -> None:
    text = ALICE.replace("password=s3cret", f"password=s3cret\nsupported_algorithms_uas={algorithm}")
    async with sip_office(tmp_path, text) as office:
        alice = office.phone("alice", "s3cret")
        alice.send(alice.text("REGISTER", "sip:127.0.0.1", to="<sip:alice@127.0.0.1>"))
        challenge = (await alice.get(401))["WWW-Authenticate"]
        assert f"algorithm={algorithm}" in challenge
        assert (await alice.register()).status == 200


async def test_a_stored_hash(tmp_path: Path) -> None:
    digest = hashlib.md5(b"alice:asterisk:s3cret").hexdigest()
    text = ALICE.replace("password=s3cret", f"auth_type=md5\nmd5_cred={digest}")
    async with sip_office(tmp_path, text) as office:
        assert (await office.phone("alice", "s3cret").register()).status == 200


async def test_an_auth_that_is_missing_lets_nobody_in(tmp_path: Path) -> None:
    text = ALICE.replace("auth=alice", "auth=nowhere")
    async with sip_office(tmp_path, text) as office:
        assert (await office.phone("alice", "s3cret").register()).status == 401


async def test_the_server_answers_challenges_of_others(tmp_path: Path) -> None:
    """outbound_auth: an INVITE that is challenged is sent again with credentials."""
    trunk = (
        "[trunk]\ntype=endpoint\nallow=ulaw\naors=trunk\noutbound_auth=trunk\n"
        "[trunk]\ntype=auth\nusername=me\npassword=secret\n[trunk]\ntype=aor\ncontact=sip:127.0.0.1:15072\n"
    )
    async with sip_office(
        tmp_path, phone_section("alice") + trunk, "[default]\nexten => 2,1,Dial(PJSIP/77@trunk)\n same => n,Hangup()\n"
    ) as office:
        alice, far = office.phone("alice"), office.phone("trunk")
        call = alice.call("2")
        await alice.get(100)
        first = await far.get("INVITE")
        assert first.uri == "sip:77@127.0.0.1:15072"
        challenge = 'WWW-Authenticate: Digest realm="far", nonce="n1", algorithm=MD5, qop="auth", opaque="o"\r\n'
        far.send(far.reply_to(first, 401, tag="t1", extra=challenge))
        await far.get("ACK")
        second = await far.get("INVITE")
        fields = dict(part.strip().partition("=")[::2] for part in second["Authorization"].removeprefix("Digest ").split(","))
        assert fields["username"] == '"me"'
        assert fields["nonce"] == '"n1"'
        assert int(second["CSeq"].split()[0]) == int(first["CSeq"].split()[0]) + 1
        ha1, ha2 = (hashlib.md5(text.encode()).hexdigest() for text in ("me:far:secret", "INVITE:sip:77@127.0.0.1:15072"))
        proof = f"{ha1}:n1:{fields['nc']}:{fields['cnonce'].strip(chr(34))}:auth:{ha2}"
        assert fields["response"] == f'"{hashlib.md5(proof.encode()).hexdigest()}"'
        far.send(far.reply_to(second, 401, tag="t2", extra=challenge))
        await far.get("ACK")
        call.refused(await alice.get(403))
        await office.quiet()


async def test_denied_addresses(tmp_path: Path) -> None:
    text = phone_section("alice", deny="0.0.0.0/0", permit="127.0.0.2") + phone_section("bob", contact_deny="127.0.0.3")
    async with sip_office(tmp_path, text, ECHO) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        near = office.phone("near", host="127.0.0.2")
        assert (await alice.register()).status == 403
        near.send(near.text("REGISTER", "sip:127.0.0.1", to="<sip:alice@127.0.0.1>", user="alice"))
        await near.get(200)
        assert (await bob.register()).status == 200
        assert (await bob.register(contact="<sip:bob@127.0.0.3>")).status == 403
        assert (await bob.register(contact="<sip:bob@pbx.example.com>")).status == 403, "a name could lead there"
        assert office.driver.counters["refused by address"] == 3


async def test_a_flood_of_strangers_is_told_once(tmp_path: Path) -> None:
    async with sip_office(tmp_path, ALICE) as office:
        stranger = office.phone("mallory")
        with LogCapture(Level.NOTICE | Level.WARNING) as log:
            for number in range(200):
                stranger.send(stranger.text("INVITE", f"sip:{number}@127.0.0.1"))
            await asyncio.sleep(1)
        assert [answer.status for answer in stranger.inbox] == [401] * 200
        stranger.inbox.clear()
        assert len(log.records) == 1
        assert office.driver.unidentified.total == 200
        assert not office.driver.sip.layer.servers
        assert not office.system.channels
