"""minivm ... of the CLI."""

from __future__ import annotations

from globstar.core.cli import CliUsage, cli_command, plural
from globstar.core.system import System
from globstar.modules.apps.minivm.service import service_of


@cli_command("minivm list accounts", usage="minivm list accounts [for <domain>]")
def list_accounts(system: System, args: list[str]) -> str:
    """List the accounts, of all domains or of one."""
    if args and (len(args) != 2 or args[0].lower() != "for"):
        raise CliUsage
    wanted = args[1].lower() if args else None
    accounts = [one for one in service_of(system).settings.accounts.values() if wanted in (None, one.domain.lower())]
    if not accounts:
        return "There are no voicemail users currently defined"
    row = "{:<23} {:<15} {:<15} {:<10} {:<10} {:<50}"
    lines = [row.format("User", "E-Template", "P-template", "Zone", "Format", "Full name").rstrip()]
    form = service_of(system).settings.general.format
    for one in accounts:
        options = one.options
        lines.append(
            row.format(
                one.address, options.etemplate or "-", options.ptemplate or "-", options.timezone, form, options.fullname
            ).rstrip()
        )
    return "\n".join([*lines, "", plural(len(accounts), "minivoicemail user") + " configured"])


@cli_command("minivm list templates")
def list_templates(system: System, args: list[str]) -> str:
    """List the templates of mails."""
    if args:
        raise CliUsage
    general, templates = service_of(system).settings.general, service_of(system).settings.templates
    row = "{:<15} {:<10} {:<10} {:<15} {:<50}"
    lines = [row.format("Template name", "Charset", "Locale", "Attach media", "Subject").rstrip()]
    for template in (general.email_template(), general.pager_template(), *templates.values()):
        options = template.options
        attaches = "Yes" if options.attachmedia else "No"
        lines.append(row.format(template.name, options.charset, options.locale, attaches, options.subject).rstrip())
    return "\n".join([*lines, "", plural(len(templates) + 2, "minivoicemail template") + " configured"])


@cli_command("minivm list zones")
def list_zones(system: System, args: list[str]) -> str:
    """List the zones of times."""
    if args:
        raise CliUsage
    zones = service_of(system).settings.zones
    if not zones:
        return "There are no voicemail zones currently defined"
    lines = [f"{'Zone':<15} {'Timezone':<20} Message format"]
    return "\n".join([*lines, *(f"{name:<15} {zone:<20} {form}" for name, (zone, form) in zones.items())])


@cli_command("minivm show stats")
def show_stats(system: System, args: list[str]) -> str:
    """Show what was configured and received since the last reload."""
    if args:
        raise CliUsage
    service = service_of(system)
    settings, statistics = service.settings, service.statistics

    def time(wall: float) -> str:
        return system.local_time(wall).strftime("%a %b %d %T %Y") if wall else "never"

    rows = [
        ("Voicemail accounts", len(settings.accounts)),
        ("Templates", len(settings.templates) + 2),
        ("Timezones", len(settings.zones)),
        ("Last reset", time(statistics.reset_at)),
        ("Received messages since last reset", statistics.messages),
        ("Last received voicemail", time(statistics.last_message_at)),
    ]
    return "\n".join(
        ["* Mini-Voicemail statistics", "  -------------------------", "", *(f"  {k + ':':<36} {v}" for k, v in rows)]
    )


@cli_command("minivm show settings")
def show_settings(system: System, args: list[str]) -> str:
    """Show [general] of minivm.conf as it is in force."""
    if args:
        raise CliUsage
    service = service_of(system)
    rows = [(info.name, value) for info, value in service.settings.general.items() if not info.name.endswith("body")]
    lines = ["* Mini-Voicemail general settings", "  -------------------------------", ""]
    lines += [f"  {name:<20} {('Yes' if value else 'No') if isinstance(value, bool) else value}" for name, value in rows]
    return "\n".join([*lines, f"  {'spool folder':<20} {service.root}"])


@cli_command("minivm reload")
def reload_minivm(system: System, args: list[str]) -> str:
    """Read minivm.conf again."""
    if args:
        raise CliUsage
    service_of(system).load()
    return "MiniVM configuration reloaded"
