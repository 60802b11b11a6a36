"""NOTIFY on request: to endpoints, URIs and inside calls; pjsip_notify.conf."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globstar.base.log import Level
from globstar.core.cli import find_command, run_command
from globstar.core.services import SipNotifier
from globstar.modules.channels.pjsip.supplements.notify import Notice, NotifyFailed, notifier
from tests.support.sip_phone import phone_section, sip_office
from tests.support.switch import LogCapture

pytestmark = pytest.mark.virtual_time

NOTIFY_CONF = (
    "[general]\n[reboot]\nEvent=>check-sync\\;reboot=true\nX-Data=>a\n\n"
    "[clear-mwi]\nEvent=>message-summary\nContent-type=>application/simple-message-summary\nContent=>Messages-Waiting: no\n"
    "Content=>Voice-Message: 0/0\nContent=>\n\n[bad]\nVia=>x\n[nobody]\nContent=>text without a type\n"
)
TEXT = "[g]\ntype=global\nuser_agent=Globstar\ndefault_outbound_endpoint=out\n" + phone_section("out") + phone_section("alice")
FILES = {"pjsip_notify.conf": NOTIFY_CONF}


async def test_every_contact_of_an_endpoint_is_told(tmp_path: Path) -> None:
    with LogCapture() as log:
        async with sip_office(tmp_path, TEXT, files=FILES) as office:
            alice, second = office.phone("alice"), office.phone("second")
            await alice.register()
            await alice.register(contact=f"<{second.uri}>")
            run = run_command
            assert await run(office.system, "pjsip send notify reboot endpoint alice") == (
                "Sending NOTIFY of type 'reboot' to 'alice'\n"
            )
            for phone in (alice, second):
                notify = await phone.get("NOTIFY")
                assert notify.uri == phone.uri
                assert (notify["Event"], notify["X-Data"]) == ("check-sync;reboot=true", "a")
                assert notify["Subscription-State"] == "terminated"
                assert notify["Contact"]
                phone.send(phone.reply_to(notify, 200 if phone is alice else 481))
            await asyncio.sleep(0.1)
            feature = notifier(office.driver)
            assert feature is not None
            assert feature.describe() == {"types of NOTIFY": 2, "NOTIFY sent": 2, "NOTIFY refused": 1}
            assert "no contact" in await run(office.system, "pjsip send notify reboot endpoint out")
            assert "no endpoint" in await run(office.system, "pjsip send notify reboot endpoint nobody")
            assert "Unable to find notify type 'none'" in await run(office.system, "pjsip send notify none endpoint alice")
            assert (await run(office.system, "pjsip send notify reboot phone alice")).startswith("Usage")
    warnings = " ".join(log.texts(Level.WARNING))
    assert "'Via' cannot be set" in warnings
    assert "a body needs a Content-Type" in warnings


async def test_uris(tmp_path: Path) -> None:
    async with sip_office(tmp_path, TEXT, files=FILES) as office:
        alice = office.phone("alice")
        await run_command(office.system, f"pjsip send notify clear-mwi uri {alice.uri}")
        notify = await alice.get("NOTIFY")
        assert notify["Content-Type"] == "application/simple-message-summary"
        assert notify.body == "Messages-Waiting: no\r\nVoice-Message: 0/0\r\n"
        alice.send(alice.reply_to(notify, 200))
        assert "no SIP URI" in await run_command(office.system, "pjsip send notify reboot uri <<<")


async def test_uris_need_the_default_outbound_endpoint(tmp_path: Path) -> None:
    async with sip_office(tmp_path, phone_section("alice"), files=FILES) as office:
        answer = await run_command(office.system, "pjsip send notify reboot uri sip:x@127.0.0.1")
        assert "default_outbound_endpoint" in answer


async def test_the_application_in_a_call_and_to_a_uri(tmp_path: Path) -> None:
    plan = (
        "[default]\nexten => 1,1,Answer()\n same => n,PJSIPNotify(,reboot)\n"
        " same => n,PJSIPNotify(<sip:b@127.0.0.1:15072>,&Event=Custom&Content-Type=text/x&Content=one&Content=)\n"
        " same => n,PJSIPNotify(,none)\n same => n,Wait(5)\n"
    )
    with LogCapture() as log:
        async with sip_office(tmp_path, TEXT, plan, files=FILES) as office:
            alice, other = office.phone("alice"), office.phone("other")
            call = await alice.dial("1")
            inside = await alice.get("NOTIFY")
            assert inside["Call-ID"] == call.call_id
            assert inside["Event"] == "check-sync;reboot=true"
            alice.send(alice.reply_to(inside, 200))
            outside = await other.get("NOTIFY")
            assert (outside["Event"], outside.body) == ("Custom", "one\r\n")
            other.send(other.reply_to(outside, 200))
            name = office.driver.legs_of("alice")[0].channel.name
            assert "Sending" in await run_command(office.system, f"pjsip send notify reboot channel {name}")
            again = await alice.get("NOTIFY")
            alice.send(alice.reply_to(again, 200))
            assert "no channel" in await run_command(office.system, "pjsip send notify reboot channel PJSIP/none-1")
            await call.hang_up()
    assert any("no notification type 'none'" in text for text in log.texts(Level.WARNING))


async def test_without_the_file_there_is_no_command(tmp_path: Path) -> None:
    async with sip_office(tmp_path, TEXT) as office:
        assert "No such command" in await run_command(office.system, "pjsip send notify reboot endpoint alice")
    async with sip_office(tmp_path / "2", TEXT, files=FILES) as office:
        system = office.system
        assert find_command(system, "pjsip send notify x".split()) is not None
        await office.driver.stop_part("res_pjsip_notify")
        assert find_command(system, "pjsip send notify x".split()) is None


def test_header_injection_and_reserved_names() -> None:
    for name in ("call-id", "CSeq", "Record-Route", ""):
        with pytest.raises(NotifyFailed):
            Notice.of([(name, "x")])
    assert Notice.of([("Event", "x")]).headers == (("Event", "x"),)


async def test_the_service_for_other_interfaces(tmp_path: Path) -> None:
    async with sip_office(tmp_path, TEXT, files=FILES) as office:
        alice = office.phone("alice")
        await alice.register()
        service = office.system.services["sip notify"]
        assert isinstance(service, SipNotifier)
        service.send(endpoint="alice", variables=[("Event", "x"), ("Content-Type", "text/plain"), ("Content", "a")])
        notify = await alice.get("NOTIFY")
        assert (notify["Event"], notify.body) == ("x", "a")
        alice.send(alice.reply_to(notify, 200))
        service.send(uri=alice.uri, option="reboot")
        alice.send(alice.reply_to(await alice.get("NOTIFY"), 200))
        for wrong in (
            {"endpoint": "alice"}, {"option": "reboot"}, {"endpoint": "alice", "uri": "sip:a@b", "option": "reboot"},
            {"endpoint": "alice", "option": "none"}, {"endpoint": "nobody", "option": "reboot"},
        ):  # fmt: skip
            with pytest.raises(ValueError, match=r".+"):
                service.send(**wrong)
