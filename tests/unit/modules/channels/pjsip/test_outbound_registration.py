"""Registration with other servers: requests, challenges, retries, refresh, line, shutdown (RFC 3261 10.2, RFC 5626, RFC 3329)."""

from __future__ import annotations

import asyncio
import copy
import csv
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.cli import run_command
from globstar.core.events import RegistryChanged
from globstar.core.services import SipRegistrations
from globstar.modules.channels.pjsip.supplements.outbound_registration import (
    OutboundRegistration,
    RegistrationState,
    registrations_of,
)
from tests.conftest import SHARED
from tests.support.sip_phone import SipOffice, SipPhone, Wire, phone_section, sip_office
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

SERVER_URI = "sip:127.0.0.1:15071"


def section(**options: object) -> str:
    """A registration with the first phone of the office."""
    values = {
        "server_uri": SERVER_URI, "client_uri": "sip:us@example.com", "contact_user": "in", "max_random_initial_delay": 0,
        **options,
    }  # fmt: skip
    return "[far]\ntype=registration\n" + "".join(f"{name}={value}\n" for name, value in values.items()) + "\n"


AUTH = "[secret]\ntype=auth\nauth_type=userpass\nusername=me\npassword=pw\n\n"


@asynccontextmanager
async def registrar(root: Path, text: str, plan: str = "") -> AsyncIterator[tuple[SipOffice, SipPhone, OutboundRegistration]]:
    """An office whose first phone is the registrar; registrations are closed at the end."""
    async with sip_office(root, text, plan) as office:
        registrations = registrations_of(office.driver)
        assert registrations is not None
        try:
            yield office, office.phone("far"), registrations
        finally:
            for one in registrations.registrations.values():
                one.close()


def accept(far: SipPhone, request: Wire, expires: int = 3600, extra: str = "") -> None:
    """A 200 with the contact of the request."""
    contact = re.sub(r">.*", ">", request["Contact"])
    text = far.reply_to(request, 200, "OK", tag="far", extra=extra)
    far.send(text.replace(f"Contact: <{far.uri}>", f"Contact: {contact};expires={expires}"))


def digest(request: Wire, password: str, algorithm: str = "md5") -> bool:
    """Whether the credentials of a request are right."""
    fields = dict(re.findall(r'(\w+)="?([^",]+)"?', request["Authorization"] or request["Proxy-Authorization"]))

    def hashed(text: str) -> str:
        return hashlib.new(algorithm, text.encode()).hexdigest()

    ha1 = hashed(f"{fields['username']}:{fields['realm']}:{password}")
    ha2 = hashed(f"{request.method}:{request.uri}" + (f":{hashed(request.body)}" if fields["qop"] == "auth-int" else ""))
    expected = hashed(f"{ha1}:{fields['nonce']}:{fields['nc']}:{fields['cnonce']}:{fields['qop']}:{ha2}")
    return fields["response"] == expected


async def test_register_and_refresh(tmp_path: Path) -> None:
    async with registrar(tmp_path, section()) as (office, far, registrations):
        events: list[RegistryChanged] = []
        office.system.bus.subscribe(RegistryChanged, events.append)
        first = await far.get("REGISTER")
        assert first.uri == SERVER_URI
        assert first["To"] == "<sip:us@example.com>"
        assert first["From"].startswith("<sip:us@example.com>;tag=")
        assert first["Contact"] == "<sip:in@127.0.0.1:15060>"
        assert first["Expires"] == "3600"
        accept(far, first, 100)
        await asyncio.sleep(0.1)
        (one,) = registrations.registrations.values()
        assert one.state is RegistrationState.REGISTERED
        assert [(event.username, event.domain, event.status) for event in events] == [
            ("sip:us@example.com", SERVER_URI, "Registered")
        ]
        await asyncio.sleep(89)
        assert not far.inbox
        await asyncio.sleep(1)
        again = await far.get("REGISTER")
        assert again["Call-ID"] == first["Call-ID"]
        assert int(again["CSeq"].split()[0]) == int(first["CSeq"].split()[0]) + 1
        shown = await run_command(office.system, "pjsip show registrations")
        assert "far/sip:127.0.0.1:15071" in shown
        assert "Registered" in shown


async def test_the_first_one_waits_a_random_time(tmp_path: Path) -> None:
    async with registrar(tmp_path, section(max_random_initial_delay=10)) as (office, far, registrations):
        (one,) = registrations.registrations.values()
        assert one.next_at is not None
        delays = {one.initial_delay() for _ in range(20)}
        assert len(delays) > 15
        assert all(0 <= delay < 10 for delay in delays)
        begin = office.system.now()
        due = one.next_at
        await far.get("REGISTER")
        assert office.system.now() == pytest.approx(due, abs=0.01)
        assert due - begin < 10


@pytest.mark.parametrize("kind", ["WWW", "Proxy"])
async def test_challenges_are_answered(tmp_path: Path, kind: str) -> None:
    """401 and 407; a nonce that comes again is counted on (RFC 7616 3.4)."""
    async with registrar(tmp_path, AUTH + section(outbound_auth="secret")) as (_, far, registrations):
        status = {"WWW": 401, "Proxy": 407}[kind]
        challenge = f'{kind}-Authenticate: Digest realm="far", nonce="n1", algorithm=MD5, qop="auth"\r\n'
        for count in (1, 2):
            first = await far.get("REGISTER")
            far.send(far.reply_to(first, status, extra=challenge))
            second = await far.get("REGISTER")
            answer = second["Authorization" if kind == "WWW" else "Proxy-Authorization"]
            assert f"nc=0000000{count}" in answer
            assert digest(second, "pw")
            accept(far, second, 30)
            await asyncio.sleep(1)
            (one,) = registrations.registrations.values()
            assert one.state is RegistrationState.REGISTERED


async def test_several_realms_and_auth_int(tmp_path: Path) -> None:
    """A proxy and the registrar challenge one request; the registrar wants the body protected too (RFC 7616 3.4.3)."""
    second_auth = AUTH.replace("[secret]", "[proxy]").replace("password=pw", "password=ppw\nrealm=proxy")
    text = AUTH + second_auth + section(outbound_auth="secret,proxy")
    async with registrar(tmp_path, text) as (_, far, _):
        first = await far.get("REGISTER")
        extra = (
            'WWW-Authenticate: Digest realm="far", nonce="n1", algorithm=MD5, qop="auth-int"\r\n'
            'Proxy-Authenticate: Digest realm="proxy", nonce="n2", algorithm=MD5, qop="auth"\r\n'
        )
        far.send(far.reply_to(first, 401, extra=extra))
        second = await far.get("REGISTER")
        assert "qop=auth-int" in second["Authorization"]
        assert digest(second, "pw")
        proxy_only = Wire(second.text.replace(f"Authorization: {second['Authorization']}\r\n", "", 1))
        assert digest(proxy_only, "ppw")


@pytest.mark.parametrize(
    ("allowed", "answered"),
    [("", "MD5"), ("SHA-256", "SHA-256"), ("MD5,SHA-256", "SHA-256")],
    ids=["default", "one", "strongest"],
)
async def test_rfc8760_algorithms_that_may_be_answered(tmp_path: Path, allowed: str, answered: str) -> None:
    auth = AUTH.replace("\n\n", f"\nsupported_algorithms_uac={allowed}\n\n") if allowed else AUTH
    async with registrar(tmp_path, auth + section(outbound_auth="secret")) as (_, far, _):
        first = await far.get("REGISTER")
        extra = "".join(
            f'WWW-Authenticate: Digest realm="far", nonce="n", algorithm={name}, qop="auth"\r\n' for name in ("SHA-256", "MD5")
        )
        far.send(far.reply_to(first, 401, extra=extra))
        second = await far.get("REGISTER")
        assert f"algorithm={answered}" in second["Authorization"]
        assert digest(second, "pw", answered.replace("-", "").lower())


async def test_a_stale_nonce_is_no_refusal(tmp_path: Path) -> None:
    async with registrar(tmp_path, AUTH + section(outbound_auth="secret")) as (_, far, _):
        for nonce, stale in (("n1", ""), ("n2", ", stale=true")):
            request = await far.get("REGISTER")
            extra = f'WWW-Authenticate: Digest realm="far", nonce="{nonce}", algorithm=MD5, qop="auth"{stale}\r\n'
            far.send(far.reply_to(request, 401, extra=extra))
        last = await far.get("REGISTER")
        assert 'nonce="n2"' in last["Authorization"]


@pytest.mark.parametrize(("permanent", "again"), [("yes", False), ("no", True)])
async def test_auth_rejection_permanent(tmp_path: Path, permanent: str, again: bool) -> None:
    text = AUTH + section(outbound_auth="secret", auth_rejection_permanent=permanent, retry_interval=20)
    async with registrar(tmp_path, text) as (office, far, registrations):
        for nonce in ("n1", "n2"):
            request = await far.get("REGISTER")
            extra = f'WWW-Authenticate: Digest realm="far", nonce="{nonce}", algorithm=MD5, qop="auth"\r\n'
            far.send(far.reply_to(request, 401, extra=extra))
        await asyncio.sleep(0.1)
        (one,) = registrations.registrations.values()
        assert one.state is RegistrationState.REJECTED
        if again:
            await asyncio.sleep(20)
            await far.get("REGISTER")
        else:
            await office.quiet(100)


@pytest.mark.parametrize(
    ("status", "options", "pause"),
    [
        (503, {"retry_interval": 20}, 20),
        (500, {"retry_interval": 0}, None),
        (403, {"retry_interval": 20}, None),
        (403, {"forbidden_retry_interval": 30}, 30),
        (403, {"fatal_retry_interval": 40}, 40),
        (404, {"retry_interval": 20, "forbidden_retry_interval": 20}, None),
        (404, {"fatal_retry_interval": 50}, 50),
        (603, {"fatal_retry_interval": 60}, 60),
    ],
)
async def test_what_is_tried_again_and_when(tmp_path: Path, status: int, options: dict[str, object], pause: int | None) -> None:
    async with registrar(tmp_path, section(**options)) as (office, far, registrations):
        far.send(far.reply_to(await far.get("REGISTER"), status))
        begin = office.system.now()
        await asyncio.sleep(0.1)
        (one,) = registrations.registrations.values()
        assert one.state is RegistrationState.REJECTED
        if pause is None:
            await office.quiet(200)
        else:
            await far.get("REGISTER", seconds=100)
            assert office.system.now() - begin == pytest.approx(pause, abs=0.1)


async def test_rfc3261_20_33_retry_after(tmp_path: Path) -> None:
    async with registrar(tmp_path, section(retry_interval=5)) as (office, far, _):
        far.send(far.reply_to(await far.get("REGISTER"), 404, extra="Retry-After: 45 (soon);duration=3\r\n"))
        begin = office.system.now()
        await far.get("REGISTER", seconds=100)
        assert office.system.now() - begin == pytest.approx(45, abs=0.1)


async def test_max_retries(tmp_path: Path) -> None:
    async with registrar(tmp_path, section(retry_interval=5, max_retries=2)) as (office, far, _):
        with LogCapture() as log:
            for _ in range(3):
                far.send(far.reply_to(await far.get("REGISTER"), 503))
            await office.quiet(100)
        assert "not tried any more" in log.texts(Level.WARNING)[-1]
        await run_command(office.system, "pjsip send register far")
        await far.get("REGISTER")


async def test_silence_is_a_failure_that_may_pass(tmp_path: Path) -> None:
    async with registrar(tmp_path, section(retry_interval=10)) as (office, far, registrations):
        await far.get("REGISTER")
        begin = office.system.now()
        await asyncio.sleep(32.5)  # Timer F
        (one,) = registrations.registrations.values()
        assert one.state is RegistrationState.REJECTED
        far.inbox.clear()
        await far.get("REGISTER")
        # the first copy may have gone out before the other side was there, so that its repetition begins the count
        assert office.system.now() - begin == pytest.approx(42, abs=0.6)


async def test_rfc3261_10_2_8_too_brief(tmp_path: Path) -> None:
    async with registrar(tmp_path, section(expiration=60)) as (_, far, _):
        far.send(far.reply_to(await far.get("REGISTER"), 423, extra="Min-Expires: 1800\r\n"))
        again = await far.get("REGISTER")
        assert again["Expires"] == "1800"


async def test_options_of_the_request(tmp_path: Path) -> None:
    text = section(
        line="yes", endpoint="trunk", support_path="yes", support_outbound="yes", user_agent="Ours",
        contact_header_params="q=0.5", outbound_proxy="sip:127.0.0.1:15071\\;lr",
        security_negotiation="mediasec", security_mechanisms="sdes-srtp\\;mediasec",
    ).replace(SERVER_URI, "sip:registrar.example.com", 1) + phone_section("trunk")  # fmt: skip
    async with registrar(tmp_path, text) as (_, far, registrations):
        request = await far.get("REGISTER")
        (one,) = registrations.registrations.values()
        assert request.uri == "sip:registrar.example.com"
        assert request["Route"] == "<sip:127.0.0.1:15071;lr>"
        assert request["Supported"] == "path, outbound"
        assert request["User-Agent"] == "Ours"
        assert re.fullmatch(
            rf'<sip:in@127\.0\.0\.1:15060;line={one.line};ob>;reg-id=1;\+sip\.instance="<urn:uuid:[0-9a-f-]{{36}}>";q=0\.5',
            request["Contact"],
        )
        assert request["Security-Client"] == "sdes-srtp;mediasec"
        assert request["Require"] == "mediasec"
        assert request["Proxy-Require"] == "mediasec"
        far.send(far.reply_to(request, 494, extra="Security-Server: sdes-srtp;mediasec;x=1\r\n"))
        agreed = await far.get("REGISTER")
        assert agreed["Security-Verify"] == "sdes-srtp;mediasec;x=1"


async def test_calls_to_our_line_are_those_of_the_endpoint(tmp_path: Path) -> None:
    """line=yes: the Request-URI says whose call it is, wherever it comes from."""
    text = section(line="yes", endpoint="trunk") + phone_section("trunk", context="from-trunk")
    async with registrar(tmp_path, text, "[from-trunk]\nexten => in,1,Answer()\n same => n,Wait(5)\n") as (office, far, regs):
        request = await far.get("REGISTER")
        accept(far, request)
        stranger = office.phone("stranger")
        call = stranger.call("in")
        await stranger.get(401)
        call.target = re.sub(r"^<|>.*$", "", request["Contact"])
        call.invite(body=call.sdp())
        await stranger.get(100)
        await call.answered()
        assert [leg.endpoint.name for leg in office.driver.legs] == ["trunk"]
        await call.hang_up()
        wrong = f"sip:in@127.0.0.1:15060;line={'x' * 10}"
        assert (await stranger.ask("OPTIONS", wrong)).status == 401
        assert len({one.line for one in regs.registrations.values()}) == 1


async def test_cli(tmp_path: Path) -> None:
    async with registrar(tmp_path, section()) as (office, far, registrations):
        accept(far, await far.get("REGISTER"))
        await asyncio.sleep(0.1)
        run = run_command
        assert "client_uri" in await run(office.system, "pjsip show registration far")
        assert (await run(office.system, "pjsip show registration none")).startswith("Unable to find object none")
        assert "Unable to retrieve registration none" in await run(office.system, "pjsip send register none")
        assert await run(office.system, "pjsip send unregister *all") == ""
        end = await far.get("REGISTER")
        assert end["Expires"] == "0"
        far.send(far.reply_to(end, 200))
        await office.quiet(4000)
        (one,) = registrations.registrations.values()
        assert one.state is RegistrationState.UNREGISTERED
        assert await run(office.system, "pjsip send register *all") == ""
        assert (await far.get("REGISTER"))["Expires"] == "3600"


async def test_shutdown_ends_the_registration(tmp_path: Path) -> None:
    async with registrar(tmp_path, section()) as (office, far, registrations):
        accept(far, await far.get("REGISTER"))
        await asyncio.sleep(0.1)
        stopping = asyncio.ensure_future(registrations.stop())
        end = await far.get("REGISTER")
        assert end["Expires"] == "0"
        far.send(far.reply_to(end, 200))
        begin = office.system.now()
        await stopping
        assert office.system.now() - begin < 0.1


async def test_reload(tmp_path: Path) -> None:
    """What did not change goes on; what did ends at the old server first; what is gone ends."""
    async with registrar(tmp_path, section()) as (office, far, registrations):
        accept(far, await far.get("REGISTER"))
        await asyncio.sleep(0.1)
        driver = office.driver
        before = registrations.get("far")
        await driver.apply(driver.settings)
        assert registrations.get("far") is before
        changed = copy.copy(before.config)
        changed.expiration = 600
        driver.settings.registrations["far"] = changed
        await driver.apply(driver.settings)
        messages = [await far.get("REGISTER"), await far.get("REGISTER")]
        assert sorted(message["Expires"] for message in messages) == ["0", "600"]
        for message in messages:
            far.send(far.reply_to(message, 200))
        del driver.settings.registrations["far"]
        await asyncio.sleep(0.1)
        await driver.apply(driver.settings)
        assert (await far.get("REGISTER"))["Expires"] == "0"
        assert registrations.get("far") is None


async def test_incomplete_objects_are_told(tmp_path: Path) -> None:
    with LogCapture() as log:
        async with sip_office(tmp_path, "[x]\ntype=registration\nclient_uri=sip:a@b\nendpoint=nobody\nline=yes\n") as office:
            registrations = registrations_of(office.driver)
            assert registrations is not None
            assert registrations.get("x") is None
    assert any("has no server_uri" in text for text in log.texts(Level.ERROR))
    assert any("'nobody', which does not exist" in text for text in log.texts(Level.WARNING))


async def test_a_uri_that_is_none(tmp_path: Path) -> None:
    async with registrar(tmp_path, section(server_uri="<<<")) as (office, _, registrations):
        with LogCapture() as log:
            await run_command(office.system, "pjsip send register far")
            await asyncio.sleep(0.1)
        assert log.texts(Level.ERROR)
        (one,) = registrations.registrations.values()
        assert one.state is RegistrationState.REJECTED


async def test_rfc5626_4_4_a_lost_connection_is_made_anew(tmp_path: Path) -> None:
    text = section(server_uri=f"{SERVER_URI}\\;transport=tcp", max_random_initial_delay=1)
    async with sip_office(tmp_path, text) as office:
        registrations = registrations_of(office.driver)
        assert registrations is not None
        far = office.phone("far", protocol="TCP")
        accept(far, await far.get("REGISTER"))
        await asyncio.sleep(0.1)
        one = registrations.get("far")
        assert one is not None
        assert one.state is RegistrationState.REGISTERED
        assert one._flow is not None
        office.driver.connection_lost(one._flow)
        again = await far.get("REGISTER", seconds=2)
        assert again["Expires"] == "3600"
        one.close()


async def test_the_service_for_other_interfaces(tmp_path: Path) -> None:
    async with registrar(tmp_path, AUTH + section(outbound_auth="secret", line="no")) as (office, far, _):
        service = office.system.services["sip registrations"]
        assert isinstance(service, SipRegistrations)
        assert service.names() == ["far"]
        accept(far, await far.get("REGISTER"), 600)
        await asyncio.sleep(0.1)
        fields = service.fields("far")
        names = next(
            row["fields"].split()
            for row in csv.DictReader((SHARED / "compat" / "manager_events.tsv").open(), delimiter="\t")
            if row["event"] == "OutboundRegistrationDetail"
        )
        assert {name.partition("=")[0] for name in names} - set(fields) == set()
        assert (fields["Status"], fields["NextReg"], fields["OutboundAuth"]) == ("Registered", "590", "secret")
        service.end("far")
        assert (await far.get("REGISTER"))["Expires"] == "0"
        service.begin("far")
        with pytest.raises(KeyError):
            service.begin("none")


async def test_the_flow_is_kept_as_the_server_asks(tmp_path: Path) -> None:
    """RFC 5626 4.4: with Flow-Timer a keep-alive after 80 to 100 % of it, as long as the registration stands."""
    async with registrar(tmp_path, section(support_outbound="yes")) as (office, far, registrations):
        accept(far, await far.get("REGISTER"), extra="Flow-Timer: 20\r\n")
        (one,) = registrations.registrations.values()
        times: list[float] = []

        def heard(data: bytes, source: tuple[str, int]) -> None:
            if data == b"\r\n\r\n":
                times.append(office.system.now())
            else:
                peer(data, source)

        address = ("127.0.0.1", 15071)
        peer = office.network.peers[address]
        office.network.peers[address] = heard
        began = office.system.now()
        await asyncio.sleep(62)
        gaps = [after - before for before, after in zip([began, *times], times, strict=False)]
        assert len(gaps) == 3
        assert all(15.9 <= gap <= 20.1 for gap in gaps)
        one.unregister()
        accept(far, await far.get("REGISTER"), expires=0)
        await asyncio.sleep(62)
        assert one.state is RegistrationState.UNREGISTERED
        assert len(times) == 3


@pytest.mark.parametrize(("options", "header"), [({}, "Flow-Timer: 20"), ({"support_outbound": "yes"}, "Flow-Timer: often")])
async def test_a_flow_that_nobody_asks_for_is_not_kept(tmp_path: Path, options: dict[str, str], header: str) -> None:
    async with registrar(tmp_path, section(**options)) as (office, far, _):
        accept(far, await far.get("REGISTER"), extra=header + "\r\n")
        office.network.peers[("127.0.0.1", 15071)] = lambda data, source: pytest.fail(f"{data!r} is sent")
        await asyncio.sleep(62)
