"""application/dialog-info+xml (RFC 4235): what the lamps of busy lamp fields follow."""

from __future__ import annotations

from globstar.modules.channels.pjsip.pubsub.bodies.extension import ExtensionBody, Party, is_on_hold, words, xml
from globstar.proto.sip.flow import bracket

CONTENT_TYPE = "application/dialog-info+xml"
MODULE = "res_pjsip_dialog_info_body_generator"


def _party(tag: str, party: Party | None, host: str, identity: str, target: str) -> list[str]:
    display = ""
    if party is not None and party.number:
        identity = f"sip:{party.number}@{bracket(host)}"
        display = f' display="{xml(party.name)}"' if party.name else ""
    return [
        f"  <{tag}>",
        f"   <identity{display}>{xml(identity)}</identity>",
        f'   <target uri="{xml(target or identity)}" />',
        f"  </{tag}>",
    ]


def render(body: ExtensionBody) -> bytes:
    """The dialogs of an extension as one: its calls are told by the call that rings first."""
    said = words(body)
    version = f'version="{body.version}" state="full" entity="{xml(body.local)}"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" {version}>',
    ]
    dialog = f' <dialog id="{xml(body.extension)}"'
    if said.dialog == "early":
        lines.append(f'{dialog} direction="recipient">')
        if body.caller is not None and body.caller.number:
            lines += _party("remote", body.caller, body.host, "", "")
        lines += _party("local", body.callee, body.host, body.local, body.local)
    else:
        lines.append(f"{dialog}>")
    lines.append(f"  <state>{said.dialog}</state>")
    if is_on_hold(body):
        lines += [
            "  <local>",
            f'   <target uri="{xml(body.local)}">',
            '    <param pname="+sip.rendering" pvalue="no" />',
            "   </target>",
            "  </local>",
        ]
    lines += [" </dialog>", "</dialog-info>", ""]
    return "\n".join(lines).encode()
