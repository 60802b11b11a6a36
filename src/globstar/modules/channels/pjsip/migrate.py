"""``python -m globstar.modules.channels.pjsip.migrate sip.conf [users.conf]``: print the pjsip.conf that they stand for."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from globstar.config import FileSource, read_config
from globstar.config.errors import ConfigError
from globstar.modules.channels.pjsip.sipconf import map_sip_conf, mapping_report


def main(argv: list[str] | None = None) -> int:
    """Read the files and print the result, and the report to standard error; 1 when a file cannot be read."""
    parser = argparse.ArgumentParser(prog="migrate", description="Make a pjsip.conf of a sip.conf of chan_sip.")
    parser.add_argument("sip", type=Path, help="the sip.conf")
    parser.add_argument("users", type=Path, nargs="?", help="a users.conf")
    arguments = parser.parse_args(argv)
    try:
        sip = read_config(arguments.sip.name, FileSource(arguments.sip.resolve().parent))
        users = None
        if arguments.users is not None:
            users = read_config(arguments.users.name, FileSource(arguments.users.resolve().parent))
    except (ConfigError, OSError) as error:
        sys.stderr.write(f"migrate: {error}\n")
        return 1
    mapping = map_sip_conf(sip, users)
    sys.stdout.write(f"{mapping}\n")
    sys.stderr.write(mapping_report(mapping))
    return 0


if __name__ == "__main__":
    sys.exit(main())
