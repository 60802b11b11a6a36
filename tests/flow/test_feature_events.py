"""as-feature-event: the keys of a phone, the AstDB and other phones stay in step."""

from __future__ import annotations

import re
from pathlib import Path

from tests.flow.test_subscriptions import Lamp
from tests.support.sip_phone import Wire, phone_section, sip_office

EVENT = "Event: as-feature-event\r\nAccept: application/x-as-feature-event+xml\r\n"
KIND = "Content-Type: application/x-as-feature-event+xml\r\n"
PHONES = phone_section("cat", contact="sip:cat@127.0.0.1:15071", callerid="Cat <102>") + phone_section("tom")
NS = 'xmlns="http://www.ecma-international.org/standards/ecma-323/csta/ed3"'


def dnd(value: str) -> str:
    return f"<SetDoNotDisturb {NS}><device>102</device><doNotDisturbOn>{value}</doNotDisturbOn></SetDoNotDisturb>"


def forward(kind: str, target: str, value: str = "true") -> str:
    return (
        f"<?xml version='1.0'?><SetForwarding {NS}><device/><forwardingType>{kind}</forwardingType>"
        f"<forwardDN>{target}</forwardDN><activateForward>{value}</activateForward></SetForwarding>"
    )


def told(notify: Wire) -> list[str]:
    """The events of a notification."""
    found = re.findall(r"<doNotDisturbOn>(\w+)<", notify.body)
    out = [f"dnd {value}" for value in found]
    pattern = r"<forwardingType>(\w+)</forwardingType>\s*<forwardStatus>(\w+)</forwardStatus>\s*<forwardTo>(\d*)<"
    return out + [" ".join(match).strip() for match in re.findall(pattern, notify.body)]


async def test_keys_of_the_phone_are_written_and_told(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES) as office:
        cat, database = office.phone("cat"), office.system.database
        database.put("CFB", "102", "900")
        keys, other = Lamp(cat, "102", EVENT), Lamp(cat, "102", EVENT)
        first = await keys.subscribe()
        assert first["Content-Type"].startswith("multipart/mixed")
        assert told(first) == ["dnd false", "forwardImmediate false", "forwardBusy true 900", "forwardNoAns false"]
        await other.subscribe()
        keys.send(600, KIND, dnd("true"))
        messages = {}
        for _ in range(3):
            message = await cat._answer()
            messages[message["Call-ID"], message.label] = message
        for lamp in (keys, other):
            notify = messages[lamp.call_id, "NOTIFY"]
            assert told(notify) == ["dnd true"]
            cat.send(cat.reply_to(notify, 200))
        assert database.get("DND", "102") == "YES"
        await other.subscribe(0)
        assert told(await keys.subscribe(600, KIND, forward("forwardImmediate", "555"))) == ["forwardImmediate true 555"]
        assert database.get("CF", "102") == "555"
        assert told(await keys.subscribe(600, KIND, forward("forwardBusy", "", "false"))) == ["forwardBusy false"]
        assert database.get("CFB", "102") is None
        await office.quiet()
        await keys.subscribe(0)


async def test_the_dialplan_changes_a_feature_and_the_phone_is_told(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES) as office:
        keys = Lamp(office.phone("cat"), "102", EVENT)
        await keys.subscribe()
        office.system.database.put("DND", "102", "YES")
        assert told(await keys.notified()) == ["dnd true"]
        office.system.database.put("DND", "102", "YES")
        office.system.database.put("DND", "103", "YES")
        await office.quiet()
        office.system.database.delete_tree("DND")
        assert told(await keys.notified()) == ["dnd false"]
        await keys.subscribe(0)


async def test_only_its_own_number_and_only_what_can_be_read(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES) as office:
        cat = office.phone("cat")
        Lamp(cat, "tom", EVENT).send(60)
        await cat.get(403)
        keys = Lamp(cat, "cat", EVENT)
        await keys.subscribe()
        for body in (
            "nonsense",
            "<a/>",
            forward("forwardOften", "1"),
            dnd("perhaps"),
            '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        ):
            keys.send(60, KIND, body)
            await cat.get(400)
        assert list(office.system.database.tree("DND")) == []
        await keys.subscribe(0)
