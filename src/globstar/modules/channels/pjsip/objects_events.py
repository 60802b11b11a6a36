"""The objects of pjsip.conf about events: resource_list, inbound-publication, asterisk-publication, subscriptions of ours."""

from __future__ import annotations

from globstar.base.regex import BadPattern, Regex, compile_regex
from globstar.config.file import Variable
from globstar.config.options import Report, option
from globstar.config.values import boolean, integer, listing, string
from globstar.modules.channels.pjsip.objects import PjsipObject
from globstar.modules.channels.pjsip.readers import one_of

names = listing(string)


def pattern(text: str) -> Regex | None:
    """Read a regular expression; none for no text."""
    try:
        return compile_regex(text) if text else None
    except BadPattern as error:
        raise ValueError(f"no regular expression: {error}") from None


class ResourceListObject(PjsipObject):
    """``type=resource_list``: resources that one subscription follows together (RFC 4662)."""

    kind = "resource_list"
    event = option(one_of("presence", "dialog", "message-summary"), "", help="The event package of the list.")
    list_item = option(names, (), repeat="extend", help="Resources, or other lists; may be repeated.")
    full_state = option(boolean, False, help="Every notification tells of all resources.")
    notification_batch_interval = option(integer(0), 0, unit="ms", help="Changes of so long are told together; 0 at once.")
    resource_display_name = option(boolean, False, help="Give the names of resources.")


class InboundPublicationObject(PjsipObject):
    """``type=inbound-publication``: a resource that an endpoint may PUBLISH to; ``event_NAME=`` says who takes an event."""

    kind = "inbound-publication"
    endpoint = option(string, "", help="The endpoint that may publish.")

    def __init__(self, **values: object) -> None:
        super().__init__(**values)
        #: names of handlers by event
        self.events: dict[str, str] = {}

    def _take(self, name: str, variable: Variable, report: Report) -> None:
        if name.startswith("event_"):
            self.events[name.removeprefix("event_")] = variable.value.strip()
        else:
            super()._take(name, variable, report)


class AsteriskPublicationObject(PjsipObject):
    """``type=asterisk-publication``: device and mailbox states exchanged with another server."""

    kind = "asterisk-publication"
    devicestate_publish = option(string, "", help="outbound-publish object for device states.")
    mailboxstate_publish = option(string, "", help="outbound-publish object for mailbox states.")
    device_state = option(boolean, False, help="Device states of the other server are taken.")
    device_state_filter = option(pattern, None, help="Regular expression for the devices that are sent and taken.")
    mailbox_state = option(boolean, False, help="Mailbox states of the other server are taken.")
    mailbox_state_filter = option(pattern, None, help="Regular expression for the mailboxes that are sent and taken.")


class OutboundSubscriptionObject(PjsipObject):
    """``type=outbound-subscription``: our subscription to the mailbox of another server (an addition to Asterisk's objects)."""

    kind = "outbound-subscription"
    endpoint = option(string, "", help="The endpoint whose credentials and transport are used.")
    server_uri = option(string, "", help="The mailbox at the other server.")
    client_uri = option(string, "", help="Who subscribes; the endpoint at our address if empty.")
    mailbox = option(string, "", help="Our mailbox that shows its state.")
    expiration = option(integer(60), 3600, unit="s", help="Life of the subscription.")
    retry_interval = option(integer(1), 60, unit="s", help="Time between tries after a failure.")
