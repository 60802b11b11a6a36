"""Realtime Curl configuration."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl, quote

from globstar.core.curl import SERVICE, Curl, CurlFault
from globstar.core.loader import ModuleDeclined
from globstar.core.realtime.engine import Criteria, FieldType, RealtimeFault, Requirement, Row, StaticLine
from globstar.core.system import System

REQUIRES = ("res_curl",)
DRIVER = "curl"
_TYPES = {FieldType.INTEGER: "integer", FieldType.FLOAT: "float", FieldType.DATETIME: "datetime"}


def _encoded(pairs: Sequence[tuple[str, str]]) -> str:
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)


def _row(line: str) -> Row:
    return parse_qsl(line, keep_blank_values=True)


class CurlRealtime:
    """Families at a web server: ``database`` is the URL, to which ``/single``, ``/multi``, ``/update`` ... are added.

    Questions are posted, rows come as ``column=value&...``, one in a line; changes are answered with a number.
    """

    def __init__(self, curl: Curl) -> None:
        self._curl = curl

    async def _post(self, url: str, what: str, pairs: Sequence[tuple[str, str]], query: Sequence[tuple[str, str]] = ()) -> str:
        address = f"{url.rstrip('/')}/{what}" + (f"?{_encoded(query)}" if query else "")
        try:
            answer = await self._curl.fetch(address, {"hashcompat": "no", "header": False}, post=_encoded(pairs))
        except CurlFault as fault:
            raise RealtimeFault(str(fault)) from fault
        if answer.status >= 400:
            raise RealtimeFault(f"{address} gave status {answer.status}")
        return answer.text.strip()

    @staticmethod
    def _number(text: str, what: str) -> int:
        number = text.split("\n", maxsplit=1)[0].strip()
        if not number.removeprefix("-").isdecimal():
            raise RealtimeFault(f"the answer to {what} is no number: '{number[:80]}'")
        if int(number) < 0:
            raise RealtimeFault(f"the server could not do {what}")
        return int(number)

    async def load(self, database: str, table: str, criteria: Criteria) -> Row | None:
        """See RealtimeEngine."""
        text = await self._post(database, "single", criteria)
        return _row(text.splitlines()[0]) if text else None

    async def load_multi(self, database: str, table: str, criteria: Criteria) -> list[Row]:
        """See RealtimeEngine."""
        return [_row(line) for line in (await self._post(database, "multi", criteria)).splitlines() if line.strip()]

    async def update(self, database: str, table: str, criteria: Criteria, fields: Sequence[tuple[str, str]]) -> int:
        """See RealtimeEngine."""
        return self._number(await self._post(database, "update", fields, criteria), "update")

    async def store(self, database: str, table: str, fields: Sequence[tuple[str, str]]) -> str:
        """See RealtimeEngine."""
        number = self._number(await self._post(database, "store", fields), "store")
        return str(number) if number else ""

    async def destroy(self, database: str, table: str, criteria: Criteria) -> int:
        """See RealtimeEngine: the first criterion is in the URL, the others are posted."""
        return self._number(await self._post(database, "destroy", criteria[1:], criteria[:1]), "destroy")

    async def load_file(self, database: str, table: str, file: str) -> list[StaticLine]:
        """See RealtimeEngine: rows with category, var_name, var_val and perhaps cat_metric."""
        found: list[StaticLine] = []
        for line in (await self._post(database, "static", [], [("file", file)])).splitlines():
            row = dict(_row(line))
            metric = row.get("cat_metric", "0")
            found.append(
                StaticLine(
                    row.get("category", ""),
                    row.get("var_name", ""),
                    row.get("var_val", ""),
                    int(metric) if metric.isdecimal() else 0,
                )
            )
        return found

    async def require(self, database: str, table: str, requirements: Sequence[Requirement]) -> list[str]:
        """See RealtimeEngine: the server is told of the columns and their types, and answers 0."""
        wanted = [(one.column, f"{_TYPES.get(one.type, 'char')}:{one.size}") for one in requirements]
        answer = await self._post(database, "require", wanted)
        return [] if self._number(answer, "require") == 0 else [one.column for one in requirements]


def load(system: System) -> None:
    """Offer the engine, where there is libcurl."""
    curl = system.service(SERVICE, Curl)
    if curl is None:
        raise ModuleDeclined("res_curl is not loaded")
    system.realtime.add_engine(DRIVER, CurlRealtime(curl))


def unload(system: System) -> None:
    """It is gone."""
    system.realtime.remove_engine(DRIVER)
