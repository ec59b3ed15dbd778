"""silt run --dry-run: what a run would do, which changes nothing."""
import os
import signal
import time
from pathlib import Path

import duckdb
import pytest

from databases import Postgres, Sqlite, postgres_server # noqa: F401, a fixture
from pipelines import CONFIG, SALES_ONLY, STRATEGY, configure, people, sales


def tree(silt):
    """All that there is below the working folder, as it is."""
    return {str(p): (p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else None) for p in silt.dir.rglob("*")}


def plan(silt, *args, rc=0):
    before = tree(silt)
    told = silt("run", "--dry-run", "--json", *args, rc=rc).json
    text = silt("run", "--dry-run", *args, rc=rc).out
    assert tree(silt) == before
    return {t["table_name"]: t for t in told["tables"]}, text


def test_what_is_planned_is_done(silt):
    configure(silt, max_files=2)
    for day in (1, 2, 3):
        sales(silt, day, 1000)
    people(silt, "a", {1: "Ann", 2: "Bob"})
    tables, text = plan(silt)
    t = tables["sales"]
    assert (t["files_waiting"], t["batches"], t["version"], t["strategy"], t["format"]) == (3, 2, None, "append", "delta")
    assert 2900 < t["rows_estimated"] < 3100 and t["bytes_rewritten_estimated"] == 0
    assert "protocol reader 1, writer 2" in t["changes"] and "column + amount double" in t["changes"]
    assert "protocol reader 3, writer 7" in tables["people"]["changes"] # rows are marked
    assert "would load 3 files" in text and "Nothing was changed. Up to" in text
    assert not (silt.dir / "state").exists() and not (silt.dir / "lake").exists()

    done = {x["table_name"]: x for x in silt("run", "--json").json["tables"]}
    assert {n: (x["files_processed"], x["batches"]) for n, x in done.items()} == {
        n: (x["files_waiting"], x["batches"]) for n, x in tables.items()}
    tables, text = plan(silt)
    assert all(t["files_waiting"] == t["rows_estimated"] == 0 and t["changes"] == [] for t in tables.values())
    assert "nothing new" in text
    sales(silt, 4, 1000)
    assert 900 < plan(silt, "--table", "sales")[0]["sales"]["rows_estimated"] < 1100 # by what is loaded


def test_changes_of_a_table_that_stands(silt):
    silt.write("silt.yaml", (SALES_ONLY % {"max_files": 9}).replace(
        "    batch", "    on_new_column: evolve\n    deletion_vectors: on\n    batch"))
    sales(silt, 1)
    silt("run")
    silt.write("inbox/sales-02.csv", "id,kind,amount,note\n1,a,2.5,new\n")
    silt.write("inbox/sales-03.csv", "")
    t = plan(silt)[0]["sales"]
    assert t["changes"] == ["column + note string"] and t["version"] == 1
    silt("sql", "SELECT 1", rc=None)
    silt("run", rc=None)
    assert "note" in silt("read", "lake/sales", "--limit", 1, "--format", "csv").out


@pytest.mark.parametrize("strategy, rewrites", [("overwrite", True), ("upsert\n    primary_keys: [id]\n    deletion_vectors: off", True),
                                                ("upsert\n    primary_keys: [id]", False),
                                                ("append_once\n    primary_keys: [id]", False)])
def test_bytes_that_are_rewritten(silt, strategy, rewrites):
    silt.write("silt.yaml", STRATEGY % (strategy, ""))
    people(silt, "a", {1: "Ann"})
    silt("run")
    people(silt, "b", {1: "Eve"})
    size = sum(p.stat().st_size for p in (silt.dir / "lake/people").glob("*.parquet"))
    assert plan(silt)[0]["people"]["bytes_rewritten_estimated"] == (size if rewrites else 0)


def test_rows_of_parquet_files_are_known(silt):
    silt.write("silt.yaml", (SALES_ONLY % {"max_files": 9}).replace(".csv", ".parquet"))
    (silt.dir / "inbox").mkdir()
    for n in (10, 321):
        duckdb.sql(f"COPY (SELECT range AS id FROM range({n})) TO '{silt.dir}/inbox/sales-{n}.parquet'")
    assert plan(silt)[0]["sales"]["rows_estimated"] == 331


def test_files_that_cant_be_loaded(silt):
    configure(silt)
    sales(silt, 1)
    people(silt, "a", {1: "Ann"})
    silt("run")
    silt.write("inbox/people-b.csv", "id,name,more\n1,x,y\n")
    sales(silt, 2)
    tables, text = plan(silt, rc=5)
    assert [f["file_path"] for f in tables["people"]["unfit"]] == [str(silt.dir / "inbox/people-b.csv")]
    assert "on_new_column: evolve" in text and tables["sales"]["files_waiting"] == 1
    silt("run", rc=5)
    silt("run", rc=5)
    tables, text = plan(silt)
    assert tables["people"]["files_given_up"] == 1 and "given up" in text
    assert plan(silt, "--retry-failed", rc=5)[0]["people"]["files_waiting"] == 1
    silt.write("silt.yaml", (CONFIG % {"max_files": 9}).replace("inbox/people", "gone/people"))
    assert "there is no folder" in plan(silt, rc=5)[0]["people"]["problem"]["message"]


def test_beside_a_run_and_after_a_crash(silt):
    configure(silt, SALES_ONLY, max_files=1)
    for day in range(1, 30):
        sales(silt, day, 2000)
    p = silt.hold(lambda: silt.intents() >= 3)
    # What it still does before its next event would be taken for the plan's doing.
    waited = time.monotonic()
    while "pipe" not in Path(f"/proc/{p.pid}/wchan").read_text() and time.monotonic() < waited + 10:
        time.sleep(0.01)
    p.send_signal(signal.SIGSTOP)
    os.waitpid(p.pid, os.WUNTRACED)
    tables, text = plan(silt)
    assert 0 < tables["sales"]["files_waiting"] < 29 and f"A run is at work now (PID {p.pid})" in text
    p.kill()
    p.communicate()
    assert plan(silt)[0]["sales"]["recoveries"] > 0
    assert silt("run", "--json").json["total_files_processed"] == tables["sales"]["files_waiting"]


@pytest.fixture(params=["sqlite", "postgres"])
def db(request, silt):
    if request.param == "sqlite":
        return Sqlite(silt.dir)
    return Postgres(request.getfixturevalue("postgres_server"))


@pytest.mark.parametrize("strategy", ["append", "scd2\n    tracking_columns: [name]\n    primary_keys: [id]"])
def test_tables_of_databases(silt, db, strategy):
    """What would be made, and added; no file, no table, no row is."""
    silt.write("silt.yaml", "pipeline: p\ncheckpoint_path: state\nconnections: {wh: %s}\ntables:\n  - table_name: t\n"
               "    source: {path: 'inbox/*.csv'}\n    on_new_column: evolve\n    loading_strategy: %s\n"
               "    write: {connection: wh, format: %s, path: people}\n" % (db.connection, strategy, db.format))
    silt.write("inbox/1.csv", "id,name\n1,Ann\n")
    text, number = ("TEXT", "INTEGER") if db.format == "sqlite" else ("text", "bigint")
    t = plan(silt)[0]["t"]
    assert t["changes"][:3] == ["table + people", f"column + id {number}", f"column + name {text}"]
    assert f"column + _source_file {text}" in t["changes"]
    assert ("column + is_current " + ("INTEGER" if db.format == "sqlite" else "boolean") in t["changes"]) == (
        "scd2" in strategy)
    if db.format == "sqlite":
        assert not db.path.exists()
    silt("run")
    made = sorted(c.split()[2] for c in t["changes"][1:])
    names = ("SELECT name FROM pragma_table_info('people')" if db.format == "sqlite" else
             "SELECT column_name FROM information_schema.columns WHERE table_name = 'people'")
    assert sorted(r[0] for r in db.rows(names)) == made
    assert plan(silt)[0]["t"]["changes"] == []
    silt.write("inbox/2.csv", "id,name,born\n2,Bob,2024-01-02\n")
    assert plan(silt)[0]["t"]["changes"] == ["column + born " + ("TEXT" if db.format == "sqlite" else "date")]
    assert db.rows("SELECT count(*) FROM people") == [("1",)]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_folders_of_raw_files(silt, kind):
    silt.write("silt.yaml", "pipeline: p\ncheckpoint_path: state\ntables:\n  - table_name: t\n"
               "    source: {path: 'inbox/*.csv'}\n    on_new_column: %s\n"
               "    write: {format: %s, path: raw/t}\n" % ("evolve" if kind == "parquet" else "fail", kind))
    silt.write("inbox/1.csv", "id,name\n1,Ann\n")
    assert plan(silt)[0]["t"]["changes"][:2] == ["column + id long", "column + name string"]
    silt("run")
    assert plan(silt)[0]["t"]["changes"] == []
    silt.write("inbox/2.csv", "id,name,born\n2,Bob,2024-01-02\n")
    if kind == "parquet":
        assert plan(silt)[0]["t"]["changes"] == ["column + born date"]
    else:
        assert "born" in str(plan(silt, rc=5)[0]["t"]["unfit"])
