"""sip.conf and users.conf of chan_sip: what they become, what is told, and that old dial strings work."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.config import MemorySource, read_config
from globstar.config.options import Report
from globstar.core.cli import run_command
from globstar.modules.channels.pjsip.migrate import main
from globstar.modules.channels.pjsip.settings import read_settings
from globstar.modules.channels.pjsip.sipconf import Mapping, map_sip_conf, parse_register
from tests.support.sip_phone import phone_section, sip_office
from tests.support.switch import LogCapture


def mapped(sip: str, users: str | None = None, *, with_transports: bool = True) -> Mapping:
    """Map texts."""
    source = MemorySource({"sip.conf": sip, "users.conf": users or ""})
    return map_sip_conf(
        read_config("sip.conf", source),
        read_config("users.conf", source) if users is not None else None,
        with_transports=with_transports,
    )


def objects(mapping: Mapping) -> dict[str, dict[str, str]]:
    """Objects as ``kind name`` with their options; repeated ones are joined."""
    found: dict[str, dict[str, str]] = {}
    for category in mapping.categories:
        options: dict[str, str] = {}
        for variable in category:
            before = options.get(variable.name)
            options[variable.name] = variable.value if before is None else f"{before}|{variable.value}"
        found[f"{options.pop('type')} {category.name}"] = options
    return found


OLD = """\
[general]
context=public
bindport=5070
udpbindaddr=10.0.0.1
tcpenable=yes
externaddr=203.0.113.5:5099
localnet=10.0.0.0/8
localnet=192.168.0.0/255.255.0.0
realm=example.com
useragent=Old PBX
defaultexpiry=1800
minexpiry=30
disallow=all
allow=ulaw
qualifyfreq=45
timert1=400
srvlookup=yes
nosuchoption=1
register => me:secret:authme@provider.example:5062/200~600

[phone](!)
type=friend
host=dynamic
context=internal
nat=force_rport,comedia
dtmfmode=rfc2833
qualify=2000

[100](phone)
secret=pw100
callerid="Alice" <100>
mailbox=100,101@other
callgroup=1
pickupgroup=1-2
deny=0.0.0.0/0.0.0.0
permit=10.0.0.0/255.0.0.0
call-limit=2

[provider]
type=peer
host=provider.example
port=5062
defaultuser=me
secret=secret
fromdomain=provider.example
insecure=port,invite
directmedia=nonat,update
transport=tcp
sendrpid=pai
"""


def test_a_whole_file() -> None:
    found = objects(mapped(OLD))
    assert found["transport transport-udp"] == {
        "protocol": "udp", "bind": "10.0.0.1:5070", "local_net": "10.0.0.0/8|192.168.0.0/255.255.0.0",
        "external_signaling_address": "203.0.113.5", "external_media_address": "203.0.113.5", "external_signaling_port": "5099",
    }  # fmt: skip
    assert found["transport transport-tcp"]["bind"] == "10.0.0.1:5070"
    assert found["global global"] == {
        "default_realm": "example.com", "user_agent": "Old PBX", "endpoint_identifier_order": "username,ip,anonymous",
    }  # fmt: skip
    assert found["system system"] == {"timer_t1": "400"}
    assert found["aor 100"] == {
        "default_expiration": "1800", "minimum_expiration": "30", "max_contacts": "1", "remove_existing": "yes",
        "qualify_frequency": "45", "qualify_timeout": "2",
    }  # fmt: skip
    assert found["auth 100"] == {"auth_type": "userpass", "username": "100", "password": "pw100"}
    alice = found["endpoint 100"]
    assert alice["context"] == "public|internal", "the section's own comes last and counts"
    assert alice["auth"] == "100"
    assert "outbound_auth" not in alice
    assert (alice["disallow"], alice["allow"]) == ("all", "ulaw")
    assert (alice["force_rport"], alice["rewrite_contact"], alice["rtp_symmetric"]) == ("yes", "yes", "yes")
    assert (alice["dtmf_mode"], alice["mailboxes"], alice["call_group"]) == ("rfc4733", "100@default,101@other", "1")
    provider = found["endpoint provider"]
    assert "auth" not in provider, "insecure=invite: its calls are not challenged"
    assert provider["outbound_auth"] == "provider-out"
    assert found["auth provider-out"]["username"] == "me"
    assert found["aor provider"]["contact"] == "sip:me@provider.example:5062;transport=tcp"
    assert found["identify provider-identify"] == {"endpoint": "provider", "match": "provider.example"}
    assert provider["identify_by"] == "ip"
    assert provider["transport"] == "transport-tcp"
    assert (provider["direct_media"], provider["direct_media_method"], provider["send_pai"]) == ("yes", "update", "yes")
    assert found["registration register-provider.example"] == {
        "server_uri": "sip:provider.example:5062", "client_uri": "sip:me@provider.example:5062", "contact_user": "200",
        "outbound_auth": "register-provider.example-auth", "expiration": "600", "line": "yes", "endpoint": "provider",
    }  # fmt: skip
    assert found["auth register-provider.example-auth"]["username"] == "authme"


def test_what_is_told_and_where() -> None:
    mapping = mapped(OLD)
    notes = {(note.action, note.line): note.text for note in mapping.notes}
    assert "GROUP_COUNT" in notes["dropped", 37]
    assert "one T1 for all" in notes["changed", 16]
    assert "no such option" in notes["dropped", 18]
    assert all(note.file == "sip.conf" for note in mapping.notes)
    counts = mapping.counts()
    assert counts["changed"] == 1
    assert counts["dropped"] == 3


def test_every_object_can_be_read_without_a_warning() -> None:
    """What is made is valid for pjsip.conf, and so is its text."""
    mapping = mapped(OLD)
    source = MemorySource({"pjsip.conf": str(mapping)})
    report = Report()
    settings = read_settings(read_config("pjsip.conf", source), report)
    told = [str(one) for one in report.warnings if "has no effect" not in str(one)]
    assert told == []
    assert settings.endpoints["100"].context == "internal"
    assert [str(codec) for codec in settings.endpoints["100"].audio_formats] == ["ulaw"]
    assert settings.aors["provider"].contact == ("sip:me@provider.example:5062;transport=tcp",)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("nat=no", {"force_rport": "no", "rtp_symmetric": "no", "rewrite_contact": "no"}),
        ("nat=yes", {"force_rport": "yes", "rewrite_contact": "yes", "rtp_symmetric": "yes"}),
        ("nat=auto_force_rport", {"force_rport": "yes", "rewrite_contact": "yes"}),
        ("dtmfmode=shortinfo", {"dtmf_mode": "info"}),
        ("canreinvite=no", {"direct_media": "no"}),
        ("directmedia=outgoing", {"direct_media": "yes", "direct_media_glare_mitigation": "outgoing"}),
        ("session-timers=refuse", {"timers": "no"}),
        ("sendrpid=yes", {"send_rpid": "yes"}),
        ("progressinband=never", {"inband_progress": "no"}),
        ("promiscredir=yes", {"redirect_method": "uri_pjsip"}),
        ("encryption=try", {"media_encryption": "sdes", "media_encryption_optimistic": "yes"}),
        ("t38pt_udptl=yes,redundancy,maxdatagram=400",
         {"t38_udptl": "yes", "t38_udptl_ec": "redundancy", "t38_udptl_maxdatagram": "400"}),
        ("outboundproxy=tcp://p.example", {"outbound_proxy": "sip:p.example;transport=tcp;lr"}),
        ("allowtransfer=no", {"allow_transfer": "no"}),
        ("faxdetect=cng", {"fax_detect": "yes"}),
    ],
)  # fmt: skip
def test_options_of_peers(option: str, expected: dict[str, str]) -> None:
    options = objects(mapped(f"[p]\ntype=friend\nhost=dynamic\n{option}\n"))["endpoint p"]
    assert {name: options.get(name) for name in expected} == expected


@pytest.mark.parametrize("option", ["dtmfmode=smoke", "directmedia=sometimes", "session-timers=x", "nat=perhaps", "avpf=maybe"])
def test_values_that_are_none_are_told(option: str) -> None:
    mapping = mapped(f"[p]\ntype=friend\nhost=dynamic\n{option}\n")
    assert [(note.action, note.line) for note in mapping.notes] == [("dropped", 4)]


def test_secrets() -> None:
    found = objects(mapped(
        "[a]\ntype=friend\nhost=dynamic\nmd5secret=abc\ninsecure=invite\n"
        "[b]\ntype=peer\nhost=b.example\nsecret=in\nremotesecret=out\n"
        "[c]\ntype=user\nsecret=x\n"
    ))  # fmt: skip
    assert found["auth a"] == {"auth_type": "md5", "username": "a", "md5_cred": "abc"}
    assert found["endpoint a"]["auth"] == "a", "a phone that registers is never open"
    assert (found["endpoint b"]["auth"], found["endpoint b"]["outbound_auth"]) == ("b", "b-out")
    assert (found["auth b"]["password"], found["auth b-out"]["password"]) == ("in", "out")
    assert "aors" not in found["endpoint c"]
    assert "aor c" not in found


def test_guests_are_taken_only_when_somebody_says_so() -> None:
    assert "endpoint anonymous" not in objects(mapped("[general]\ncontext=public\n"))
    found = objects(mapped("[general]\ncontext=public\nallowguest=yes\n"))
    assert found["endpoint anonymous"] == {"context": "public"}


def test_users_conf() -> None:
    users = (
        "[general]\nhassip=yes\nhost=dynamic\nhasvoicemail=yes\nvmsecret=1\n"
        "[6000]\nfullname=Bob B\nsecret=pw\ncontext=internal\n[6001]\nhassip=no\nsecret=x\n"
    )
    found = objects(mapped("[general]\n", users))
    assert found["endpoint 6000"]["callerid"] == '"Bob B" <6000>'
    assert found["endpoint 6000"]["mailboxes"] == "6000@default"
    assert found["auth 6000"]["password"] == "pw"
    assert "endpoint 6001" not in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("u@h", ("u", "", "", "", "h", "", "", "", "")),
        ("u:s@h", ("u", "", "s", "", "h", "", "", "", "")),
        ("u:s:a@h:5061/42", ("u", "", "s", "a", "h:5061", "42", "", "", "")),
        ("u@dom:s:a@h/x~90", ("u", "dom", "s", "a", "h", "x", "90", "", "")),
        ("tls://u:p@ss@h", ("u", "", "p@ss", "", "h", "", "", "tls", "")),
        ("peer?tcp://u:s@h", ("u", "", "s", "", "h", "", "", "tcp", "peer")),
    ],
)
def test_register_lines(text: str, expected: tuple[str, ...]) -> None:
    line = parse_register(text)
    assert (
        line.user, line.domain, line.secret, line.auth_user, line.host, line.extension, line.expiry, line.transport, line.peer,
    ) == expected  # fmt: skip


@pytest.mark.parametrize("text", ["", "host", "@host", "u@", ":s@h"])
def test_register_lines_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_register(text)
    mapping = mapped(f"[general]\nregister => {text}\n")
    assert [note.action for note in mapping.notes] == ["dropped"]


def test_the_tool(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sip.conf").write_text(OLD)
    assert main([str(tmp_path / "sip.conf")]) == 0
    out, err = capsys.readouterr()
    assert "[100]\ntype = endpoint" in out
    assert out.startswith("; made from sip.conf\n; ")
    assert "dropped  sip.conf:37" in err
    assert main([str(tmp_path / "none.conf")]) == 1


SIP_FILES = {
    "sip.conf": (
        "[general]\nudpbindaddr=127.0.0.1\nbindport=15060\nuseragent=Globstar\n[alice]\ntype=friend\nhost=dynamic\nsecret=pw\n"
        "disallow=all\nallow=ulaw\ncontext=default\n[gate]\ntype=peer\nhost=127.0.0.1\nport=15072\ndisallow=all\nallow=ulaw\n"
        "call-limit=3\n"
    )
}
PLAN = "[default]\nexten => 1,1,Dial(SIP/gate/555)\nexten => 2,1,Dial(SIP/555@gate)\nexten => 3,1,Dial(SIP/gate)\n"


@pytest.mark.virtual_time
async def test_an_old_system_runs_unchanged(tmp_path: Path) -> None:
    """No pjsip.conf: the phone registers with its secret, and all three old dial strings reach the gateway."""
    with LogCapture() as log:
        async with sip_office(tmp_path, None, PLAN, SIP_FILES) as office:
            alice, gate = office.phone("alice", password="pw"), office.phone("gate")
            assert (await alice.register()).status == 200
            for number, uri in (("1", "sip:555@127.0.0.1:15072"), ("2", "sip:555@127.0.0.1:15072"), ("3", "sip:127.0.0.1:15072")):
                call = alice.call(number)
                await call.authorise()
                await alice.get(100)
                invite = await gate.get("INVITE")
                assert invite.uri == uri
                gate.send(gate.reply_to(invite, 486, tag="x"))
                await gate.get("ACK")
                call.refused(await alice.get(486))
            shown = await run_command(office.system, "sip show mapping dropped")
            assert "sip.conf:18: [gate] call-limit" in shown
            assert "Objects: 2 aor, 1 auth, 2 endpoint" in shown
            assert "[alice]\ntype = endpoint" in await run_command(office.system, "sip export pjsip")
    assert any("sip.conf:18" in text for text in log.texts(Level.WARNING))


@pytest.mark.virtual_time
async def test_beside_a_pjsip_conf_it_is_left_alone_unless_wanted(tmp_path: Path) -> None:
    with LogCapture() as log:
        async with sip_office(tmp_path, phone_section("bob"), files=SIP_FILES) as office:
            assert set(office.driver.settings.endpoints) == {"bob"}
            assert "not in use" in await run_command(office.system, "sip show mapping")
    assert any("sip.conf is left alone" in text for text in log.texts(Level.NOTICE))
    files = {"sip.conf": SIP_FILES["sip.conf"].replace("[general]\n", "[general]\npjsip_map=yes\n", 1)}
    own = phone_section("bob") + phone_section("alice", context="mine")
    async with sip_office(tmp_path / "2", own, files=files) as office:
        endpoints = office.driver.settings.endpoints
        assert set(endpoints) == {"alice", "bob", "gate"}
        assert endpoints["alice"].context == "mine", "pjsip.conf wins"
        assert [bound.name for bound in office.driver.transports] == ["tcp", "udp"]
