"""What tests.support.sip_script reads from scripts of recorded scenarios."""

from __future__ import annotations

from tests.support.sip_script import Act, Expect, Heard, Press, Send, Sleep, fits, kind_of, read_script


def _read(body: str, answered: str = "abcde") -> list[object]:
    return list(read_script(f"@sc(1,'x')\ndef _(t):\n    {body}\n", answered))


def test_names_stand_for_the_endpoints_that_they_were_bound_to() -> None:
    assert _read("a=t.c.invite('201'); b=t.b.expect_invite(); b.reply(180); a.answered(); b.bye()") == [
        Send("c", "INVITE"), Expect("b", "INVITE"), Send("b", "180 *"), Send("c", "ACK"), Send("b", "BYE"),
    ]  # fmt: skip


def test_waits_digits_and_manager_actions_stand_in_order() -> None:
    script = "ch=t.chan('PJSIP/alice'); time.sleep(0.5); t.a.rtp.dtmf('*2',ms=80,gap=0.06); t.b.rtp.inband('1'); "
    script += "t.note('r',t.ctl.act('Atxfer',Channel=ch,Exten='240',_list='x'))"
    assert _read(script) == [
        Sleep(0.5), Press("a", "*2", 0.08, 0.06), Press("b", "1", in_band=True),
        Act("Atxfer", (("Channel", "channel:PJSIP/alice"), ("Exten", "240"))),
    ]  # fmt: skip


def test_loops_over_constants_are_unrolled() -> None:
    loop = "d=t.a.ok('401')\n    for c in '12':\n        d.req('INFO'); t.a.wait(lambda m:m.cseqm=='INFO'); time.sleep(0.25)"
    once = [Send("a", "INFO"), Expect("a", "* INFO"), Sleep(0.25)]
    assert _read(loop) == [Send("a", "INVITE"), Send("a", "ACK"), *once, *once]
    assert _read("for x in (t.a,t.b): x.reply(m,200)") == [Send("a", "200 *"), Send("b", "200 *")]
    assert _read("for i in range(2): time.sleep(1)") == [Sleep(1.0), Sleep(1.0)]


def test_the_branch_is_the_one_that_the_answer_took() -> None:
    script = "c=t.c.invite('1'); m=c.final()\n    if m.code<300: c.bye()\n    else: c.cancel()"
    assert _read(script)[-1] == Send("c", "BYE")
    assert _read(script, answered="ab")[-1] == Send("c", "CANCEL")


def test_kinds_of_messages() -> None:
    assert kind_of("BYE sip:a@b SIP/2.0\r\nCSeq: 2 BYE\r\n\r\n") == "BYE"
    answer = kind_of("SIP/2.0 486 Busy Here\r\nCSeq: 1 INVITE\r\n\r\n")
    assert answer == "486 INVITE"
    assert fits("* INVITE", answer)
    assert fits("486 *", answer)
    assert not fits("* BYE", answer)
    assert not fits("200 INVITE", answer)
    assert not fits("INVITE", answer)
    assert not fits("* INVITE", "180 INVITE")


def test_sounds_that_are_waited_for() -> None:
    assert _read("d=t.a.ok('904'); t.logwait('vm-login'); time.sleep(0.3)") == [
        Send("a", "INVITE"), Send("a", "ACK"), Heard("vm-login"), Sleep(0.3),
    ]  # fmt: skip
    assert _read("leave(t)")[2:] == [Heard("Recording the message"), Sleep(2.0), Send("a", "BYE")]
