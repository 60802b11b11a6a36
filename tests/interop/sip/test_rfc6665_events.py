"""RFC 6665, 3842, 3856, 4235, 4662, 3903: subscriptions, notifications and publications, with SIPp as the phone."""

from __future__ import annotations

from pathlib import Path

from tests.interop.sip.servers import SERVERS
from tests.interop.support.batch import Call, scenario
from tests.interop.support.office import TAKES_ALL
from tests.interop.support.relay import Relay
from tests.interop.support.script import Script
from tests.support.loopback import HOST, free_port
from tests.support.server import GlobstarProcess

ENDPOINTS = {
    "alice": "sub_min_expiry=5",
    "nosub": "allow_subscribe=no",
    "elsewhere": "subscribe_context=lamps",
    "keys": "callerid=Keys <4711>",
    "boxes": "",
    "peer": "",
}
EXTENSIONS = """
[main]
exten => 6001,hint,Custom:one
exten => 6002,hint,Custom:two
exten => _65XX,hint,Custom:pattern${EXTEN}
exten => 100,1,Answer()
[lamps]
exten => 6100,hint,Custom:one
"""
LISTS = """
[team]
type=resource_list
event=dialog
list_item=6001,6002
[states]
type=inbound-publication
endpoint=peer
event_asterisk-devicestate=exchange
[exchange]
type=asterisk-publication
device_state=yes
"""


def events(directory: Path) -> tuple[GlobstarProcess, dict[str, int], list[Relay]]:
    """A server with hints, lists and publications."""
    port = free_port(2)
    text = "[global]\ntype=global\nendpoint_identifier_order=username,ip,anonymous\n\n" + TAKES_ALL
    text += "".join(f"[{kind}]\ntype=transport\nprotocol={kind}\nbind={HOST}:{port}\n\n" for kind in ("udp", "tcp"))
    for name, options in ENDPOINTS.items():
        boxes = "mailboxes=900@default\nvoicemail_extension=*97\n" if name == "boxes" else ""
        text += f"[{name}]\ntype=endpoint\ncontext=main\ndisallow=all\nallow=ulaw\naors={name}\n{options}\n"
        text += f"[{name}]\ntype=aor\n{boxes}\n"
    files = {"modules.conf": "[modules]\nautoload=yes\n", "pjsip.conf": text + LISTS, "extensions.conf": EXTENSIONS}
    server = GlobstarProcess(directory, files)
    server.wait_booted()
    return server, {"udp": port, "tcp": port}, []


SERVERS["events"] = events

DIALOG = "Event: dialog\nAccept: application/dialog-info+xml\n"
PRESENCE = "Event: presence\nAccept: application/pidf+xml\n"
SUMMARY = "Event: message-summary\nAccept: application/simple-message-summary\n"


def subscribed(script: Script, extra: str, *, expires: int = 600, **has: str) -> Script:
    """SUBSCRIBE, 200, the first NOTIFY with the headers ``has`` (underscores are hyphens), and its 200."""
    script.ask("SUBSCRIBE", extra=f"{extra}Expires: {expires}\n")
    script.expect(200, routes=True, has={"Expires": str(expires), "Contact": "sip:", "To": "tag="})
    wanted = {name.replace("_", "-") if name != "body" else name: pattern for name, pattern in has.items()}
    return script.expect_request("NOTIFY", has={"Subscription-State": "active;expires=", **wanted}).answer_request()


def unsubscribed(script: Script, extra: str) -> Script:
    """SUBSCRIBE with Expires 0 and the last NOTIFY."""
    script.within("SUBSCRIBE", extra=f"{extra}Expires: 0\n").expect(200, has={"Expires": "0"})
    return script.expect_request("NOTIFY", has={"Subscription-State": "terminated"}).answer_request()


@scenario("udp tcp", "events")
def test_rfc4235_a_dialog_subscription_from_begin_to_end(call: Call) -> None:
    script = subscribed(
        call.caller(number="6001"),
        DIALOG,
        Event="dialog",
        Content_Type="application/dialog-info",
        body="<state>terminated</state>",
    )
    unsubscribed(script, DIALOG)


@scenario("udp tcp", "events")
def test_rfc3856_presence_as_pidf(call: Call) -> None:
    script = call.caller(number="6001")
    unsubscribed(subscribed(script, PRESENCE, Content_Type="application/pidf", body="<basic>open</basic>"), PRESENCE)


@scenario(server="events")
def test_presence_as_xpidf_for_who_takes_nothing_else(call: Call) -> None:
    extra = "Event: presence\nAccept: application/xpidf+xml\n"
    unsubscribed(subscribed(call.caller(number="6001"), extra, Content_Type="application/xpidf"), extra)


@scenario(server="events")
def test_rfc6665_4_1_2_2_a_refresh_is_told_the_state_again(call: Call) -> None:
    script = subscribed(call.caller(number="6001"), DIALOG)
    script.within("SUBSCRIBE", extra=f"{DIALOG}Expires: 300\n").expect(200, has={"Expires": "300"})
    script.expect_request("NOTIFY", has={"Subscription-State": "active;expires=(300|29[0-9])"}).answer_request()
    unsubscribed(script, DIALOG)


@scenario(server="events")
def test_rfc6665_4_2_1_2_a_subscription_that_is_not_refreshed_ends(call: Call) -> None:
    script = subscribed(call.caller(number="6001"), DIALOG, expires=5)
    script.expect_request("NOTIFY", has={"Subscription-State": "terminated"}).answer_request()
    script.within("SUBSCRIBE", extra=f"{DIALOG}Expires: 60\n").expect(481)


@scenario(server="events")
def test_rfc6665_4_2_1_1_too_short_is_423(call: Call) -> None:
    call.caller(number="6001").ask("SUBSCRIBE", extra=f"{DIALOG}Expires: 4\n").expect(423, has={"Min-Expires": "5"})


@scenario(server="events")
def test_an_extension_without_a_hint_is_404(call: Call) -> None:
    call.caller(number="100").ask("SUBSCRIBE", extra=f"{DIALOG}Expires: 60\n").expect(404)


@scenario(server="events")
def test_rfc6665_7_2_an_unknown_event_is_489(call: Call) -> None:
    call.caller(number="6001").ask("SUBSCRIBE", extra="Event: weather\nExpires: 60\n").expect(489)


@scenario(server="events")
def test_allow_subscribe_no_is_603(call: Call) -> None:
    call.caller("nosub", number="6001").ask("SUBSCRIBE", extra=f"{DIALOG}Expires: 60\n").expect(603)


@scenario(server="events")
def test_rfc6665_8_1_1_a_subscribe_without_contact_is_400(call: Call) -> None:
    call.caller(number="6001").ask("SUBSCRIBE", contact="", extra=f"{DIALOG}Expires: 60\n").expect(400)


@scenario(server="events")
def test_rfc3261_12_2_2_a_subscribe_for_an_unknown_dialog_is_481(call: Call) -> None:
    call.caller().ask("SUBSCRIBE", to="<sip:6001@127.0.0.1>;tag=none", extra=f"{DIALOG}Expires: 60\n").expect(481)


@scenario(server="events")
def test_rfc6665_4_2_2_a_notify_answered_481_ends_the_subscription(call: Call) -> None:
    script = call.caller(number="6001").ask("SUBSCRIBE", extra=f"{DIALOG}Expires: 60\n").expect(200, routes=True)
    script.expect_request("NOTIFY").answer_request(481, "Gone").pause(200)
    script.within("SUBSCRIBE", extra=f"{DIALOG}Expires: 60\n").expect(481)


@scenario(server="events")
def test_subscribe_context_is_where_hints_are_looked_for(call: Call) -> None:
    unsubscribed(subscribed(call.caller("elsewhere", number="6100"), DIALOG), DIALOG)


@scenario(server="events")
def test_a_hint_of_a_pattern_serves_every_extension_of_it(call: Call) -> None:
    unsubscribed(subscribed(call.caller(number="6512"), DIALOG, body='id="6512"'), DIALOG)


@scenario("udp tcp", "events")
def test_rfc3842_3_5_message_summary_with_its_account(call: Call) -> None:
    body = "Messages-Waiting: no"
    script = subscribed(
        call.caller("boxes", number="boxes"), SUMMARY, Content_Type="application/simple-message-summary", body=body
    )
    unsubscribed(script, SUMMARY)


@scenario(server="events")
def test_an_aor_without_mailboxes_is_404(call: Call) -> None:
    call.caller(number="alice").ask("SUBSCRIBE", extra=f"{SUMMARY}Expires: 60\n").expect(404)


@scenario("udp tcp", "events")
def test_rfc4662_4_a_list_is_told_as_multipart_related(call: Call) -> None:
    extra = "Event: dialog\nAccept: application/dialog-info+xml, application/rlmi+xml, multipart/related\nSupported: eventlist\n"
    script = subscribed(call.caller(number="team"), extra, Require="eventlist", Content_Type="multipart/related", body="rlmi")
    unsubscribed(script, extra)


@scenario(server="events")
def test_as_feature_event_sets_do_not_disturb(call: Call) -> None:
    extra = "Event: as-feature-event\nAccept: application/x-as-feature-event+xml\n"
    script = subscribed(call.caller("keys", number="4711"), extra, body="<doNotDisturbOn>false")
    body = "<SetDoNotDisturb><device>4711</device><doNotDisturbOn>true</doNotDisturbOn></SetDoNotDisturb>"
    script.within("SUBSCRIBE", extra=f"{extra}Expires: 600\n", body=body, kind="application/x-as-feature-event+xml").expect(200)
    script.expect_request("NOTIFY", has={"body": "<doNotDisturbOn>true"}).answer_request()
    unsubscribed(script, extra)


@scenario("udp tcp", "events")
def test_rfc3903_6_a_publication_has_an_entity_tag_and_an_end(call: Call) -> None:
    body = '{"type":"devicestate","device":"PJSIP/far","state":"INUSE","cachable":"1","eid":"aa:bb"}'
    extra = "Event: asterisk-devicestate\nExpires: 60\n"
    script = call.caller("peer", number="states").ask("PUBLISH", extra=extra, body=body, kind="application/json")
    script.expect(200, has={"SIP-ETag": ".+", "Expires": "60"})
    script.ask("PUBLISH", extra=f"{extra}SIP-If-Match: unknown\n").expect(412)


@scenario(server="events")
def test_rfc3903_6_a_resource_of_another_is_403_and_an_unknown_one_404(call: Call) -> None:
    extra = "Event: asterisk-devicestate\nExpires: 60\n"
    script = call.caller(number="states").ask("PUBLISH", extra=extra, body="{}", kind="application/json").expect(403)
    script.ask("PUBLISH", uri="sip:none@[remote_ip]:[remote_port]", extra=extra, body="{}", kind="application/json").expect(404)


@scenario(server="events")
def test_rfc3903_6_an_unknown_event_is_489(call: Call) -> None:
    call.caller("peer", number="states").ask(
        "PUBLISH", extra="Event: weather\nExpires: 60\n", body="x", kind="text/plain"
    ).expect(489)
