"""RFC 3261 10.3, RFC 3327, RFC 8760: the registrar and digest authentication."""

from __future__ import annotations

import hashlib
import re

from tests.interop.support.batch import Call, scenario
from tests.interop.support.script import Script
from tests.interop.support.sipp import Sipp


def register(
    script: Script, user: str, *, contact: str = "<sip:[user]@[local_ip]:[local_port]>", extra: str = "", cseq: int = 0
) -> Script:
    """REGISTER for the aor ``user``; with an empty ``contact`` it asks for the bindings."""
    address = f"<sip:{user}@[remote_ip]:[remote_port]>"
    return script.ask(
        "REGISTER",
        uri="sip:[remote_ip]:[remote_port]",
        from_=f"{address};tag=[pid]SIPp[call_number]",
        to=address,
        contact=contact,
        extra=extra,
        cseq=cseq,
    )


@scenario("udp tcp")
def test_10_3_a_binding_is_made_listed_and_removed(call: Call) -> None:
    user = {"udp": "single", "tcp": "several"}[call.transport]
    script = register(call.caller(user), user, extra="Expires: 300\n")
    script.expect(200, has={"Contact": "sip:s.*@127.0.0.1:.*expires=(300|29[0-9])", "Date": "GMT"})
    register(script, user, contact="").expect(200, has={"Contact": "expires=(300|29[0-9])"})
    register(script, user, extra="Expires: 0\n").expect(200, lacks=("Contact",))


@scenario()
def test_10_2_2_a_star_removes_every_binding(call: Call) -> None:
    script = call.caller("pathless")
    register(script, "pathless", contact="<sip:a@127.0.0.1:9>").expect(200)
    register(script, "pathless", contact="*", extra="Expires: 0\n").expect(200, lacks=("Contact",))


@scenario()
def test_10_3_6_a_star_with_expires_that_is_not_0_is_400(call: Call) -> None:
    register(call.caller("single"), "single", contact="*", extra="Expires: 60\n").expect(400)


@scenario()
def test_10_3_6_a_star_beside_a_contact_is_400(call: Call) -> None:
    register(call.caller("single"), "single", contact="*, <sip:x@127.0.0.1:9>", extra="Expires: 0\n").expect(400)


@scenario()
def test_10_2_1_1_expires_of_the_contact_counts_more_than_the_header(call: Call) -> None:
    register(call.caller("limits1"), "limits1", contact="<sip:x@127.0.0.1:9>;expires=200", extra="Expires: 500\n").expect(
        200, has={"Contact": "expires=(200|19[0-9])"}
    )


@scenario()
def test_10_3_7_an_interval_that_is_too_short_is_423_or_lengthened(call: Call) -> None:
    register(call.caller("limits2"), "limits2", contact="<sip:x@127.0.0.1:9>", extra="Expires: 5\n").expect(
        200, has={"Contact": "expires=(60|5[0-9])"}
    )


@scenario()
def test_maximum_expiration_shortens_the_interval(call: Call) -> None:
    register(call.caller("limits3"), "limits3", contact="<sip:x@127.0.0.1:9>", extra="Expires: 99999\n").expect(
        200, has={"Contact": "expires=(600|59[0-9])"}
    )


@scenario()
def test_default_expiration_is_used_without_expires(call: Call) -> None:
    register(call.caller("limits4"), "limits4", contact="<sip:x@127.0.0.1:9>").expect(
        200, has={"Contact": "expires=(120|11[0-9])"}
    )


@scenario()
def test_max_contacts_refuses_one_too_many_with_403(call: Call) -> None:
    script = call.caller("fewest")
    register(script, "fewest", contact="<sip:a@127.0.0.1:9>").expect(200)
    register(script, "fewest", contact="<sip:b@127.0.0.1:10>").expect(403)
    register(script, "fewest", contact="*", extra="Expires: 0\n").expect(200)


@scenario()
def test_remove_existing_replaces_the_oldest_contact(call: Call) -> None:
    script = call.caller("replacing")
    register(script, "replacing", contact="<sip:a@127.0.0.1:9>").expect(200, has={"Contact": "127.0.0.1:9>"})
    register(script, "replacing", contact="<sip:b@127.0.0.1:10>").expect(200, has={"Contact": "127.0.0.1:10>"})

    def check(parties: list[Sipp]) -> None:
        assert ":9>" not in parties[0].received()[-1].text

    call.check = check


@scenario()
def test_10_3_a_register_for_an_aor_that_does_not_exist_is_404(call: Call) -> None:
    address = "<sip:nosuch@[remote_ip]>"
    call.caller("single").ask("REGISTER", uri="sip:[remote_ip]", to=address).expect(404)


@scenario()
def test_an_aor_without_dynamic_contacts_is_403(call: Call) -> None:
    register(call.caller("static"), "static").expect(403)


@scenario()
def test_10_2_4_the_same_contact_is_refreshed(call: Call) -> None:
    script = call.caller("refreshed")
    for expires in (100, 200):
        register(script, "refreshed", contact="<sip:a@127.0.0.1:9>", extra=f"Expires: {expires}\n").expect(
            200, has={"Contact": f"expires=({expires}|{expires // 10 - 1}[0-9])"}
        )


@scenario()
def test_19_1_4_a_contact_that_is_equal_but_not_the_same_is_one(call: Call) -> None:
    script = call.caller("equalled")
    register(script, "equalled", contact="<sip:a@EXAMPLE.org:5070;x=1>").expect(200)
    register(script, "equalled", contact="<sip:a@example.org:5070;x=1>").expect(200)

    def check(parties: list[Sipp]) -> None:
        assert len(re.findall(r"(?m)^Contact:", parties[0].received()[-1].text)) == 1

    call.check = check


@scenario()
def test_rfc3327_5_1_path_is_kept_and_repeated(call: Call) -> None:
    register(call.caller("pathful"), "pathful", extra="Supported: path\nPath: <sip:192.0.2.3;lr>\n").expect(
        200, has={"Path": "192.0.2.3", "Supported": "path"}
    )


@scenario("udp tcp tls ws")
def test_22_1_a_challenge_is_answered(call: Call) -> None:
    script = register(call.caller("locked"), "locked").expect(
        401, auth=True, has={"WWW-Authenticate": 'Digest .*realm="asterisk".*nonce="[^"]+".*algorithm=MD5.*qop="auth"'}
    )
    register(script, "locked", extra="[authentication username=locked password=secret]\n").expect(200)


@scenario()
def test_22_4_a_wrong_password_is_challenged_again(call: Call) -> None:
    script = register(call.caller("locked"), "locked").expect(401, auth=True)
    register(script, "locked", extra="[authentication username=locked password=wrong]\n").expect(401)


@scenario()
def test_22_4_another_username_is_challenged_again(call: Call) -> None:
    script = register(call.caller("locked"), "locked").expect(401, auth=True)
    register(script, "locked", extra="[authentication username=other password=secret]\n").expect(401)


@scenario()
def test_realm_of_the_auth_object(call: Call) -> None:
    script = register(call.caller("realmed"), "realmed").expect(401, auth=True, has={"WWW-Authenticate": 'realm="example.org"'})
    register(script, "realmed", extra="[authentication username=realmed password=secret]\n").expect(200)


@scenario()
def test_22_4_a_nonce_that_the_server_did_not_give_is_challenged(call: Call) -> None:
    uri = "sip:127.0.0.1"
    first = hashlib.md5(b"locked:asterisk:secret").hexdigest()
    second = hashlib.md5(f"REGISTER:{uri}".encode()).hexdigest()
    response = hashlib.md5(f"{first}:made-up:{second}".encode()).hexdigest()
    register(
        call.caller("locked"),
        "locked",
        extra=f'Authorization: Digest username="locked",realm="asterisk",nonce="made-up",uri="{uri}",response="{response}"\n',
    ).expect(401)


@scenario()
def test_22_a_credential_of_another_scheme_is_challenged(call: Call) -> None:
    register(call.caller("locked"), "locked", extra="Authorization: Basic bG9ja2VkOnNlY3JldA==\n").expect(401)


@scenario()
def test_allow_unauthenticated_options(call: Call) -> None:
    call.caller("openoptions").ask("OPTIONS").expect(200)


@scenario()
def test_22_2_options_are_challenged_otherwise(call: Call) -> None:
    call.caller("locked").ask("OPTIONS").expect(401)


@scenario("udp tcp")
def test_a_call_goes_to_the_registered_contact(call: Call) -> None:
    user = {"udp": "homeudp", "tcp": "hometcp"}[call.transport]
    callee = call.callee(user).ringing().answer("[media_port]").expect_request("BYE").reply(200, "OK")
    script = call.before(user)
    register(script, user, contact=f"<sip:[user]@127.0.0.1:{callee.port};transport={call.transport}>").expect(200)
    call.caller(number=f"reg*{user}").invite("[media_port]").answered().bye()


@scenario()
def test_rfc3327_5_2_a_call_to_a_contact_with_path_has_route(call: Call) -> None:
    callee = call.callee("pathcall").expect_request("INVITE", has={"Route": "lr"}, routes=True)
    callee.reply(486, "Busy Here", tag=True).expect_request("ACK")
    script = call.before("pathcall")
    register(
        script,
        "pathcall",
        contact="<sip:[user]@192.0.2.77>",
        extra=f"Supported: path\nPath: <sip:127.0.0.1:{callee.port};lr>\n",
    ).expect(200)
    call.caller(number="reg*pathcall").invite("[media_port]").refused(486)


@scenario()
def test_every_contact_of_an_aor_may_be_called(call: Call) -> None:
    first = call.callee("pair").ringing().cancelled()
    second = call.callee("pair").ringing().pause(100).answer("[media_port]").expect_request("BYE").reply(200, "OK")
    script = call.before("pair")
    for callee in (first, second):
        register(script, "pair", contact=f"<sip:pair@127.0.0.1:{callee.port}>").expect(200)
    call.caller(number="all*pair").invite("[media_port]").answered().bye()
