"""The budgets, and how a measured value is compared with its own."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Budget:
    """What one benchmark may cost; ``at_least`` turns the comparison round."""

    name: str
    title: str
    unit: str
    limit: float
    at_least: bool = False
    asterisk: str = ""

    def is_met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


BUDGETS = (
    Budget("answer", "Answer and Hangup", "ms CPU a call", 0.4, asterisk="2.3"),
    Budget("bridged", "bridged call, set up and torn down", "ms CPU a call", 1.0, asterisk="6.1"),
    Budget("register", "REGISTER with digest", "ms CPU a registration", 0.25, asterisk="0.6 to 1.2"),
    Budget("options", "OPTIONS", "ms CPU a request", 0.1),
    Budget("subscribe", "SUBSCRIBE, its NOTIFY, and the end of both", "ms CPU a subscription", 0.6),
    Budget("lamps", "change of a hint with 1000 watchers", "ms CPU a NOTIFY", 0.12),
    Budget("ignored", "datagram of a source that is dropped", "us CPU", 20.0),
    Budget("dialplan", "dialplan", "priorities a CPU second", 300_000, at_least=True, asterisk="50,000"),
    Budget("relay", "relay of G.711", "us CPU a packet", 6.0, asterisk="31 to 37"),
    Budget("watched", "relay of G.711 whose digits are looked at (tT)", "us CPU a packet", 6.0, asterisk="47"),
    Budget("generic", "generic bridge of G.711", "us CPU a packet", 20.0, asterisk="47"),
    Budget("memory", "memory of a bridged call", "KB", 60.0, asterisk="132 (held call)"),
    Budget("idle", "resident memory, idle", "MB", 90.0),
    Budget("start", "start until ready to serve", "s", 1.5),
    Budget("overload", "completed at twice the sustainable rate", "of that rate", 0.9, at_least=True),
    Budget("overload_lag", "lag of the event loop meanwhile", "ms at worst", 100.0),
)


@dataclass(frozen=True, slots=True)
class Result:
    """The values of several runs of one benchmark."""

    budget: Budget
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def is_met(self) -> bool:
        return self.budget.is_met(self.median)


def number(value: float) -> str:
    """Three significant digits, thousands with commas."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(results: list[Result]) -> str:
    """A Markdown table of medians against budgets."""
    head = ("benchmark", "median", "lowest to highest", "budget", "unit", "Asterisk 23.4.1", "")
    rows = [head, tuple("---" for _ in head)]
    for result in results:
        budget = result.budget
        rows.append(
            (
                budget.title,
                number(result.median),
                f"{number(min(result.values))} to {number(max(result.values))}",
                f"{'>=' if budget.at_least else '<='} {number(budget.limit)}",
                budget.unit,
                budget.asterisk or "-",
                "met" if result.is_met else "MISSED",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows]
    lines[1] = lines[1].replace("--- ", "----").replace("---|", "--|")
    return "\n".join(lines)
