"""Text messages outside of calls."""

from __future__ import annotations

import base64
import binascii

from globstar.core.manager import ActionRequest, Answer, Permission, failure, manager_action, success
from globstar.core.textmessage import SERVICE, MessageBus, MessageDatum, TextMessage


@manager_action("MessageSend", Permission.MESSAGE, synopsis="Send an out of call message to an endpoint.")
def message_send(request: ActionRequest) -> Answer:
    """Send a text message; ``Base64Body`` in place of ``Body`` may hold line ends."""
    to = request.get("To")
    destination = request.get("Destination") or to
    if not destination:
        return failure("No 'To' address or 'Destination' specified.")
    body, encoded = request.get("Body"), request.get("Base64Body")
    if encoded:
        try:
            body = base64.b64decode(encoded, validate=True).decode("utf-8", "surrogateescape")
        except binascii.Error:
            return failure("Failed to decode message body.")
    bus = request.system.service(SERVICE, MessageBus)
    if bus is None:
        return failure("Messages cannot be sent")
    message = TextMessage(to=to or destination, from_=request.get("From"), body=body)
    for name, value in request.variables():
        message.data[name] = MessageDatum(value, is_outbound=True)
    status = bus.send(message, destination, request.get("From"), to if request.get("Destination") else "")
    if status in ("INVALID_URI", "INVALID_PROTOCOL"):
        return failure("Message technology not found." if status == "INVALID_PROTOCOL" else "Invalid destination.")
    return success("Message successfully sent") if status == "SUCCESS" else failure("Message failed to send.")
