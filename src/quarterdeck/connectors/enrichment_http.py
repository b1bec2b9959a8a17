"""One key at a time from an HTTP service: paced, repeated when refused for now, kept so that nothing is asked twice."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.connectors.enrichment import Answer, HttpProvider, Trouble, confidence_of, expanded

LARGEST = 1 << 20
"""Bytes of an answer; a longer one is none."""
LONGEST_WAIT = 60.0
"""Seconds that a service may ask us to wait."""
_LATER = {408, 425, 429, 500, 502, 503, 504}


class _Unanswered(Exception):
    """The service gave no document for a key; the message says why."""

    def __init__(self, message: str, is_final: bool = False) -> None:
        super().__init__(message)
        self.is_final = is_final


class Lookup:
    """The asking of one provider. `sleep` and `clock` are the machine's unless a test gives others."""

    def __init__(
        self,
        provider: HttpProvider,
        cache: Path,
        now: datetime,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._provider, self._cache, self._now = provider, cache, now
        self._sleep, self._clock, self._next = sleep, clock, 0.0

    def answers(self, keys: Iterable[str]) -> Iterator[Answer | Trouble]:
        """What the service says of each key; ends when it refuses us altogether."""
        provider = self._provider
        try:
            headers = {name: expanded(value) for name, value in provider.headers.items()}
            address = expanded(provider.url)
        except QuarterdeckError as error:
            yield Trouble(str(error), "The names stand in enrichment.yaml.", is_final=True)
            return
        with httpx.Client(headers=headers, timeout=provider.timeout, follow_redirects=False) as client:
            for key in keys:
                try:
                    document = self._document(client, address, key)
                except _Unanswered as error:
                    fix = "Look at the url and the headers in enrichment.yaml, and at the service's own terms."
                    yield Trouble(f"{provider.name}: {error}", fix, key, error.is_final)
                    if error.is_final:
                        return
                    continue
                values = {ours: text for path, ours in provider.columns.items() if (text := _text(_at(document, path)))}
                if values:
                    given = _at(document, provider.confidence_column) if provider.confidence_column else None
                    yield Answer(key, values, confidence_of(provider, given))

    def _document(self, client: httpx.Client, address: str, key: str) -> Any:
        """The JSON document for a key, kept or asked for; None when the service knows nothing of it."""
        path = self._cache / f"{hashlib.sha256(key.encode()).hexdigest()}.json"
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            asked = datetime.fromisoformat(kept["at"])
            if kept["url"] == self._provider.url and self._now - asked < timedelta(days=self._provider.cache_days):
                return kept["document"]
        except (OSError, ValueError, KeyError, TypeError):
            pass
        document = self._read(self._asked(client, address.replace("{key}", quote(key, safe=""))))
        if self._provider.cache_days:
            self._cache.mkdir(parents=True, exist_ok=True)
            value = {"url": self._provider.url, "key": key, "at": self._now.isoformat(), "document": document}
            beside = path.with_name(f".tmp-{uuid.uuid4().hex}")
            beside.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
            beside.rename(path)
        return document

    def _asked(self, client: httpx.Client, address: str) -> httpx.Response | None:
        """The service's answer; None for "not known". Waits its turn, and longer each time it was refused for now."""
        told = ""
        for attempt in range(self._provider.retries + 1):
            self._pace()
            wait = float(min(2**attempt, LONGEST_WAIT))
            try:
                response = client.get(address)
            except httpx.TransportError as error:
                told = f"no answer ({type(error).__name__})"
            except (httpx.InvalidURL, httpx.HTTPError) as error:
                raise _Unanswered(f"the request cannot be made ({type(error).__name__})") from None
            else:
                if response.status_code in (204, 404):
                    return None
                if response.status_code in (401, 402, 403):
                    raise _Unanswered(f"it refuses us ({response.status_code})", is_final=True)
                if response.status_code == 200:
                    return response
                told = f"it answered {response.status_code}"
                if response.status_code not in _LATER:
                    raise _Unanswered(told)
                wait = _asked_to_wait(response, wait)
            if attempt < self._provider.retries:
                self._sleep(wait)
        raise _Unanswered(f"{told}, {self._provider.retries + 1} times")

    def _pace(self) -> None:
        ahead = self._next - self._clock()
        if ahead > 0:
            self._sleep(ahead)
        self._next = self._clock() + 60.0 / self._provider.per_minute

    @staticmethod
    def _read(response: httpx.Response | None) -> Any:
        if response is None:
            return None
        if len(response.content) > LARGEST:
            raise _Unanswered(f"its answer has {len(response.content):,} bytes, more than {LARGEST:,}")
        try:
            return response.json()
        except ValueError:
            raise _Unanswered("its answer is no JSON") from None


def _asked_to_wait(response: httpx.Response, usual: float) -> float:
    try:
        return min(max(float(response.headers.get("Retry-After", "")), 0.0), LONGEST_WAIT)
    except ValueError:
        return usual


def _at(document: Any, path: str) -> Any:
    """The value at a path such as company.tags.0; None where it leads nowhere."""
    found = document
    for part in path.split("."):
        if isinstance(found, dict):
            found = found.get(part)
        elif isinstance(found, list) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        else:
            return None
    return found


def _text(value: Any) -> str:
    """A JSON value as an export would write it; nothing for objects and lists."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip() if isinstance(value, str | int | float) else ""
