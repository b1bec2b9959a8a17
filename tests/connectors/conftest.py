"""Database servers that connectors read: a MariaDB of our own, and databases in it for a test each."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

_names = count()


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[str]:
    """The URL of a MariaDB server that ends with the session; QUARTERDECK_TEST_MARIADB names another."""
    given = os.environ.get("QUARTERDECK_TEST_MARIADB")
    if given:
        yield given
        return
    server = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")
    install = shutil.which("mariadb-install-db")
    if server is None or install is None:
        pytest.skip("no MariaDB: install the server (Debian: apt-get install mariadb-server)")
    folder = Path(tempfile.mkdtemp(prefix="maria-"))
    user = ["--user=root"] if os.geteuid() == 0 else []
    options = [f"--datadir={folder}/data", "--no-defaults", *user]
    subprocess.run(
        [install, "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", *options[:1], *user],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip
    tuning = ["--skip-networking", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M"]
    process = subprocess.Popen(
        [server, "--no-defaults", *options[:1], *user, f"--socket={folder}/s", f"--pid-file={folder}/pid", *tuning],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"mysql+pymysql://root@localhost/?unix_socket={folder}/s&charset=utf8mb4"
    try:
        _wait(Path(f"{folder}/s"))
        yield url
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(path: Path) -> None:
    """Until the server listens; a driver that is refused would leave its socket open."""
    until = time.monotonic() + 60
    while True:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                return
        if time.monotonic() > until:
            pytest.fail("MariaDB did not start within a minute")
        time.sleep(0.1)


@pytest.fixture
def mariadb_url(mariadb_server: str) -> Iterator[str]:
    """A database of its own, dropped after the test."""
    name = f"test_{os.getpid()}_{next(_names)}"
    engine = sa.create_engine(mariadb_server, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        yield sa.make_url(mariadb_server).set(database=name).render_as_string(hide_password=False)
        connection.exec_driver_sql(f"DROP DATABASE {name}")
