"""The application PJSIPNotify."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.registry import application
from globstar.dialplan.arguments import split_arguments
from globstar.modules.channels.pjsip.driver import PjsipDriver
from globstar.modules.channels.pjsip.supplements.notify import Notice, NotifyFailed, notifier

logger = Logger("chan_pjsip")


@application("PJSIPNotify", syntax="PJSIPNotify([to,]content)")
def pjsip_notify(channel: Channel, data: str) -> int:
    """Send a NOTIFY to a URI, or inside the call of this channel.

    to: the URI, sent to on behalf of ``default_outbound_endpoint``; without it the NOTIFY goes inside the call.
    content: the name of a section of pjsip_notify.conf, or ``&Header=value&Header=value...``, where each ``Content=`` adds a line
    to the body.
    """
    arguments = split_arguments(data, 2)
    to, content = (arguments[0], arguments[1]) if len(arguments) > 1 else ("", arguments[0] if arguments else "")
    driver = channel.system.service("pjsip", PjsipDriver)
    feature = notifier(driver) if driver is not None else None
    if feature is None or not content:
        logger.warning("PJSIPNotify needs content and the module res_pjsip_notify")
        return 0
    try:
        if content.startswith("&"):
            pairs = (part.partition("=") for part in content[1:].split("&"))
            notice = Notice.of((name, value) for name, _, value in pairs)
        else:
            notice = feature.notice(content)
        if to.strip():
            feature.to_uri(to.strip(), notice)
        else:
            feature.to_channel(channel, notice)
    except NotifyFailed as error:
        logger.warning(f"PJSIPNotify: {error}")
    return 0
