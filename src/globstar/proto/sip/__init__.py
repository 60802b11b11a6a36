"""SIP without input or output: bytes and ``now`` go in, callbacks, (flow, bytes) and a deadline come out.

Layers, each usable alone: ``parser`` and ``message`` (RFC 3261 7, 25), ``transaction`` (17, RFC 6026), ``dialog``
(12), ``session`` (13 to 15: one INVITE session, that is one leg of a call), ``auth`` (22), ``endpoint`` (8, 18).

How a driver uses it::

    endpoint = SipEndpoint(handler, clock=loop.time, rng=random.SystemRandom(), settings=SipSettings(user_agent="X"))
    udp = Transport("UDP", "192.0.2.1", 5060)

    # in: whatever the sockets give
    endpoint.receive_datagram(data, (host, port), udp, now)
    endpoint.receive_stream_data(Flow(tcp, host, port, connection_id), data, now)   # TCP, TLS
    endpoint.receive_message(frame, Flow(ws, host, port, connection_id), now)       # WebSocket: one frame
    endpoint.connection_closed(flow, now)
    endpoint.handle_timer(now)

    # out: drain after every batch, and soon after handler.output_pending()
    for flow, data in endpoint.take_output():
        ...                                # flow.host may be a name: resolve, connect, send
    deadline = endpoint.next_deadline()    # monotonic seconds, or None

Contract: state changes only in ``receive_*``, ``handle_timer``, ``connection_closed``, ``transport_failed`` and in
commands (respond, invite, accept, bye ...). Callbacks run inside those and may issue commands. Commands take the time
from ``clock``. Nothing is thread-safe. A command in a state that forbids it raises LocalFault.

A call comes in::

    class Handler(SipHandler):
        def request_received(self, transaction):            # out of dialog; From, To, Via ... are known to be sound
            transaction.force_rport = True                   # before the first response
            if not known: transaction.respond(404)
            elif transaction.request.method == "INVITE":
                session = endpoint.accept_invite(transaction, LegUser(), contact=str(contact_uri))
                session.provisional(100); session.provisional(180); ...
                session.accept(body=sdp)                     # 2xx, repeated until the ACK
                session.bye(headers=[("Reason", "Q.850;cause=16")])

A call goes out::

    session = endpoint.invite("sip:bob@192.0.2.7", LegUser(), flow=Flow(udp, "192.0.2.7", 5060),
                              from_=NameAddr(...), to=NameAddr(...), contact="<sip:asterisk@192.0.2.1:5060>",
                              headers=[("Allow", ...)], body=sdp, content_type="application/sdp",
                              credentials=ClientCredentials(Secret("user", password="secret")))
    # LegUser.provisional_received / accepted / rejected / reinvite_received / ended follow

Contact is added by the session (``contact=``); Allow, Supported, Reason and the like are given by the driver with each
response, and later responses to one INVITE keep what earlier ones carried, in the order that Asterisk shows.

Any other request::

    request = endpoint.new_request("OPTIONS", uri, from_=..., to=..., contact=...)
    endpoint.send_request(request, flow, user)               # RequestUser.response_received / request_failed

Tracing and limits: everything sent passes through take_output(); ``endpoint.counters``, ``endpoint.dialogs``,
``endpoint.layer`` (tables, ``timers.describe()``, ``retransmissions``) say what is going on. Responses on UDP go to the
source of the request (its port with rport or ``force_rport``, else that of Via); a maddr parameter is not followed.
"""
