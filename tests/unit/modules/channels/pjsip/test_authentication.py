"""Who may do what: digest, strangers, addresses (RFC 7616, RFC 3261 22)."""

from __future__ import annotations

import asyncio
import hashlib
import re
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


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256"])
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


@pytest.mark.parametrize(("algorithm", "hash_"), [("MD5", "md5"), ("SHA-256", "sha256"), ("SHA-512-256", "sha512_256")])
async def test_a_stored_hash_of_any_algorithm(tmp_path: Path, algorithm: str, hash_: str) -> None:
    digest = hashlib.new(hash_, b"alice:asterisk:s3cret").hexdigest()
    text = ALICE.replace("password=s3cret", f"password_digest={algorithm}:{digest}\nsupported_algorithms_uas={algorithm}")
    async with sip_office(tmp_path, text) as office:
        assert (await office.phone("alice", "s3cret").register()).status == 200
        assert (await office.phone("alice", "guess").register()).status == 401


async def test_rfc8760_2_3_the_defaults_are_offered_in_order(tmp_path: Path) -> None:
    text = ALICE + "[global](+)\ndefault_auth_algorithms_uas=SHA-512-256,SHA-256,MD5\ndefault_realm=office\n"
    async with sip_office(tmp_path, text) as office:
        alice, stranger = office.phone("alice", "s3cret"), office.phone("stranger")
        offers = []
        for phone in (alice, stranger):
            phone.send(phone.text("REGISTER", "sip:127.0.0.1", to="<sip:alice@127.0.0.1>"))
            challenges = (await phone.get(401)).all("WWW-Authenticate")
            offers.append([re.sub(r'(nonce|opaque)="[^"]*"', "", challenge) for challenge in challenges])
        assert [re.search(r"algorithm=([^,]+)", one)[1] for one in offers[0]] == ["SHA-512-256", "SHA-256", "MD5"]  # type: ignore[index]
        assert offers[0] == offers[1], "strangers are offered the same"
        assert (await alice.register()).status == 200


async def test_rfc3261_22_several_realms(tmp_path: Path) -> None:
    """An endpoint with two auths may prove itself in either realm."""
    text = ALICE.replace("auth=alice", "auth=alice,second") + "[second]\ntype=auth\nusername=anna\npassword=other\nrealm=annex\n"
    async with sip_office(tmp_path, text) as office:
        alice = office.phone("alice")
        alice.send(alice.text("REGISTER", "sip:127.0.0.1", to="<sip:alice@127.0.0.1>"))
        challenges = (await alice.get(401)).all("WWW-Authenticate")
        assert [re.search(r'realm="([^"]+)"', one)[1] for one in challenges] == ["asterisk", "annex"]  # type: ignore[index]
        for challenge, user, password, status in (
            (challenges[0], "alice", "s3cret", 200),
            (challenges[1], "anna", "other", 200),
            (challenges[1], "alice", "s3cret", 401),
            (challenges[0], "anna", "other", 401),
        ):
            line = alice.credentials(challenge, "REGISTER", "sip:127.0.0.1", user=user, password=password)
            alice.send(alice.text("REGISTER", "sip:127.0.0.1", to="<sip:alice@127.0.0.1>", extra=line))
            await alice.get(status)


async def test_rfc7616_3_4_an_answer_counts_once(tmp_path: Path) -> None:
    """Who repeats an answer that was overheard is asked again; the next count of the same nonce is taken."""
    async with sip_office(tmp_path, ALICE) as office:
        alice = office.phone("alice", "s3cret")
        alice.send(alice.text("REGISTER", "sip:127.0.0.1", to="<sip:alice@127.0.0.1>"))
        challenge = (await alice.get(401))["WWW-Authenticate"]
        for count, status in ((1, 200), (1, 401), (2, 200), (5, 200), (4, 401)):
            line = alice.credentials(challenge, "REGISTER", "sip:127.0.0.1", count=count)
            alice.send(alice.text("REGISTER", "sip:127.0.0.1", to="<sip:alice@127.0.0.1>", extra=line))
            assert ("stale=true" in (await alice.get(status)).text) == (status == 401)


async def test_strangers_learn_nothing_of_extensions(tmp_path: Path) -> None:
    """Whatever a stranger dials, and whatever it answers, the answers differ in their random parts only."""
    async with sip_office(tmp_path, ALICE, ECHO) as office:
        stranger = office.phone("stranger")
        shapes = set()
        for method in ("INVITE", "OPTIONS"):
            for number in ("1", "999", "alice"):
                stranger.send(stranger.text(method, f"sip:{number}@127.0.0.1", to=f"<sip:{number}@127.0.0.1>"))
                answer = await stranger.get(401)
                line = stranger.credentials(answer["WWW-Authenticate"], method, f"sip:{number}@127.0.0.1", password="x")
                stranger.send(stranger.text(method, f"sip:{number}@127.0.0.1", to=f"<sip:{number}@127.0.0.1>", extra=line))
                for seen in (answer, await stranger.get(401)):
                    text = re.sub(r'(nonce|opaque|tag|branch)="?[^",;\r]*', "", seen.text)
                    shapes.add(re.sub(r"(Call-ID|CSeq|To|From|Via): [^\r]*", "", text))
        assert len(shapes) == 1


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("auth_type=google_oauth", "auth_type=google_oauth is not supported; use a password or its digest"),
        ("refresh_token=x", "sign-on with OAuth tokens is not supported"),
        ("oauth_clientid=x", "sign-on with OAuth tokens is not supported"),
        ("oauth_secret=x", "sign-on with OAuth tokens is not supported"),
    ],
)
async def test_oauth_is_told(tmp_path: Path, option: str, told: str) -> None:
    with LogCapture(Level.WARNING) as log:
        async with sip_office(tmp_path, ALICE.replace("password=s3cret", f"password=s3cret\n{option}")):
            pass
    assert any(told in text for text in log.texts(Level.WARNING))


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
