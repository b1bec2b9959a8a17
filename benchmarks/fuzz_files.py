"""The readers of files under Atheris: bytes guided by which code they reach, until the time is over.

    python -m benchmarks.fuzz_files [--seconds 60] [--folder .work/fuzz]

The first byte chooses the kind of file. A row read that is neither kept nor set aside, and any exception but those that
say why a file cannot be read, ends the run with the bytes that did it.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import warnings
from pathlib import Path

KINDS = ("csv", "csv.gz", "json", "jsonl", "xlsx", "parquet", "zip", "tsv")
SEEDS = (
    b'\0id,stage,amount\n1,Won,5\n2,"a\nb",6\nTotal,,11\n',
    b"\0\xef\xbb\xbfid;name;amount\n1;M\xfcller;1.234,50\n",
    b'\1id,amount\n1,"say "hi"",5\n',
    b'\2{"items":[{"id":1,"a":{"b":2}},{"id":2}]}',
    b'\3{"id":1,"amount":2}\n{"id":2}\n',
    b"\4PK\x03\x04",
    b"\5PAR1",
    b"\6PK\x05\x06" + b"\0" * 18,
)


def check(folder: Path, data: bytes) -> None:
    """Read the bytes as a file of the kind that the first byte chooses, and count its rows."""
    from quarterdeck.base.config import Company
    from quarterdeck.connectors import ColumnMapping, FileMapping, Mapping, read

    kind, content = KINDS[(data[0] if data else 0) % len(KINDS)], data[1:]
    path = folder / f"deals.{kind}"
    path.write_bytes(gzip.compress(content, 1) if kind == "csv.gz" else content)
    columns = (
        ColumnMapping(column="id", target="id"),
        ColumnMapping(column="amount", target="amount"),
        ColumnMapping(column="created", target="created_at"),
    )
    entry = FileMapping(path=path.name, table="opportunities", columns=columns)
    try:
        for batch in read(Mapping(source="crm", files=(entry,)), folder, company=Company()):
            if batch.read != batch.frame.height + batch.set_aside.height:
                raise AssertionError(f"{batch.read} rows read, {batch.frame.height} kept")
    finally:
        path.unlink()


def run(folder: Path, seconds: float) -> None:
    """Fuzz for some seconds, then leave the process; with another status than 0 when a fault was found."""
    import atheris

    folder.mkdir(parents=True, exist_ok=True)
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(SEEDS):
        (corpus / str(number)).write_bytes(seed)
    files = folder / "files"
    files.mkdir(exist_ok=True)
    with atheris.instrument_imports(include=["quarterdeck.connectors"]):
        import quarterdeck.connectors.reader  # noqa: F401 - imported so that it is instrumented
    warnings.simplefilter("ignore")
    arguments = [sys.argv[0], str(corpus), f"-max_total_time={int(seconds)}", "-timeout=60", "-rss_limit_mb=2048"]
    atheris.Setup([*arguments, f"-artifact_prefix={folder}/", "-print_final_stats=1"], lambda data: check(files, data))
    atheris.Fuzz()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=60)
    arguments.add_argument("--folder", type=Path, default=Path(".work/fuzz"))
    asked = arguments.parse_args()
    run(asked.folder, asked.seconds)


if __name__ == "__main__":
    main()
