"""Our subscription to a mailbox elsewhere (RFC 3842, RFC 6665 4.1); a scripted phone plays the other server."""

from __future__ import annotations

import asyncio
from pathlib import Path

from globstar.core.cli import run_command
from tests.support.sip_phone import SipPhone, Wire, phone_section, sip_office

PHONES = (
    phone_section("carrier", contact="sip:carrier@127.0.0.1:15071")
    + """
[away]
type=outbound-subscription
endpoint=carrier
server_uri=sip:box@127.0.0.1:15071
mailbox=900@carrier
expiration=600
retry_interval=20
"""
)


class Notifying:
    """The other side of a subscription."""

    def __init__(self, phone: SipPhone) -> None:
        self.phone = phone
        self.request: Wire
        self.cseq = 0

    async def accept(self, expires: int = 600) -> None:
        """Take a SUBSCRIBE."""
        self.request = await self.phone.get("SUBSCRIBE")
        self.phone.send(self.phone.reply_to(self.request, 200, tag="n", extra=f"Expires: {expires}\r\n"))

    def notify(self, state: str, new: int, *, tag: str = "n") -> None:
        """A NOTIFY in the dialog."""
        self.cseq += 1
        body = f"Messages-Waiting: {'yes' if new else 'no'}\r\nVoice-Message: {new}/0\r\n"
        uri = self.request["Contact"].strip("<>")
        kind = "Content-Type: application/simple-message-summary\r\n"
        text = self.phone.text(
            "NOTIFY", uri, to=self.request["From"], tag=tag, call_id=self.request["Call-ID"], cseq=self.cseq, body=body,
            extra=f"Event: message-summary\r\nSubscription-State: {state}\r\n{kind}",
            user="box",
        )  # fmt: skip
        self.phone.send(text)


async def test_the_mailbox_follows_and_the_subscription_is_refreshed(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES) as office:
        phone = office.phone("carrier")
        other = Notifying(phone)
        await other.accept()
        assert other.request["Event"] == "message-summary"
        assert other.request["Accept"] == "application/simple-message-summary"
        other.notify("active;expires=600", 3)
        await phone.get(200)
        assert office.system.mailboxes.state("900@carrier").new == 3
        assert "Resource: box/message-summary" in await run_command(office.system, "pjsip show subscriptions outbound")
        await asyncio.sleep(560)
        await office.quiet(5)
        await other.accept()
        assert other.request["Call-ID"]
        assert "tag=n" in other.request["To"]
        other.notify("active;expires=600", 0)
        await phone.get(200)
        assert office.system.mailboxes.state("900@carrier").new == 0
        await end(office.driver, phone, other)


async def end(driver: object, phone: SipPhone, other: Notifying) -> None:
    """The configuration loses it: we unsubscribe and wait for the last NOTIFY."""
    supplement = next(one for one in driver.supplements if type(one).__name__ == "OutboundSubscriptions")  # type: ignore[attr-defined]
    supplement._end("away")
    driver.drain()  # type: ignore[attr-defined]
    await other.accept(0)
    assert other.request["Expires"] == "0"
    other.notify("terminated;reason=timeout", 0)
    await phone.get(200)


async def test_rfc6665_4_4_1_a_notify_before_the_answer_counts_and_one_of_another_fork_does_not(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES) as office:
        phone = office.phone("carrier")
        other = Notifying(phone)
        other.request = await phone.get("SUBSCRIBE")
        other.notify("active;expires=600", 2)
        await phone.get(200)
        other.notify("active;expires=600", 5, tag="fork")
        await phone.get(481)
        phone.send(phone.reply_to(other.request, 200, tag="n", extra="Expires: 600\r\n"))
        await asyncio.sleep(0.2)
        assert office.system.mailboxes.state("900@carrier").new == 2
        await end(office.driver, phone, other)


async def test_rfc6665_4_1_refused_ended_and_silent_subscriptions_are_tried_again(tmp_path: Path) -> None:
    async with sip_office(tmp_path, PHONES) as office:
        phone = office.phone("carrier")
        other = Notifying(phone)
        refused = await phone.get("SUBSCRIBE")
        phone.send(phone.reply_to(refused, 403, tag="n"))
        await asyncio.sleep(19)
        await office.quiet(0.5)
        short = await phone.get("SUBSCRIBE")
        assert short["Call-ID"] != refused["Call-ID"]
        phone.send(phone.reply_to(short, 423, tag="n", extra="Min-Expires: 1800\r\n"))
        await other.accept(1800)
        assert other.request["Expires"] == "1800"
        other.notify("terminated;reason=probation;retry-after=7", 1)
        await phone.get(200)
        await office.quiet(6.5)
        await other.accept(1800)  # 200, but no NOTIFY: the mailbox keeps what it had
        other.notify("active", 1)
        await phone.get(200)
        await end(office.driver, phone, other)
