"""Objects of pjsip.conf that calls do not need: registration, outbound-publish, phoneprov."""

from __future__ import annotations

from globstar.config.file import Variable
from globstar.config.options import Report, option
from globstar.config.values import boolean, integer, listing, string
from globstar.modules.channels.pjsip.objects import PjsipObject
from globstar.modules.channels.pjsip.readers import one_of

names = listing(string)


class RegistrationObject(PjsipObject):
    """``type=registration``: we register with another server."""

    kind = "registration"
    server_uri = option(string, "", help="The registrar: Request-URI of REGISTER.")
    client_uri = option(string, "", help="Who registers: From and To.")
    contact_user = option(string, "s", help="User part of our Contact, the extension that calls come to.")
    contact_header_params = option(string, "", help="Parameters for the Contact header.")
    transport = option(string, "", help="Transport object to use.")
    outbound_proxy = option(string, "", help="Proxy that REGISTER goes through.")
    outbound_auth = option(names, (), help="auth objects that answer challenges.")
    expiration = option(integer(1), 3600, unit="s", help="Life that is asked for.")
    retry_interval = option(integer(0), 60, unit="s", help="Pause after a failure that may pass; 0 gives up.")
    forbidden_retry_interval = option(integer(0), 0, unit="s", help="Pause after 403; 0 gives up.")
    fatal_retry_interval = option(integer(0), 0, unit="s", help="Pause after a failure that should last; 0 gives up.")
    max_retries = option(integer(0), 10, help="How often it is tried again before giving up.")
    max_random_initial_delay = option(integer(0), 10, unit="s", help="The first REGISTER waits up to so long.")
    auth_rejection_permanent = option(boolean, True, help="A refused secret is not tried again.")
    support_path = option(boolean, False, help="Say that Path is understood (RFC 3327).")
    support_outbound = option(boolean, False, help="Say that outbound is understood (RFC 5626).")
    line = option(boolean, False, help="Mark our Contact, so that requests to it are known to be the server's.")
    endpoint = option(string, "", help="Whose such requests are.")
    user_agent = option(string, "", help="User-Agent of REGISTER, if not the usual one.")
    security_negotiation = option(one_of("no", "mediasec"), "no", help="Agree on mechanisms (RFC 3329).")
    security_mechanisms = option(names, (), help="Mechanisms that are offered.")


class OutboundPublishObject(PjsipObject):
    """``type=outbound-publish``: we publish states at another server (RFC 3903)."""

    kind = "outbound-publish"
    server_uri = option(string, "", help="Where PUBLISH goes.")
    from_uri = option(string, "", help="From; the server's when empty.")
    to_uri = option(string, "", help="To; the server's when empty.")
    event = option(string, "", help="Event package.")
    expiration = option(integer(1), 3600, unit="s", help="Life that is asked for.")
    outbound_auth = option(names, (), help="auth objects that answer challenges.")
    outbound_proxy = option(string, "", help="Proxy that PUBLISH goes through.")
    max_auth_attempts = option(integer(1), 5, help="How many challenges of one PUBLISH are answered.")
    transport = option(string, "", help="Transport object to use.")
    multi_user = option(boolean, False, help="One publication for each user, who is put into the URIs.")


class PhoneprovObject(PjsipObject):
    """``type=phoneprov``: a user of phone provisioning. Every option but ``endpoint`` is a variable of templates."""

    kind = "phoneprov"
    mac = option(string, "", help="MAC address of the phone.")
    profile = option(string, "", help="Profile of phoneprov.conf; the default one without.")
    endpoint = option(string, "", help="The endpoint whose name, secret and caller id the variables get.")

    def __init__(self, **values: object) -> None:
        super().__init__(**values)
        self.variables: list[tuple[str, str]] = []

    def _take(self, name: str, variable: Variable, report: Report) -> None:
        if name in self._options:
            super()._take(name, variable, report)
        else:
            self.variables.append((variable.name, variable.value))
