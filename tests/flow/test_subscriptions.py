"""Subscriptions on virtual time: lamps of extensions, as phones see them."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from globstar.config import MemorySource
from globstar.core.cli import run_command
from globstar.interfaces.cli.commands import register_commands
from tests.support.sip_phone import SipOffice, SipPhone, Wire, phone_section, sip_office

DIALOG = "Event: dialog\r\nAccept: application/dialog-info+xml\r\n"
PRESENCE = "Event: presence\r\nAccept: application/pidf+xml\r\n"

PHONES = (
    phone_section("ann", contact="sip:ann@127.0.0.1:15071", callerid="Ann <100>")
    + phone_section("ben", contact="sip:ben@127.0.0.1:15072", callerid="Ben <101>")
    + phone_section("cat", contact="sip:cat@127.0.0.1:15073", sub_min_expiry=30, subscribe_context="lamps")
    + phone_section("dan", contact="sip:dan@127.0.0.1:15074", notify_early_inuse_ringing="yes", subscribe_context="lamps")
)
EXTENSIONS = """
[default]
exten => 101,1,Dial(PJSIP/ben)
exten => 102,1,Dial(PJSIP/dan)
[lamps]
exten => 6001,hint,PJSIP/ben
exten => 6009,hint,Custom:door
exten => _7XXX,hint,Custom:door${EXTEN:1}
"""


class Lamp:
    """A subscription of a phone."""

    def __init__(self, phone: SipPhone, extension: str, package: str = DIALOG) -> None:
        self.phone = phone
        self.package = package
        self.target = f"sip:{extension}@127.0.0.1:15060"
        self.to = f"<{self.target}>"
        self.tag = f"{phone.name}lamp{next(phone.numbers)}"
        self.call_id = f"{phone.name}-lamp-{next(phone.numbers)}"
        self.cseq = 0
        self.notify_cseq = 0

    def send(self, expires: int | None, extra: str = "", body: str = "") -> None:
        """A SUBSCRIBE."""
        self.cseq += 1
        extra = self.package + (f"Expires: {expires}\r\n" if expires is not None else "") + extra
        self.phone.send(
            self.phone.text(
                "SUBSCRIBE", self.target, to=self.to, tag=self.tag, call_id=self.call_id, cseq=self.cseq, extra=extra, body=body
            )
        )

    async def subscribe(self, expires: int | None = 600, extra: str = "", body: str = "") -> Wire:
        """Subscribe or refresh; gives the NOTIFY that follows."""
        self.send(expires, extra, body)
        answer = await self.phone.get(200)
        self.to = answer["To"]
        self.target = re.sub(r"^<|>.*$", "", answer["Contact"])
        return await self.notified()

    async def notified(self, status: int = 200, extra: str = "") -> Wire:
        """The next NOTIFY, answered."""
        notify = await self.phone.get("NOTIFY")
        number = int(notify["CSeq"].split()[0])
        assert number > self.notify_cseq
        self.notify_cseq = number
        self.phone.send(self.phone.reply_to(notify, status, extra=extra))
        return notify


def dialog_state(notify: Wire) -> str:
    """``version state`` of a dialog-info body."""
    version, state = re.search(r'version="(\d+)"', notify.body), re.search(r"<state>(\w+)</state>", notify.body)
    assert version is not None
    assert state is not None
    return f"{version[1]} {state[1]}"


async def change(office: SipOffice, state: str, device: str = "Custom:door") -> None:
    """Set a custom state."""
    await run_command(office.system, f"devstate change {device} {state}")


async def test_a_lamp_follows_the_calls_of_a_phone(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        ann, ben, cat = office.phone("ann"), office.phone("ben"), office.phone("cat")
        lamp = Lamp(cat, "6001")
        assert dialog_state(await lamp.subscribe()) == "0 terminated"
        call = ann.call("101")
        await ann.get(100)
        ringing = await ben.ring()
        ringing.reply(180)
        await ann.get(180)
        told = await lamp.notified()
        assert dialog_state(told) == "1 early"
        assert '<identity display="Ann">sip:100@127.0.0.1</identity>' in told.body
        assert '<identity display="Ben">sip:101@127.0.0.1</identity>' in told.body
        await ringing.answer()
        await call.answered()
        assert dialog_state(await lamp.notified()) == "2 confirmed"
        await call.hang_up()
        await ringing.ended()
        assert dialog_state(await lamp.notified()) == "3 terminated"
        told = await lamp.subscribe(0)
        assert (told["Subscription-State"], dialog_state(told)) == ("terminated", "3 terminated")
        await office.quiet()


async def test_rfc6665_4_2_1_2_an_expired_subscription_ends_with_a_notify(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        lamp = Lamp(office.phone("cat"), "6009")
        assert (await lamp.subscribe(60))["Subscription-State"] == "active;expires=60"
        await asyncio.sleep(50)
        assert (await lamp.subscribe(60))["Subscription-State"] == "active;expires=60"  # the first timer is pushed back
        await asyncio.sleep(59)
        await office.quiet(0.5)
        assert (await lamp.notified())["Subscription-State"] == "terminated"
        await change(office, "INUSE")
        await office.quiet()
        lamp.send(60)
        await lamp.phone.get(481)


async def test_rfc6665_4_2_1_a_short_or_empty_expiry_and_bad_requests_are_refused(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        cat = office.phone("cat")
        Lamp(cat, "6001").send(29)
        assert (await cat.get(423))["Min-Expires"] == "30"
        Lamp(cat, "6001").send(0)
        await cat.get(400)
        Lamp(cat, "6002").send(60)
        await cat.get(404)
        Lamp(cat, "6001", "Event: weather\r\n").send(60)
        await cat.get(489)
        Lamp(cat, "6001", "Event: dialog\r\nAccept: application/pidf+xml\r\n").send(60)
        await cat.get(489)
        cat.send(cat.text("SUBSCRIBE", "sip:6001@127.0.0.1:15060", contact="none", extra=DIALOG))
        await cat.get(400)
        assert office.driver.sip.dialogs == 0


async def test_rfc6665_4_2_2_a_notify_that_is_answered_481_or_not_at_all_ends_the_subscription(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        cat = office.phone("cat")
        gone, silent, busy = Lamp(cat, "6009"), Lamp(cat, "6009"), Lamp(cat, "6009")
        for lamp in (gone, silent, busy):
            await lamp.subscribe()
        assert office.system.device_states.watchers("lamps", "6009") == 3
        await change(office, "INUSE")
        for lamp, status in ((gone, 481), (silent, 0), (busy, 500)):
            notify = await cat.get("NOTIFY")
            assert notify["Call-ID"] == lamp.call_id
            if status:
                cat.send(cat.reply_to(notify, status))
        await asyncio.sleep(40)
        assert office.system.device_states.watchers("lamps", "6009") == 1
        await change(office, "NOT_INUSE")
        assert dialog_state(await busy.notified()) == "2 terminated"
        await office.quiet()
        await busy.subscribe(0)


async def test_a_slow_subscriber_costs_a_bounded_number_of_notifications(tmp_path: Path) -> None:
    """RFC 6665 4.2.2: at most four wait for their answer, then the state of then is told once."""
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        cat = office.phone("cat")
        lamp = Lamp(cat, "6009")
        await lamp.subscribe()
        for state in ("INUSE", "RINGING", "ONHOLD", "NOT_INUSE", "INUSE", "RINGING", "ONHOLD"):
            await change(office, state)
            await asyncio.sleep(0.01)
        waiting = [await cat.get("NOTIFY") for _ in range(4)]
        await office.quiet(0.2)
        cat.send(cat.reply_to(waiting[0], 200))
        told = await cat.get("NOTIFY")
        assert dialog_state(told) == "7 confirmed"
        for notify in (*waiting[1:], told):
            cat.send(cat.reply_to(notify, 200))
        await office.quiet(0.2)
        await lamp.subscribe(0)


async def test_a_pattern_hint_is_made_for_the_extension_that_is_watched(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        cat = office.phone("cat")
        lamp = Lamp(cat, "7012")
        await lamp.subscribe()
        await change(office, "RINGING", "Custom:door012")
        assert dialog_state(await lamp.notified()) == "1 early"
        assert office.system.device_states.watchers("lamps", "7012") == 1
        await lamp.subscribe(0)
        assert office.system.device_states.hints.find("lamps", "7012") is None


async def test_a_hint_that_a_reload_takes_away_ends_its_subscriptions(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        cat = office.phone("cat")
        kept, lost = Lamp(cat, "6009"), Lamp(cat, "6001")
        await kept.subscribe()
        await lost.subscribe()
        text = EXTENSIONS.replace("exten => 6001,hint,PJSIP/ben\n", "")
        office.system.configuration.source = MemorySource({"extensions.conf": text})
        await office.system.loader.reload("pbx_config")
        assert (await lost.notified())["Subscription-State"] == "terminated;reason=noresource"
        await change(office, "INUSE")
        assert dialog_state(await kept.notified()) == "1 confirmed"
        await kept.subscribe(0)


async def test_notify_early_inuse_ringing(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        cat, dan = office.phone("cat"), office.phone("dan")
        plain, told = Lamp(cat, "6009"), Lamp(dan, "6009")
        await plain.subscribe()
        await told.subscribe()
        await change(office, "RINGINUSE")
        assert dialog_state(await plain.notified()) == "1 confirmed"
        assert dialog_state(await told.notified()) == "1 early"
        for lamp in (plain, told):
            await lamp.subscribe(0)


async def test_the_cli_shows_who_subscribes(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        register_commands(office.system)
        lamp = Lamp(office.phone("cat"), "6009")
        await lamp.subscribe()
        shown = await run_command(office.system, "pjsip show subscriptions inbound")
        assert f"Endpoint: cat\nResource: 6009/dialog\n  Expiry:      600  {lamp.call_id}\n\n1 active subscriptions\n" in shown
        assert "0 active" in await run_command(office.system, "pjsip show subscriptions inbound like nobody")
        detail = await run_command(office.system, f"pjsip show subscription inbound {lamp.call_id}")
        assert "ExtensionStates: Idle" in detail
        assert "Watchers  1" in await run_command(office.system, "core show hint 6009@lamps")
        await lamp.subscribe(0)


async def test_a_reload_that_takes_an_endpoint_away_ends_its_subscriptions(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        cat, dan = office.phone("cat"), office.phone("dan")
        lost, kept = Lamp(cat, "6009"), Lamp(dan, "6009")
        await lost.subscribe()
        await kept.subscribe()
        files = office.system.configuration.source.files  # type: ignore[attr-defined]
        text = files["pjsip.conf"].replace("[cat]\ntype=endpoint", "[cat]\ntype=endpoint\nallow_subscribe=no")
        office.system.configuration.source = MemorySource({**files, "pjsip.conf": text})
        await office.system.loader.reload("chan_pjsip")
        assert (await lost.notified())["Subscription-State"] == "terminated;reason=deactivated"
        await change(office, "INUSE")
        assert dialog_state(await kept.notified()) == "1 confirmed"
        await office.quiet()
        await kept.subscribe(0)


async def test_a_hint_that_many_watch_is_told_in_slices(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        hints, told, rounds = office.system.device_states.hints, [], 0
        watchers = [lambda hint, change, number=number: told.append(number) for number in range(120)]
        for watcher in watchers:
            hint = hints.watch("lamps", "6009", watcher)
        assert hint is not None
        await change(office, "INUSE")
        while len(told) < 120:
            rounds += 1
            await asyncio.sleep(0)
        assert told == list(range(120))
        assert rounds >= 3
        for watcher in watchers:
            hints.unwatch(hint, watcher)


async def test_packages_are_there_whichever_module_is_loaded_first(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES, EXTENSIONS) as office:
        loader, cat = office.system.loader, office.phone("cat")
        lamp = Lamp(cat, "6009")
        await lamp.subscribe()
        await loader.unload("res_pjsip_exten_state")
        assert (await lamp.notified())["Subscription-State"] == "terminated;reason=deactivated"
        Lamp(cat, "6009").send(60)
        await cat.get(489)
        await loader.load("res_pjsip_exten_state")
        await loader.unload("res_pjsip_pubsub")
        await loader.load("res_pjsip_pubsub")
        again = Lamp(cat, "6009")
        await again.subscribe()
        await again.subscribe(0)
