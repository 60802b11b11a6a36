"""Registration: bindings, limits, expiry, what survives a restart (RFC 3261 10.3)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.config import MemorySource, read_config
from globstar.config.options import Report
from globstar.core.devicestate import DeviceState
from globstar.modules.channels.pjsip.contacts import Contact, ContactStore
from globstar.modules.channels.pjsip.contactstorage import FAMILY, AstdbContacts
from globstar.modules.channels.pjsip.objects import AorObject
from globstar.modules.channels.pjsip.settings import read_settings
from tests.support.sip_phone import Wire, phone_section, sip_office

pytestmark = pytest.mark.virtual_time

AOR = "[alice]\ntype=endpoint\ncontext=default\nallow=ulaw\naors=alice\n[alice]\ntype=aor\n"


def bindings(answer: Wire) -> list[str]:
    """The contacts of a 200."""
    return answer.all("Contact")


async def test_register_refresh_fetch_and_remove(tmp_path: Path) -> None:
    async with sip_office(tmp_path, AOR + "max_contacts=2\n") as office:
        alice = office.phone("alice")
        assert office.driver.device_state("alice") is DeviceState.UNAVAILABLE
        answer = await alice.register(600)
        assert bindings(answer) == [f"<{alice.uri}>;expires=600"]
        assert answer["Expires"] == "600"
        assert answer["Date"].endswith("GMT")
        assert office.driver.device_state("alice") is DeviceState.NOT_INUSE
        await asyncio.sleep(100)
        fetched = await alice.ask("REGISTER", "sip:127.0.0.1", to="<sip:alice@127.0.0.1>", contact="none")
        assert bindings(fetched) == [f"<{alice.uri}>;expires=500"], "a REGISTER that changes nothing shows what is left"
        refreshed = await alice.register(600)
        assert bindings(refreshed) == [f"<{alice.uri}>;expires=600"]
        assert len(list(office.driver.contacts.all())) == 1
        gone = await alice.register(0)
        assert bindings(gone) == []
        assert office.driver.device_state("alice") is DeviceState.UNAVAILABLE


@pytest.mark.parametrize(
    ("asked", "granted"), [(None, 900), (10, 120), (500, 500), (90000, 1000)], ids=["default", "minimum", "as asked", "maximum"]
)
async def test_expiry_is_kept_within_bounds(tmp_path: Path, asked: int | None, granted: int) -> None:
    bounds = "max_contacts=1\nminimum_expiration=120\nmaximum_expiration=1000\ndefault_expiration=900\n"
    async with sip_office(tmp_path, AOR + bounds) as office:
        alice = office.phone("alice")
        contact = f"<{alice.uri}>" + (f";expires={asked}" if asked is not None else "")
        answer = await alice.ask("REGISTER", "sip:127.0.0.1", to="<sip:alice@127.0.0.1>", contact=contact)
        assert bindings(answer) == [f"<{alice.uri}>;expires={granted}"]


async def test_a_registration_ends_by_itself(tmp_path: Path) -> None:
    async with sip_office(tmp_path, AOR + "max_contacts=1\n") as office:
        alice = office.phone("alice")
        await alice.register(60)
        changed: list[str] = []
        office.driver.contacts.on_change, before = (
            (lambda contact, is_new: changed.append(contact.uri)),
            office.driver.contacts.on_change,
        )
        await asyncio.sleep(59)
        assert office.driver.contacts.contacts("alice")
        await asyncio.sleep(1.1)
        assert not office.driver.contacts.contacts("alice")
        assert changed == [alice.uri]
        assert not list(office.system.database.tree(FAMILY))
        office.driver.contacts.on_change = before


async def test_full_aors(tmp_path: Path) -> None:
    async with sip_office(tmp_path, AOR + "max_contacts=1\n") as office:
        alice = office.phone("alice")
        assert (await alice.register()).status == 200
        assert (await alice.register(contact="<sip:alice@127.0.0.1:9>")).status == 403
        assert [contact.uri for contact in office.driver.contacts.all()] == [alice.uri]
        assert (await alice.register(0)).status == 200
        assert (await alice.register(contact="<sip:alice@127.0.0.1:9>")).status == 200


async def test_remove_existing(tmp_path: Path) -> None:
    async with sip_office(tmp_path, AOR + "max_contacts=2\nremove_existing=yes\n") as office:
        alice = office.phone("alice")
        for port in (1001, 1002, 1003):
            await alice.register(contact=f"<sip:alice@127.0.0.1:{port}>")
            await asyncio.sleep(1)
        assert [contact.uri[-4:] for contact in office.driver.contacts.all()] == ["1003", "1002"]


async def test_remove_unavailable(tmp_path: Path) -> None:
    """Only contacts that do not answer OPTIONS make room."""
    async with sip_office(tmp_path, AOR + "max_contacts=1\nremove_unavailable=yes\nqualify_frequency=30\n") as office:
        alice, second = office.phone("alice"), office.phone("second")
        await alice.register()
        question = await alice.get("OPTIONS")
        alice.send(alice.reply_to(question, 200))
        await asyncio.sleep(1)
        assert (await second.register(aor="alice", contact=f"<{second.uri}>")).status == 401, (
            "the phone called second is a stranger"
        )
        assert (await alice.register(contact=f"<{second.uri}>")).status == 403
        alice.unplug()
        await asyncio.sleep(40)
        office.network.peers[alice.address] = alice._receive
        assert (await alice.register(contact=f"<{second.uri}>")).status == 200
        assert [contact.uri for contact in office.driver.contacts.all()] == [second.uri]


async def test_nobody_may_register_there(tmp_path: Path) -> None:
    async with sip_office(tmp_path, AOR) as office:
        alice = office.phone("alice")
        assert (await alice.register()).status == 403
        assert (await alice.register(aor="bob")).status == 404


async def test_a_star_removes_all(tmp_path: Path) -> None:
    async with sip_office(tmp_path, AOR + "max_contacts=5\n") as office:
        alice = office.phone("alice")
        await alice.register()
        await alice.register(contact="<sip:alice@127.0.0.1:1001>")
        assert (await alice.register(60, contact="*")).status == 400, "a star goes with Expires: 0 only"
        assert (await alice.register(0, contact="*, <sip:alice@127.0.0.1>")).status == 400
        assert len(list(office.driver.contacts.all())) == 2
        assert (await alice.register(0, contact="*")).status == 200
        assert not list(office.driver.contacts.all())


@pytest.mark.parametrize(
    ("contact", "status"),
    [
        ("<tel:+4930123456>", 416),
        (f"<sip:{'a' * 300}@127.0.0.1>", 400),
        ("<sip:alice@127.0.0.1", 400),
        ("<mailto:alice@127.0.0.1>", 416),
    ],
)
async def test_contacts_that_are_none(tmp_path: Path, contact: str, status: int) -> None:
    async with sip_office(tmp_path, AOR + "max_contacts=1\n") as office:
        alice = office.phone("alice")
        assert (await alice.register(contact=contact)).status == status
        assert not list(office.driver.contacts.all())


async def test_several_contacts_in_one_request(tmp_path: Path) -> None:
    async with sip_office(tmp_path, AOR + "max_contacts=3\n") as office:
        alice = office.phone("alice")
        answer = await alice.register(300, contact="<sip:a@127.0.0.1:1>;expires=100, <sip:a@127.0.0.1:2>")
        assert sorted(bindings(answer)) == ["<sip:a@127.0.0.1:1>;expires=100", "<sip:a@127.0.0.1:2>;expires=300"]
        answer = await alice.register(300, contact="<sip:a@127.0.0.1:1>;expires=0")
        assert bindings(answer) == ["<sip:a@127.0.0.1:2>;expires=300"]
        answer = await alice.register(200, contact="<SIP:a@127.0.0.1:2;transport=udp>")
        assert len(bindings(answer)) == 2, "another transport parameter is another contact (RFC 3261 19.1.4)"


async def test_registrations_survive_a_restart(tmp_path: Path) -> None:
    configuration = phone_section("alice", rewrite_contact="no") + phone_section("bob")
    async with sip_office(tmp_path, configuration) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        await alice.register(3000, extra="User-Agent: Desk phone; v1\r\n")
        await bob.register(60)
        await asyncio.sleep(30)
        database = office.system.database
        assert database is not None
        records = list(database.tree(FAMILY))
        assert len(records) == 2
        store = type(office.driver.contacts)(AstdbContacts(database), lambda: office.system.wall_time() + 100)
        store.configure(office.driver.settings.aors)
        assert store.load() == 1, "bob's has expired in the meantime"
        (contact,) = store.all()
        assert (contact.aor, contact.uri, contact.user_agent) == ("alice", alice.uri, "Desk phone; v1")
        assert contact.expires_wall == pytest.approx(office.system.wall_time() + 2970, abs=1)
        assert len(list(database.tree(FAMILY))) == 1


async def test_records_that_make_no_sense_are_removed(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice")) as office:
        database = office.system.database
        for key, value in (
            ("alice;@1", "no json"),
            ("alice;@2", "[]"),
            ("alice;@3", '{"uri":"<<<","expiration_time":"99999999999"}'),
        ):
            database.put(FAMILY, key, value)
        database.put(FAMILY, "nobody;@4", '{"uri":"sip:a@127.0.0.1","expiration_time":"99999999999"}')
        assert office.driver.contacts.load() == 0
        assert not list(database.tree(FAMILY))


async def test_rewrite_contact(tmp_path: Path) -> None:
    """Behind NAT the contact is the address that the request came from."""
    async with sip_office(tmp_path, phone_section("alice", rewrite_contact="yes")) as office:
        alice = office.phone("alice")
        await alice.register(contact="<sip:alice@192.168.1.5:5060;ob>")
        (contact,) = office.driver.contacts.all()
        assert contact.uri == f"sip:alice@127.0.0.1:{alice.address[1]};ob"


async def test_path(tmp_path: Path) -> None:
    """RFC 3327: kept where the aor wants it and the phone says that it knows; requests go along it."""
    async with sip_office(tmp_path, AOR + "max_contacts=1\nsupport_path=yes\n[bob]\ntype=endpoint\nallow=ulaw\n",
                          "[default]\nexten => 1,1,Dial(PJSIP/alice)\n") as office:  # fmt: skip
        alice, proxy, bob = office.phone("alice"), office.phone("proxy"), office.phone("bob")
        path = f"Path: <sip:127.0.0.1:{proxy.address[1]};lr>\r\n"
        assert (await alice.register(extra=path)).status == 420
        answer = await alice.register(extra=path + "Supported: path\r\n")
        assert answer.status == 200
        call = bob.call("1")
        await bob.get(100)
        invite = await proxy.get("INVITE")
        assert invite["Route"] == f"<sip:127.0.0.1:{proxy.address[1]};lr>"
        assert invite.uri == alice.uri
        proxy.send(proxy.reply_to(invite, 486, tag="x"))
        await proxy.get("ACK")
        call.refused(await bob.get(486))


def test_contact_names_are_those_of_asterisk() -> None:
    contact = Contact("alice", "sip:alice@127.0.0.1:5060;transport=tcp", 1.0)
    fixed = Contact("alice", "sip:alice@127.0.0.1:5060;transport=tcp")
    assert fixed.id == contact.id.replace(";@", "@@")
    assert contact.id.startswith("alice;@")
    assert len(contact.id) == len("alice;@") + 32


INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000000000001>"'


async def test_rfc3327_5_3_path_is_returned(tmp_path: Path) -> None:
    async with sip_office(tmp_path, AOR + "max_contacts=1\nsupport_path=yes\n") as office:
        alice = office.phone("alice")
        answer = await alice.register(extra="Path: <sip:p1;lr>\r\nPath: <sip:p2;lr>\r\nSupported: path\r\n")
        assert answer.all("Path") == ["<sip:p1;lr>", "<sip:p2;lr>"]
        assert answer["Supported"] == "path"


async def test_domain_alias_and_digest_user_name_the_aor(tmp_path: Path) -> None:
    text = (
        "[x.example]\ntype=domain_alias\ndomain=real.example\n"
        "[bob]\ntype=endpoint\nallow=ulaw\naors=bob@real.example\n[bob@real.example]\ntype=aor\nmax_contacts=1\n"
    )
    async with sip_office(tmp_path, text) as office:
        bob = office.phone("bob")
        answer = await bob.ask("REGISTER", "sip:x.example", to="<sip:bob@x.example>")
        assert answer.status == 200
        assert office.driver.contacts.contacts("bob@real.example")
        assert (await bob.ask("REGISTER", "sip:y.example", to="<sip:bob@y.example>")).status == 404
    text = phone_section("desk", password="pw", identify_by="username,auth_username").replace("aors=desk", "aors=desk")
    async with sip_office(tmp_path / "2", text) as office:
        desk = office.phone("desk", password="pw")
        assert (await desk.register(aor="other")).status == 200, "the digest's user name says whose it is"
        assert office.driver.contacts.contacts("desk")


async def test_rfc5626_6_a_flow_replaces_its_older_contact(tmp_path: Path) -> None:
    """One phone with two flows: each has its binding, and a new URI on the same flow takes its place."""
    async with sip_office(tmp_path, AOR + "max_contacts=2\nsupport_outbound=yes\n") as office:
        alice = office.phone("alice")
        for port, flow in ((1001, 1), (1002, 2), (1003, 1)):
            contact = f"<sip:alice@127.0.0.1:{port};ob>;{INSTANCE};reg-id={flow}"
            answer = await alice.register(contact=contact, extra="Supported: outbound\r\n")
            assert answer.status == 200
            assert answer["Require"] == "outbound"
        assert [contact.uri for contact in office.driver.contacts.contacts("alice")] == [
            "sip:alice@127.0.0.1:1003;ob", "sip:alice@127.0.0.1:1002;ob",
        ]  # fmt: skip
        two = f"<sip:a@127.0.0.1:1;ob>;{INSTANCE};reg-id=1, <sip:a@127.0.0.1:2;ob>;{INSTANCE};reg-id=2"
        assert (await alice.register(contact=two)).status == 400
        via = "Via: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKfar\r\n"
        contact = f"<sip:alice@127.0.0.1:1001;ob>;{INSTANCE};reg-id=1"
        refused = await alice.register(contact=contact, extra=f"{via}Supported: outbound\r\n")
        assert refused.status == 439, "the first hop does not support outbound"
        path = "Path: <sip:edge;lr;ob>\r\n"
        assert (await alice.register(contact=contact, extra=f"{via}{path}Supported: outbound, path\r\n")).status == 200


async def test_rfc5626_5_3_requests_go_over_the_flow(tmp_path: Path) -> None:
    """The contact's own address is of no use behind NAT; the flow is where the REGISTER came from."""
    plan = "[default]\nexten => 1,1,Dial(PJSIP/alice)\n"
    text = AOR + "max_contacts=1\nsupport_outbound=yes\n" + phone_section("bob")
    async with sip_office(tmp_path, text, plan) as office:
        alice, bob = office.phone("alice"), office.phone("bob")
        contact = f"<sip:alice@192.168.99.9:5060;ob>;{INSTANCE};reg-id=1"
        assert (await alice.register(contact=contact, extra="Supported: outbound\r\n")).status == 200
        call = bob.call("1")
        await bob.get(100)
        invite = await alice.get("INVITE")
        assert invite.uri == "sip:alice@192.168.99.9:5060;ob"
        alice.send(alice.reply_to(invite, 486, tag="x"))
        await alice.get("ACK")
        call.refused(await bob.get(486))


async def test_contacts_end_with_their_connection(tmp_path: Path) -> None:
    text = phone_section("alice", rewrite_contact="yes") + phone_section("bob", rewrite_contact="no")
    async with sip_office(tmp_path, text) as office:
        alice, bob = office.phone("alice", protocol="TCP"), office.phone("bob", protocol="TCP")
        await alice.register()
        await alice.register()
        await bob.register()
        (contact,) = office.driver.contacts.contacts("alice")
        assert contact.prune_on_boot
        assert contact.flow is not None
        store = type(office.driver.contacts)(AstdbContacts(office.system.database), office.system.wall_time)
        store.configure(office.driver.settings.aors)
        (other,) = office.driver.contacts.contacts("bob")
        assert other.flow is None
        office.driver.connection_lost(contact.flow)
        assert office.driver.contacts.contacts("alice") == []
        office.driver.connection_lost(contact.flow)
        assert office.driver.contacts.contacts("bob") == [other]


async def test_contacts_that_end_with_the_process_are_not_read_again(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice", rewrite_contact="yes")) as office:
        await office.phone("alice", protocol="TCP").register()
        database = office.system.database
        assert len(list(database.tree(FAMILY))) == 1
        store = type(office.driver.contacts)(AstdbContacts(database), office.system.wall_time)
        store.configure(office.driver.settings.aors)
        assert store.load() == 0


async def test_regcontext(tmp_path: Path) -> None:
    text = "[global2]\ntype=global\nuser_agent=Globstar\nregcontext=here\n" + phone_section("alice")
    async with sip_office(tmp_path, text) as office:
        alice, plan = office.phone("alice"), office.system.plan
        assert not plan.exists("here", "alice")
        await alice.register()
        await alice.register(contact="<sip:alice@127.0.0.1:1001>")
        step = plan.find("here", "alice", 1)
        assert step is not None
        assert (step.app_name, step.data) == ("NoOp", "alice")
        await alice.register(0)
        assert plan.exists("here", "alice"), "one contact is left"
        await alice.register(0, contact="*")
        assert not plan.exists("here", "alice")


async def test_contact_objects(tmp_path: Path) -> None:
    """``type=contact``: fixed contacts with options of their own."""
    now = 1_700_000_000
    text = phone_section("alice") + (
        "[alice@@1]\ntype=contact\nuri=sip:alice@127.0.0.1:15071\nqualify_frequency=10\nqualify_timeout=1\nuser_agent=Door\n"
        f"[alice@@2]\ntype=contact\nuri=sip:alice@127.0.0.1:9\nexpiration_time={now + 50}\npath=<sip:proxy\\;lr>\n"
        "[nobody@@1]\ntype=contact\nuri=sip:x@127.0.0.1\n"
    )
    async with sip_office(tmp_path, text) as office:
        alice = office.phone("alice")
        first, second = office.driver.contacts.contacts("alice")
        assert (first.user_agent, second.path) == ("Door", ("<sip:proxy;lr>",))
        assert first.id.startswith("alice@@")
        question = await alice.get("OPTIONS")
        alice.send(alice.reply_to(question, 200))
        await asyncio.sleep(60)
        assert office.driver.contacts.contacts("alice") == [first]
        alice.inbox.clear()


async def test_expiry_of_thousands_needs_no_search(tmp_path: Path) -> None:
    """Ends are kept in a heap that stays small however often registrations are refreshed."""
    wall = [1000.0]
    store = ContactStore(None, lambda: wall[0])
    (aor,) = read_aor("[many]\ntype=aor\nmax_contacts=10000\n").values()
    store.configure({"many": aor})
    contacts = [Contact("many", f"sip:{number}@127.0.0.1", 1060.0 + number) for number in range(1500)]
    for contact in contacts:
        store.add(contact)
    for turn in range(8):
        for contact in contacts:
            assert contact.expires_wall is not None
            contact.expires_wall += turn
            store.save(contact)
    assert len(store._ends) <= 5 * len(contacts)
    assert store.next_expiry() == 1060.0 + 28
    wall[0] = 1060.0 + 28 + 99
    assert len(store.expire()) == 100
    assert store._live == 1400
    assert store.next_expiry() == 1060.0 + 28 + 100


def read_aor(text: str) -> dict[str, AorObject]:
    """The aors of a pjsip.conf."""
    return read_settings(read_config("pjsip.conf", MemorySource({"pjsip.conf": text})), Report()).aors
