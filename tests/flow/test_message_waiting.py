"""Message waiting: asked for, unasked, and heard of from others."""

from __future__ import annotations

from pathlib import Path

from globstar.core import events
from tests.flow.test_subscriptions import Lamp
from tests.support.sip_phone import SipPhone, Wire, phone_section, sip_office

SUMMARY = "Event: message-summary\r\nAccept: application/simple-message-summary\r\n"
PHONES = (
    phone_section("ann", mailboxes="100@default, 101")
    + phone_section("ben", contact="sip:ben@127.0.0.1:15072", mailboxes="100,101", aggregate_mwi="no", mwi_from_user="voicemail",
                    voicemail_extension="*97")
    + phone_section("cat", contact="sip:cat@127.0.0.1:15073", mailboxes="100", mwi_subscribe_replaces_unsolicited="yes")
    + "mailboxes=100\nvoicemail_extension=*98\n"
    + phone_section("dan", contact="sip:dan@127.0.0.1:15074", incoming_mwi_mailbox="900@carrier")
)  # fmt: skip
OFF = "\n[global]\ntype=global\nmwi_disable_initial_unsolicited=yes\n"


async def told(phone: SipPhone) -> Wire:
    """A NOTIFY, answered."""
    notify = await phone.get("NOTIFY")
    phone.send(phone.reply_to(notify, 200))
    return notify


async def test_a_phone_that_registers_is_told_after_its_200(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES + OFF) as office:
        ann = office.phone("ann")
        office.system.mailboxes.update("100@default", 2, 1)
        office.system.mailboxes.update("101@default", 1, 4)
        assert (await ann.register()).status == 200
        notify = await told(ann)
        assert notify.body == "Messages-Waiting: yes\r\nVoice-Message: 3/5 (0/0)\r\n"
        assert notify["Subscription-State"] == "terminated"
        office.system.mailboxes.update("101@default", 1, 4)  # nothing new: nobody is told
        await office.quiet()
        office.system.mailboxes.update("100@default", 0, 0)
        office.system.mailboxes.update("101@default", 0, 0)
        assert (await told(ann)).body.startswith("Messages-Waiting: no")  # both changes at once
        await office.quiet()


async def test_each_mailbox_alone_and_whom_to_call(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES + OFF) as office:
        _, ben = office.phone("ann"), office.phone("ben")
        office.system.mailboxes.update("101", 1, 0)
        notify = await told(ben)
        assert notify["From"].startswith("<sip:voicemail@127.0.0.1>")
        assert notify.body == "Messages-Waiting: yes\r\nMessage-Account: sip:*97@127.0.0.1\r\nVoice-Message: 1/0 (0/0)\r\n"
        await office.quiet()


async def test_a_subscription_takes_the_place_of_what_is_sent_unasked(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES + OFF) as office:
        ann, ben, cat = office.phone("ann"), office.phone("ben"), office.phone("cat")
        office.system.mailboxes.update("100", 1, 0)
        await told(ben)
        assert (await told(cat))["Subscription-State"] == "terminated"
        lamp = Lamp(cat, "cat", SUMMARY)
        first = await lamp.subscribe()
        assert "Message-Account: sip:*98@127.0.0.1:15060\r\n" in first.body
        office.system.mailboxes.update("100", 2, 0)
        await told(ben)
        assert (await lamp.notified())["Subscription-State"] == "active;expires=600"
        await office.quiet()
        await lamp.subscribe(0)
        office.system.mailboxes.update("100", 3, 0)
        await told(ben)
        assert (await told(cat))["Subscription-State"] == "terminated"
        Lamp(ann, "ann", SUMMARY).send(60)
        await ann.get(404)  # its aor has no mailboxes


async def test_a_notify_that_nobody_asked_for_sets_a_mailbox(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES + OFF) as office:
        for name in ("ann", "ben", "cat"):
            office.phone(name)
        dan = office.phone("dan")
        seen: list[events.MessageWaiting] = []
        office.system.bus.subscribe(events.MessageWaiting, seen.append)
        extra = "Event: message-summary\r\nSubscription-State: active\r\nContent-Type: application/simple-message-summary\r\n"
        body = "Messages-Waiting: yes\r\nVoice-Message: 4/2 (1/0)\r\n"
        assert (await dan.ask("NOTIFY", "sip:dan@127.0.0.1:15060", extra=extra, body=body)).status == 200
        assert office.system.mailboxes.state("900@carrier") == (4, 2, 1)
        assert [(event.mailbox, event.new) for event in seen] == [("900@carrier", 4)]
        assert (await dan.ask("NOTIFY", "sip:dan@127.0.0.1:15060", extra=extra, body="nonsense")).status == 400
        other = "Event: presence\r\nSubscription-State: active\r\n"
        assert (await dan.ask("NOTIFY", "sip:dan@127.0.0.1:15060", extra=other)).status == 481


async def test_everybody_is_told_at_the_start_unless_that_is_off(tmp_path: Path) -> None:
    for text, expected in ((PHONES, 3), (PHONES + OFF, 0)):
        async with sip_office(tmp_path / str(expected), text) as office:
            await office.quiet(0.2)
            sent = [data for _, data in office.network.lost if data.startswith(b"NOTIFY")]
            assert len(set(sent)) == expected
