"""Subscriptions outlive a restart."""

from __future__ import annotations

from pathlib import Path

from globstar.core.cli import run_command
from tests.flow.test_subscriptions import Lamp, change, dialog_state
from tests.support.sip_phone import SipOffice, phone_section, sip_office

PHONES = phone_section("cat", contact="sip:cat@127.0.0.1:15071") + phone_section("tom", contact="sip:tom@127.0.0.1:15072")
EXTENSIONS = "[default]\nexten => 6001,hint,Custom:one\n"
FAMILY = "subscription_persistence"


async def records(office: SipOffice) -> list[tuple[str, str]]:
    """What is kept."""
    return list(office.system.database.tree(FAMILY))


async def test_rfc6665_the_dialog_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        lamp = Lamp(office.phone("cat"), "6001")
        await lamp.subscribe()
        await change(office, "INUSE", "Custom:one")
        assert dialog_state(await lamp.notified()) == "1 confirmed"
        ((key, value),) = await records(office)
        driver = office.driver
        for subscription in list(driver.supplements):
            await subscription.stop()  # as at the end of the process: nobody is told
        assert driver.sip.dialogs == 0
        assert await records(office) == [(key, value)]
        for subscription in driver.supplements:
            await subscription.start()
        told = await lamp.notified()
        version, state = dialog_state(told).split()
        assert int(version) > 1
        assert state == "confirmed"
        assert told["Subscription-State"].startswith("active;expires=")
        assert told["Call-ID"] == lamp.call_id
        await change(office, "NOT_INUSE", "Custom:one")
        assert dialog_state(await lamp.notified()) == f"{int(version) + 1} terminated"
        assert "1 active subscriptions" in await run_command(office.system, "pjsip show subscriptions inbound")
        assert (await lamp.subscribe(0))["Subscription-State"] == "terminated"
        assert await records(office) == []


async def test_records_that_make_no_sense_or_are_over_are_removed(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        database = office.system.database
        address = '"endpoint":"cat","transport_key":"udp","src_name":"127.0.0.1","src_port":"1"'
        unread = f'{{"expires":"99999999999",{address},"packet":"SUBSCRIBE x","tag":"1","cseq":"1"}}'
        for name, text in (("a", "nonsense"), ("b", "[]"), ("c", '{"expires":"9"}'), ("d", unread)):
            database.put(f"{FAMILY}/{FAMILY}", name, text)
        pubsub = next(one for one in office.driver.supplements if type(one).__name__ == "PubSub")
        assert pubsub.records.restore() == []
        assert await records(office) == []
