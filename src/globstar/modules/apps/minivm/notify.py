"""MinivmNotify."""

from __future__ import annotations

from pathlib import Path

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.manager import ManagerEvent, Permission, channel_fields
from globstar.core.registry import application
from globstar.dialplan.arguments import argument, split_arguments
from globstar.modules.apps.minivm.apps import find_account
from globstar.modules.apps.minivm.mail import MailFault, MailScope, Message, attach, date_of, make_mail, send, variables_of
from globstar.modules.apps.minivm.service import MinivmService, service_of
from globstar.modules.apps.minivm.settings import Account, Template

logger = Logger("app_minivm")


@application("MinivmNotify", syntax="MinivmNotify(username@domain[,template])")
async def minivm_notify(channel: Channel, data: str) -> int:
    """Send the message that MinivmRecord recorded to the mail address of its account, and a short one to its pager.

    template names a ``[template-...]`` of minivm.conf in the place of the account's. Its texts may refer to MVM_NAME,
    MVM_USERNAME, MVM_DOMAIN, MVM_DUR, MVM_CALLERID, MVM_CIDNAME, MVM_CIDNUM, MVM_DATE and MVM_COUNTER, which the dialplan may set
    before. The recording of MVM_FILENAME is attached. MVM_NOTIFY_STATUS is SUCCESS or FAILED.
    """
    arguments = split_arguments(data)
    account = find_account(channel, "MinivmNotify", argument(arguments, 0))
    status = "FAILED"
    try:
        if account is not None and await _notify(channel, service_of(channel.system), account, argument(arguments, 1)):
            status = "SUCCESS"
        return 0
    finally:
        channel.set_variable("MVM_NOTIFY_STATUS", status)


async def _notify(channel: Channel, service: MinivmService, account: Account, wanted: str) -> bool:
    settings, options = service.settings, account.options
    if wanted and wanted not in settings.templates:
        logger.warning(f"MinivmNotify: there is no template '{wanted}'")
        wanted = ""
    seconds = channel.get_variable("MVM_DURATION") or ""
    message = Message(_file(channel), int(seconds) if seconds.isdecimal() else 0, channel.get_variable("MVM_COUNTER") or "")
    mails = [(options.email or account.address, wanted or options.etemplate, settings.general.email_template())]
    if options.pager:
        mails.append((options.pager, options.ptemplate, settings.general.pager_template()))
    is_sent = True
    for to, name, usual in mails:
        template = settings.templates.get(name, usual) if name else usual
        try:
            await _send(channel, service, account, to, template, message)
        except MailFault as fault:
            logger.error(f"MinivmNotify: the mail to {to} was not sent: {fault}")
            is_sent = False
    caller = channel.caller.id
    await channel.system.run_command(service.run_externnotify, account, caller.name.text, caller.number.text)
    if is_sent:
        fields = [
            *channel_fields(channel), ("Action", "SentNotification"), ("Mailbox", account.address), ("Counter", message.counter),
        ]  # fmt: skip
        channel.system.bus.publish(ManagerEvent("MiniVoiceMail", Permission.CALL, fields))
    return is_sent


def _file(channel: Channel) -> Path | None:
    """The recording in its first format."""
    name = channel.get_variable("MVM_FILENAME")
    if not name:
        return None
    form = (channel.get_variable("MVM_FORMAT") or "wav").partition("|")[0].strip()
    spec = channel.system.sounds.format_for(form)
    candidates = [form, *(spec.extensions if spec is not None else ())]
    return next(
        (path for path in (Path(f"{name}.{extension}") for extension in candidates) if path.is_file()), Path(f"{name}.{form}")
    )


async def _send(
    channel: Channel, service: MinivmService, account: Account, to: str, template: Template, message: Message
) -> None:
    system, settings, options = channel.system, service.settings, template.options
    now = system.wall_time()
    body = options.messagebody
    if options.templatefile:
        body = await system.run_blocking(_read_body, Path(system.directories.astetcdir) / options.templatefile, options.charset)
    date = await system.run_blocking(date_of, settings, account, options, now)
    scope = MailScope(channel, variables_of(channel, account, message, date))
    sender = account.options.serveremail or settings.general.serveremail
    mail = make_mail(scope, account, template, to, sender, body, now)
    if options.attachmedia:
        await system.run_blocking(attach, mail, message, account.options.volgain)
    await system.run_command(send, settings.general.mailcmd, mail)


def _read_body(path: Path, charset: str) -> str:
    try:
        return path.read_text(encoding=charset)
    except (OSError, LookupError, UnicodeDecodeError) as error:
        raise MailFault(f"the template file {path} cannot be read: {error}") from error
