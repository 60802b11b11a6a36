"""The batch of SIPp scenarios."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.sip.servers import SERVERS
from tests.interop.support.batch import Batch
from tests.interop.support.programs import require


@pytest.fixture(scope="package")
def batch(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    """Runs every selected scenario from the moment that the first asks for it."""
    require("sipp")
    running = Batch(tmp_path_factory.mktemp("sip"), SERVERS)
    running.select(request.session.items)
    yield running
    problems = running.close()
    assert not problems, problems
