"""The office, called through by simulated phones. A test of ten minutes takes some milliseconds."""

import pytest

from globstar.testing import Office


async def test_colleagues_call_each_other(office: Office) -> None:
    one, two = await office.phone("100"), await office.phone("101")
    call = one.call("101")
    incoming = await two.is_called()
    await call.is_ringing()
    await office.passes(3)
    incoming.answer()
    await call.is_answered()
    await call.speak(1.0)
    assert incoming.media.heard_seconds == pytest.approx(1.0, abs=0.1)
    await office.passes(600)
    incoming.hang_up()
    await call.has_ended()
    record = office.records[-1]
    assert (record.src, record.dst, record.disposition, record.billsec) == ("100", "101", "ANSWERED", 601)


async def test_nobody_answers(office: Office) -> None:
    one, two = await office.phone("100"), await office.phone("101")
    call = one.call("101")
    await two.is_called()
    began = office.now()
    await call.has_played("vm-nobodyavail")
    assert office.now() - began == pytest.approx(20, abs=1)
    await call.has_ended()


async def test_a_busy_colleague(office: Office) -> None:
    one, two = await office.phone("100"), await office.phone("101")
    two.on_call = lambda incoming: incoming.refuse()
    call = one.call("101")
    assert await call.has_ended() == 486
    assert call.played == ["vm-isonphone"]


@pytest.mark.parametrize(("key", "phone"), [("1", "100"), ("2", "101"), ("9", "100"), ("", "100")])
async def test_the_menu(office: Office, key: str, phone: str) -> None:
    trunk, colleague = await office.phone("trunk"), await office.phone(phone)
    call = trunk.call("5550100", caller_id="A customer")
    await call.has_played("vm-options")
    if key:
        await call.press(key)
    incoming = await colleague.is_called()
    assert "A customer" in incoming.shown_caller
    assert call.variables["CHOICE"] == key
    incoming.answer()
    await office.passes(2)
    call.hang_up()
    await incoming.has_ended()


@pytest.mark.globstar(config=".", seed=7)
async def test_the_office_is_closed_at_night(office: Office) -> None:
    await office.cli("dialplan set global NIGHT yes")
    trunk = await office.phone("trunk")
    call = trunk.call("5550100")
    await call.has_ended()
    assert call.played == ["vm-goodbye"]
    assert not office.warnings
