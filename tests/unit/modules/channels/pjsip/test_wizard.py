"""pjsip_wizard.conf: what each kind of wizard stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.config import MemorySource, read_config
from globstar.config.options import Report
from globstar.core.cli import run_command
from globstar.modules.channels.pjsip.settings import read_settings
from globstar.modules.channels.pjsip.wizard import Expansion, expand, primitives
from tests.support.sip_phone import phone_section, sip_office
from tests.support.switch import LogCapture


def expanded(text: str) -> tuple[Expansion, list[str]]:
    """The objects of a wizard file and what was told."""
    report = Report()
    expansion = expand(read_config("pjsip_wizard.conf", MemorySource({"pjsip_wizard.conf": text})), report)
    return expansion, [str(warning) for warning in report.warnings]


def shown(expansion: Expansion) -> dict[str, dict[str, list[str]]]:
    """Objects as ``kind name`` with their options."""
    found: dict[str, dict[str, list[str]]] = {}
    for category in expansion.categories:
        options: dict[str, list[str]] = {}
        for variable in category:
            options.setdefault(variable.name, []).append(variable.value)
        (kind,) = options.pop("type")
        found[f"{kind} {category.name}"] = options
    return found


def test_a_trunk_that_registers() -> None:
    """The example of Asterisk's documentation, and its pjsip.conf."""
    expansion, told = expanded(
        "[my-itsp]\ntype = wizard\nsends_auth = yes\nsends_registrations = yes\nremote_hosts = sip.my-itsp.net\n"
        "outbound_auth/username = my_username\noutbound_auth/password = my_password\nendpoint/context = default\n"
        "aor/qualify_frequency = 15\n"
    )
    assert told == []
    assert shown(expansion) == {
        "auth my-itsp-oauth": {"auth_type": ["userpass"], "username": ["my_username"], "password": ["my_password"]},
        "aor my-itsp": {"contact": ["sip:sip.my-itsp.net"], "qualify_frequency": ["15"]},
        "endpoint my-itsp": {"aors": ["my-itsp"], "outbound_auth": ["my-itsp-oauth"], "context": ["default"]},
        "identify my-itsp-identify": {"endpoint": ["my-itsp"], "match": ["sip.my-itsp.net"]},
        "registration my-itsp-reg-0": {
            "server_uri": ["sip:sip.my-itsp.net"], "client_uri": ["sip:my_username@sip.my-itsp.net"],
            "outbound_auth": ["my-itsp-oauth"],
        },
    }  # fmt: skip


def test_a_phone_with_a_hint() -> None:
    expansion, told = expanded(
        "[phone](!)\ntype=wizard\naccepts_auth=yes\naccepts_registrations=yes\nhas_phoneprov=yes\ntransport=ipv4\nhas_hint=yes\n"
        "endpoint/context=internal\naor/max_contacts=3\nphoneprov/PROFILE=p1\nhint_application=Gosub(std,${EXTEN},1(${HINT}))\n"
        "[myphone](phone)\nhint_exten=1000\ninbound_auth/username=u\ninbound_auth/password=p\n"
    )
    assert told == []
    assert shown(expansion) == {
        "auth myphone-iauth": {"auth_type": ["userpass"], "username": ["u"], "password": ["p"]},
        "aor myphone": {"max_contacts": ["3"]},
        "endpoint myphone": {
            "aors": ["myphone"], "auth": ["myphone-iauth"], "transport": ["ipv4"], "context": ["internal"],
        },
        "phoneprov myphone-phoneprov": {"endpoint": ["myphone"], "PROFILE": ["p1"]},
    }  # fmt: skip
    (hint,) = expansion.hints
    assert (hint.context, hint.exten, hint.device) == ("internal", "1000", "PJSIP/myphone")
    assert hint.application == "Gosub(std,${EXTEN},1(${HINT}))"


def test_several_hosts_lines_and_patterns() -> None:
    expansion, _ = expanded(
        "[t]\ntype=wizard\nsends_registrations=yes\nsends_line_with_registrations=yes\n"
        "remote_hosts=a.example:5070, [2001:db8::1]\noutbound_proxy=sip:p\\;lr\n"
        "server_uri_pattern=sip:reg.${REMOTE_HOST}\nclient_uri_pattern=sip:x@${REMOTE_HOST}\n"
        "contact_pattern=sip:c@${REMOTE_HOST}\nregistration/expiration=600\n"
    )
    found = shown(expansion)
    assert found["aor t"]["contact"] == ["sip:c@a.example:5070", "sip:c@[2001:db8::1]"]
    assert found["identify t-identify"]["match"] == ["a.example", "2001:db8::1"]
    assert found["registration t-reg-1"] == {
        "server_uri": ["sip:reg.[2001:db8::1]"], "client_uri": ["sip:x@[2001:db8::1]"], "outbound_proxy": ["sip:p;lr"],
        "line": ["yes"], "endpoint": ["t"], "expiration": ["600"],
    }  # fmt: skip
    assert found["endpoint t"]["outbound_proxy"] == ["sip:p;lr"]
    text = primitives(expansion)
    settings = read_settings(read_config("pjsip.conf", MemorySource({"pjsip.conf": text})), Report())
    assert settings.registrations["t-reg-0"].outbound_proxy == "sip:p;lr", "the text can be read again"
    assert settings.aors["t"].contact == ("sip:c@a.example:5070", "sip:c@[2001:db8::1]")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sends_registrations=yes", "needs remote_hosts"),
        ("sends_auth=yes", "needs outbound_auth/username"),
        ("accepts_auth=yes", "needs inbound_auth/username"),
        ("accepts_registrations=yes\naor/contact=sip:x", "makes no sense"),
    ],
)
def test_wizards_that_make_no_sense_are_left_out(text: str, message: str) -> None:
    expansion, told = expanded(f"[w]\ntype=wizard\n{text}\n")
    assert expansion.categories == []
    assert message in told[0]


def test_what_is_wrong_is_told_with_its_place() -> None:
    _, told = expanded("[w]\ntype=wizard\nhas_hint=yes\nsends_auht=yes\nwrong/x=1\n[x]\ntype=other\n")
    assert any("pjsip_wizard.conf" in one and "line 4" in one.replace(":4", " line 4") and "sends_auth" in one for one in told)
    assert any("'wrong/' is no kind" in one for one in told)
    assert any("has_hint needs hint_exten" in one for one in told)
    assert any("[x] is no type=wizard" in one for one in told)


@pytest.mark.virtual_time
async def test_in_a_running_system(tmp_path: Path) -> None:
    wizard = (
        "[desk]\ntype=wizard\naccepts_registrations=yes\nhas_hint=yes\nhint_exten=100\nhint_application=Dial(PJSIP/desk)\n"
        "endpoint/allow=ulaw\nendpoint/context=default\n[alice]\ntype=wizard\nendpoint/allow=ulaw\n"
    )
    with LogCapture() as log:
        async with sip_office(
            tmp_path, phone_section("alice"), "[default]\nexten => 1,1,NoOp\n", {"pjsip_wizard.conf": wizard}
        ) as office:
            desk, alice = office.phone("desk"), office.phone("alice")
            assert (await desk.register()).status == 200
            assert office.system.device_states.state("PJSIP/desk").name == "NOT_INUSE"
            hint = office.system.plan.hint("default", "100")
            assert hint is not None
            assert hint.app_name == "PJSIP/desk"
            call = alice.call("100")
            await alice.get(100)
            invite = await desk.get("INVITE")
            desk.send(desk.reply_to(invite, 486, tag="x"))
            await desk.get("ACK")
            call.refused(await alice.get(486))
            text = await run_command(office.system, "pjsip export config_wizard primitives")
            assert "[desk]\ntype = endpoint" in text
            assert "Wrote" in await run_command(office.system, f"pjsip export config_wizard primitives to {tmp_path}/out.conf")
            assert (tmp_path / "out.conf").read_text() == text
            await office.driver.stop_part("res_pjsip_config_wizard")
            assert office.system.plan.hint("default", "100") is None
    assert any("[alice] type=endpoint of pjsip_wizard.conf is left out" in text for text in log.texts(Level.WARNING))
