"""Databases behind SQLAlchemy: pooled connections whose work is done in threads."""

from __future__ import annotations

from globstar.core.sql.address import DatabaseAddress
from globstar.core.sql.database import DatabaseDown, DatabaseSettings, SqlDatabase, SqlFault, SqlSession, SqlUnavailable

__all__ = [
    "DatabaseAddress",
    "DatabaseDown",
    "DatabaseSettings",
    "SqlDatabase",
    "SqlFault",
    "SqlSession",
    "SqlUnavailable",
]
