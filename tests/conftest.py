"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

# Several tests run at once: threads of theirs would only fight for the cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
import sqlalchemy as sa

SHARED = Path(os.environ.get("QUARTERDECK_SHARED_DATA", Path(__file__).parents[1].parent / "shared" / "data"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data beside the checkout; without it the test is skipped."""
    if not SHARED.is_dir():
        pytest.skip("no public data: set QUARTERDECK_SHARED_DATA to the folder that holds it")
    return SHARED


GET_POSTGRESQL = (
    "no PostgreSQL: set QUARTERDECK_TEST_POSTGRESQL to the URL of an empty database, "
    "or install the server (Debian: apt-get install postgresql) so that initdb and pg_ctl are found"
)
_schemas = count()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a database to make schemas in: the given one, or a server of our own that ends with the session."""
    given = os.environ.get("QUARTERDECK_TEST_POSTGRESQL")
    if given:
        yield given
        return
    initdb, pg_ctl = _program("initdb"), _program("pg_ctl")
    if initdb is None or pg_ctl is None:
        pytest.skip(GET_POSTGRESQL)
    # The server refuses to run as root, and a socket's path must be short, so it does not lie under tmp_path.
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if user:
        shutil.chown(folder, user)

    def run(*command: str) -> None:
        subprocess.run(command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL, timeout=120)

    options = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=60"
    try:
        run(initdb, "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        run(pg_ctl, "-D", f"{folder}/data", "-o", options, "-l", f"{folder}/log", "-w", "start")
        yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
        run(pg_ctl, "-D", f"{folder}/data", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str | None:
    packaged = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(packaged[-1]) if packaged else None)


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """A URL whose tables lie in a schema of their own, dropped after the test."""
    schema = f"test_{os.getpid()}_{next(_schemas)}"
    engine = sa.create_engine(postgresql_server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
        url = sa.make_url(postgresql_server).update_query_dict({"options": f"-csearch_path={schema}"})
        yield url.render_as_string(hide_password=False)
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
    engine.dispose()
