"""The town of these tests, on SQLite and on PostgreSQL."""

import pytest

from config.database import Database
from tests.routing.restrictions.town import Town


@pytest.fixture
def town(database: Database) -> Town:
    return Town(database)
