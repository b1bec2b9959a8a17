"""Providers answer by key: files, databases, and services that are slow, broken or full."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quarterdeck.base.errors import ConfigurationError
from quarterdeck.connectors.enrichment import (
    Answer,
    DatabaseProvider,
    FileProvider,
    HttpProvider,
    Trouble,
    from_yaml,
    look_up,
)
from quarterdeck.connectors.enrichment_http import LARGEST, Lookup

NOW = datetime(2026, 7, 1, 9)
Reply = tuple[int, dict[str, str], bytes]


class Service:
    """A service on this machine: `replies` gives its answer for a path; `seen` are the requests."""

    def __init__(self) -> None:
        self.replies: Callable[[str], Reply] = lambda _: (404, {}, b"")
        self.seen: list[tuple[str, dict[str, str]]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.seen.append((self.path, dict(self.headers)))
                status, headers, body = service.replies(self.path)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.server.shutdown()
    made.server.server_close()


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, []

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds


def http(service: Service, **options: Any) -> HttpProvider:
    given = {
        "name": "clearlist", "kind": "http", "url": service.url + "/v1/{key}", "per_minute": 6000,
        "columns": {"company.metrics.employees": "employees", "tags.0": "industry"}, **options,
    }  # fmt: skip
    return HttpProvider.model_validate(given)


def ask(provider: HttpProvider, folder: Path, *keys: str, now: datetime = NOW) -> tuple[list[Answer | Trouble], Clock]:
    clock = Clock()
    lookup = Lookup(provider, folder, now, sleep=clock.sleep, clock=lambda: clock.now)
    return list(lookup.answers(keys)), clock


def body(**value: Any) -> Reply:
    return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()


GOOD = {"company": {"metrics": {"employees": 120}}, "tags": ["Retail", "Shops"], "score": 0.9}


def test_values_are_taken_from_their_paths_and_the_key_and_secrets_go_where_they_belong(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARLIST_KEY", "s3cret")
    service.replies = lambda _: body(**GOOD)
    provider = http(service, headers={"Authorization": "Bearer ${CLEARLIST_KEY}"}, confidence_column="score")
    found, _ = ask(provider, tmp_path, "a b/c.com")
    assert found == [Answer("a b/c.com", {"employees": "120", "industry": "Retail"}, 0.9)]
    path, headers = service.seen[0]
    assert (path, headers["Authorization"]) == ("/v1/a%20b%2Fc.com", "Bearer s3cret")
    assert "s3cret" not in "".join(kept.read_text(encoding="utf-8") for kept in tmp_path.iterdir())


def test_an_answer_and_the_lack_of_one_are_kept_until_they_are_old(service: Service, tmp_path: Path) -> None:
    service.replies = lambda path: body(**GOOD) if path.endswith("a.com") else (404, {}, b"")
    provider = http(service, cache_days=30)
    first, _ = ask(provider, tmp_path, "a.com", "b.com")
    again, _ = ask(provider, tmp_path, "a.com", "b.com", now=NOW + timedelta(days=29))
    assert (first, len(service.seen)) == (again, 2)
    ask(provider, tmp_path, "a.com", now=NOW + timedelta(days=31))
    assert len(service.seen) == 3


def test_a_service_that_is_full_is_asked_again_after_the_time_that_it_names(service: Service, tmp_path: Path) -> None:
    replies = [(429, {"Retry-After": "7"}, b""), (503, {}, b""), body(**GOOD)]
    service.replies = lambda _: replies.pop(0)
    found, clock = ask(http(service), tmp_path, "a.com")
    assert [type(one) for one in found] == [Answer]
    # seven seconds as asked, then two by the usual doubling
    assert clock.slept == [7.0, 2.0]


def test_a_service_that_stays_full_is_told_and_the_next_key_is_asked(service: Service, tmp_path: Path) -> None:
    service.replies = lambda path: body(**GOOD) if path.endswith("b.com") else (429, {"Retry-After": "9999"}, b"")
    found, clock = ask(http(service, retries=2), tmp_path, "a.com", "b.com")
    trouble, answer = found
    assert isinstance(trouble, Trouble)
    assert isinstance(answer, Answer)
    assert (trouble.key, trouble.message, trouble.is_final) == ("a.com", "clearlist: it answered 429, 3 times", False)
    assert clock.slept[:2] == [60.0, 60.0]


def test_a_service_that_refuses_us_is_not_asked_again(service: Service, tmp_path: Path) -> None:
    service.replies = lambda _: (401, {}, b"")
    found, _ = ask(http(service), tmp_path, "a.com", "b.com")
    assert [(one.key, one.is_final) for one in found if isinstance(one, Trouble)] == [("a.com", True)]
    assert len(service.seen) == 1


def test_one_that_does_not_answer_in_time_is_repeated_and_told(service: Service, tmp_path: Path) -> None:
    def slow(_: str) -> Reply:
        time.sleep(0.4)
        return body(**GOOD)

    service.replies = slow
    (trouble,), clock = ask(http(service, timeout=0.1, retries=1), tmp_path, "a.com")
    assert isinstance(trouble, Trouble)
    assert trouble.message == "clearlist: no answer (ReadTimeout), 2 times"
    assert clock.slept == [1.0]


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ((200, {}, b"{not json"), "its answer is no JSON"),
        ((200, {}, b"[" + b"1," * LARGEST + b"1]"), "more than 1,048,576"),
        ((500, {}, b""), "it answered 500, 1 times"),
        ((418, {}, b""), "it answered 418"),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), "it answered 302"),
    ],
)
def test_an_answer_that_cannot_be_used_is_told_and_not_kept(
    service: Service, tmp_path: Path, reply: Reply, told: str
) -> None:
    service.replies = lambda _: reply
    (trouble,), _ = ask(http(service, retries=0), tmp_path / "cache", "a.com")
    assert isinstance(trouble, Trouble)
    assert told in trouble.message
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    "document", [{}, {"company": None}, {"company": {"metrics": []}, "tags": []}, [], "x", None, 3]
)
def test_a_document_without_the_paths_says_nothing(service: Service, tmp_path: Path, document: Any) -> None:
    service.replies = lambda _: (200, {}, json.dumps(document).encode())
    assert ask(http(service), tmp_path, "a.com")[0] == []


def test_requests_keep_their_pace(service: Service, tmp_path: Path) -> None:
    service.replies = lambda _: body(**GOOD)
    _, clock = ask(http(service, per_minute=30), tmp_path, "a.com", "b.com", "c.com")
    assert clock.slept == [2.0, 2.0]


def test_a_file_answers_by_key_without_case_scheme_and_www(tmp_path: Path) -> None:
    rows = {"Website": ["https://www.Acme.com/", "bolt.io", None], "Staff": ["120", "", "7"], "sure": ["0.9", "2", ""]}
    pl.DataFrame(rows).write_csv(tmp_path / "firms.csv")
    given = {"name": "list", "kind": "file", "path": "firms.csv", "match": "Website", "columns": {"Staff": "employees"}}
    provider = FileProvider.model_validate({**given, "confidence_column": "sure"})
    assert list(look_up(provider, ["acme.com", "bolt.io", "new.com"], tmp_path, NOW)) == [
        Answer("acme.com", {"employees": "120"}, 0.9)
    ]
    for changed, told in (({"path": "gone.csv"}, "gone.csv cannot be read"), ({"match": "Web"}, "has no column Web")):
        (trouble,) = look_up(FileProvider.model_validate({**given, **changed}), ["acme.com"], tmp_path, NOW)
        assert isinstance(trouble, Trouble)
        assert told in trouble.message


def test_a_database_is_asked_with_the_keys_as_parameters(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "firms.db") as connection:
        connection.execute("CREATE TABLE firms (domain TEXT, staff INTEGER, rate REAL)")
        connection.executemany("INSERT INTO firms VALUES (?, ?, ?)", [(f"d{n}.com", n, 0.25) for n in range(1200)])
    given = {
        "name": "firms", "kind": "database", "url": "sqlite:///firms.db", "columns": {"staff": "employees"},
        "query": "SELECT domain, staff FROM firms WHERE domain IN :keys",
    }  # fmt: skip
    provider = DatabaseProvider.model_validate(given)
    keys = [*(f"d{n}.com" for n in range(0, 1200, 2)), "x'); DROP TABLE firms; --"]
    found = list(look_up(provider, keys, tmp_path, NOW))
    assert [one.values["employees"] for one in found if isinstance(one, Answer)] == [str(n) for n in range(0, 1200, 2)]
    (trouble,) = look_up(provider.model_copy(update={"query": "SELEC"}), ["d1.com"], tmp_path, NOW)
    assert isinstance(trouble, Trouble)
    assert "syntax error" in trouble.message


def test_faults_of_the_file_are_told_with_line_and_remedy() -> None:
    text = (
        "providers:\n  - {name: a, kind: http, url: 'https://x/{domain}', columns: {a: employees}}\n"
        "  - {name: b, kind: file, path: f.csv, columns: {a: employes}}\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        from_yaml(text, "enrichment.yaml")
    first, second = caught.value.faults
    assert first.startswith("enrichment.yaml:2:")
    assert "{key}" in first
    assert "did you mean 'employees'" in second
