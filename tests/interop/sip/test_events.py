"""RFC 6665, RFC 3856, RFC 4235: subscriptions to the state of extensions."""

from __future__ import annotations

from tests.interop.support.batch import Call, scenario
from tests.interop.support.script import Script
from tests.interop.support.sipp import Sipp

PIDF, DIALOG, XPIDF = "application/pidf+xml", "application/dialog-info+xml", "application/xpidf+xml"


def subscribe(script: Script, event: str = "presence", accept: str = PIDF, expires: int = 600) -> Script:
    return script.ask("SUBSCRIBE", extra=f"Event: {event}\nAccept: {accept}\nExpires: {expires}\n")


def refresh(script: Script, expires: int, event: str = "presence", accept: str = PIDF) -> Script:
    return script.within("SUBSCRIBE", extra=f"Event: {event}\nAccept: {accept}\nExpires: {expires}\n")


def notified(script: Script, state: str, body: str, event: str = "presence", kind: str = PIDF) -> Script:
    return script.expect_request(
        "NOTIFY", has={"Event": event, "Subscription-State": state, "Content-Type": kind.replace("+", "."), "body": body}
    ).answer_request()


def ended(script: Script, event: str = "presence") -> Script:
    """The watcher ends its subscription: 200, and a last NOTIFY."""
    refresh(script, 0, event).expect(200, has={"Expires": "^ *0"})
    return script.expect_request("NOTIFY", has={"Subscription-State": "terminated"}).answer_request()


@scenario("udp tcp tls ws")
def test_rfc3856_6_presence_is_told_at_once_and_to_the_end(call: Call) -> None:
    script = subscribe(call.caller(number="8001")).expect(
        200, routes=True, has={"Expires": "600", "Contact": "sip:", "To": "tag="}
    )
    ended(notified(script, "active;expires=[0-9]+", "<basic>"))


@scenario("udp tcp")
def test_rfc4235_3_dialog_is_told_in_full_with_version_0(call: Call) -> None:
    script = subscribe(call.caller(number="8001"), "dialog", DIALOG).expect(200, routes=True)
    notified(script, "active", 'version="0" state="full" entity="sip:8001@', "dialog", DIALOG)
    ended(script, "dialog")


@scenario()
def test_xpidf_for_older_phones(call: Call) -> None:
    script = subscribe(call.caller(number="8001"), "presence", XPIDF).expect(200, routes=True)
    ended(notified(script, "active", "<presence", "presence", XPIDF))


@scenario()
def test_a_subscription_that_ends_as_it_begins_is_400(call: Call) -> None:
    subscribe(call.caller(number="8001"), expires=0).expect(400)


@scenario()
def test_an_extension_without_hint_is_404(call: Call) -> None:
    subscribe(call.caller(number="nohint")).expect(404)


@scenario()
def test_no_body_that_the_watcher_accepts_is_489(call: Call) -> None:
    subscribe(call.caller(number="8001"), accept="text/tea").expect(489)


@scenario()
def test_rfc6665_a_refresh_is_200_and_notified(call: Call) -> None:
    script = subscribe(call.caller(number="8001")).expect(200, routes=True)
    notified(script, "active", "<basic>")
    refresh(script, 300).expect(200, has={"Expires": "300"})
    ended(notified(script, "active;expires=(300|29[0-9])", "<basic>"))


@scenario()
def test_rfc6665_4_2_1_1_an_interval_that_is_too_short_is_423(call: Call) -> None:
    subscribe(call.caller("patient", "8001"), expires=30).expect(423, has={"Min-Expires": "120"})


@scenario()
def test_allow_subscribe_no(call: Call) -> None:
    subscribe(call.caller("nosubscribe", "8001")).expect(603)


@scenario()
def test_rfc4235_a_call_of_the_watched_phone_is_told(call: Call) -> None:
    watcher = subscribe(call.caller(number="8002"), "dialog", DIALOG).expect(200, routes=True)
    notified(watcher, "active", "<state>terminated|state=.full. entity", "dialog", DIALOG)
    notified(watcher, "active", 'version="1".*<state>confirmed', "dialog", DIALOG)
    notified(watcher, "active", 'version="2".*<state>terminated', "dialog", DIALOG)
    ended(watcher, "dialog")
    caller = call.caller("watched2", "101").after(watcher, "^NOTIFY ").invite("[media_port]").answered()
    caller.until(watcher, "^NOTIFY .*<state>confirmed").bye()


@scenario()
def test_rfc3856_a_call_of_the_watched_phone_changes_its_presence(call: Call) -> None:
    watcher = subscribe(call.caller(number="8003")).expect(200, routes=True)
    notified(watcher, "active", "<basic>")
    notified(watcher, "active", "on-the-phone|On the phone|busy")
    notified(watcher, "active", "<basic>")
    ended(watcher)
    caller = call.caller("watched3", "101").after(watcher, "^NOTIFY ").invite("[media_port]").answered()
    caller.until(watcher, "^NOTIFY .*(on-the-phone|On the phone|busy)").bye()


@scenario()
def test_rfc6665_4_4_1_a_subscriber_that_answers_481_is_forgotten(call: Call) -> None:
    script = subscribe(call.caller(number="8001")).expect(200, routes=True)
    script.expect_request("NOTIFY").answer_request(481, "Subscription Does Not Exist").pause(100)
    refresh(script, 300).expect(481)


@scenario()
def test_rfc6665_4_1_2_2_a_notify_is_repeated_until_it_is_answered(call: Call) -> None:
    script = subscribe(call.caller(number="8001")).expect(200, routes=True)
    script.expect_request("NOTIFY").until_repeated("NOTIFY").answer_request()
    ended(script)

    def check(parties: list[Sipp]) -> None:
        first = [m.header("CSeq") for m in parties[0].received() if m.text.startswith("NOTIFY")]
        assert first.count(first[0]) >= 3

    call.check = check


@scenario()
def test_rfc3261_12_two_subscriptions_of_one_phone_are_two_dialogs(call: Call) -> None:
    for _ in range(2):
        script = subscribe(call.caller(number="8001")).expect(200, routes=True)
        ended(notified(script, "active", "<basic>"))
