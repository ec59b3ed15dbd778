"""Several tables at a time: the same result as one after another, under one limit, whatever fails or is killed."""
import csv
import json
import os
import signal
import threading
import time

import pytest

from databases import Postgres, Sqlite, postgres_server # noqa: F401, a fixture
from pipelines import commits, end, resident_peak, signalled, wait_until

TABLES = ["ants", "bees", "cows", "dogs"]
ROWS = 500


def table(name, more=""):
    return (f"  - table_name: {name}\n    source: {{path: \"inbox/{name}-*.csv\"}}\n    batch: {{max_files: 1}}\n"
            f"    write: {{path: lake/{name}}}\n{more}")


def configure(silt, tables=None, head="parallel_tables: 4\n"):
    text = "".join(tables or [table(name) for name in TABLES])
    silt.write("silt.yaml", f"pipeline: zoo\ncheckpoint_path: state\n{head}tables:\n{text}")


def put(silt, name, file, rows=ROWS):
    """Rows whose ids no other file of the table has."""
    lines = "".join(f"{file * 1_000_000 + i},{name} {i}\n" for i in range(rows))
    silt.write(f"inbox/{name}-{file:03}.csv", "id,text\n" + lines)


def fill(silt, files=3, rows=ROWS):
    for name in TABLES:
        for file in range(files):
            put(silt, name, file, rows)


def ids(files, rows=ROWS):
    return [file * 1_000_000 + i for file in range(files) for i in range(rows)]


def assert_once(silt, read_deltalake, files, rows=ROWS):
    """Each row stands there once, and no other, as another reader sees it."""
    for name in TABLES:
        found = sorted(read_deltalake(silt.dir / "lake" / name).column("id").to_pylist())
        assert found == ids(files, rows), name
    silt("validate-consistency")


# ---- the same as one after another


def told(result):
    """What a run says of its tables, without what no two runs have in common."""
    return [{k: v for k, v in t.items() if k not in ("duration_ms", "path")} for t in result["tables"]]


def test_the_result_is_that_of_one_after_another(silt, tmp_path, read_deltalake):
    configure(silt)
    fill(silt)
    together = silt("run", "--json").json
    assert [t["table_name"] for t in together["tables"]] == TABLES
    assert together["total_files_processed"] == 12 and together["rows"] == 12 * ROWS
    assert_once(silt, read_deltalake, 3)
    apart = silt("run", "--json", "--parallel-tables", "1", "--config", clone(silt, tmp_path / "other")).json
    assert told(apart) == told(together)
    for _ in range(2):
        again = silt("run", "--json").json
        assert again["total_files_processed"] == 0 and again["total_files_skipped"] == 12
    status = silt("status", "--json").json
    assert [(t["status"], t["files_completed"]) for t in status["tables"]] == [("completed", 3)] * 4


def clone(silt, folder):
    """The same pipeline over the same files, in a place of its own."""
    (folder / "inbox").mkdir(parents=True)
    for path in (silt.dir / "inbox").iterdir():
        (folder / "inbox" / path.name).write_bytes(path.read_bytes())
    (folder / "silt.yaml").write_text((silt.dir / "silt.yaml").read_text())
    return folder / "silt.yaml"


def test_every_strategy_at_a_time(silt, read_deltalake):
    write = "    loading_strategy: %s\n    primary_keys: [id]\n"
    configure(silt, [table("ants"), table("bees", write % "upsert"), table("cows", write % "append_once"),
                     table("dogs", write % "scd2" + "    tracking_columns: [text]\n")])
    fill(silt)
    silt("run")
    for _ in range(2):
        fill(silt, 4)
        silt("run")
        assert_once(silt, read_deltalake, 4)
    silt("prove")


@pytest.fixture(params=["sqlite", "postgres"])
def db(request, silt):
    if request.param == "sqlite":
        return Sqlite(silt.dir)
    return Postgres(request.getfixturevalue("postgres_server"))


def test_tables_of_one_database(silt, db):
    """Those of an SQLite file follow each other: none waits for another's lock until it gives up."""
    write = f"write: {{connection: db, format: {db.format}, path: %s}}"
    text = "".join(table(name).replace(f"write: {{path: lake/{name}}}", write % name) for name in TABLES)
    connection = db.connection.rstrip("}") + (", lock_wait_seconds: 1}" if db.format == "sqlite" else "}")
    silt.write("silt.yaml", f"pipeline: zoo\ncheckpoint_path: state\nparallel_tables: 4\nconnections:\n"
               f"  db: {connection}\ntables:\n{text}")
    fill(silt, rows=20000)
    assert silt("run", "--json").json["rows"] == 12 * 20000
    for name in TABLES:
        counts = db.rows(f"SELECT count(*), count(DISTINCT id) FROM {name}")
        assert [int(n) for n in counts[0]] == [60000, 60000]
    assert silt("run", "--json").json["total_files_processed"] == 0
    silt("validate-consistency")


def test_sources_of_every_kind(silt, read_deltalake):
    """Standard input, and a table of this pipeline, which is loaded first though nobody says so."""
    silver = table("dogs").replace("path: \"inbox/dogs-*.csv\"", "path: lake/ants, format: delta")
    piped = table("bees").replace("path: \"inbox/bees-*.csv\"", "path: \"-\", format: csv")
    configure(silt, [silver, piped, table("ants"), table("cows")])
    fill(silt, 2)
    rows = "id,text\n1,a\n2,b\n"
    result = silt("run", "--json", stdin=rows).json
    assert {t["table_name"]: t["rows"] for t in result["tables"]} == {
        "ants": 2 * ROWS, "bees": 2, "cows": 2 * ROWS, "dogs": 2 * ROWS}
    assert sorted(read_deltalake(silt.dir / "lake/dogs").column("id").to_pylist()) == ids(2)
    assert silt("run", "--json", stdin=rows).json["total_files_processed"] == 0
    put(silt, "ants", 2)
    assert silt("run", "--json", stdin="").json["rows"] == 2 * ROWS
    assert sorted(read_deltalake(silt.dir / "lake/dogs").column("id").to_pylist()) == ids(3)
    silt("validate-consistency")


# ---- what fails, and what depends on it


def test_a_table_that_fails_stops_no_other(silt):
    configure(silt)
    fill(silt)
    silt.write("inbox/bees-001.csv", "id,text\nno number,x\n")
    silt.write("lake/cows/foreign.txt", "not a table")
    result = silt("run", "--json", rc=5).json
    assert [t["status"] for t in result["tables"]] == ["completed", "failed", "failed", "completed"]
    assert [t["files_processed"] for t in result["tables"]] == [3, 2, 0, 3]
    assert [f["table_name"] for f in result["failures"]] == ["bees"]
    assert "cows" in result["tables"][2]["problem"]["message"]


def test_failures_are_told_by_table(silt):
    configure(silt)
    fill(silt)
    for name in TABLES:
        silt.write(f"inbox/{name}-001.csv", "id,text\nno number,x\n")
        silt.write(f"inbox/{name}-002.csv", "id,text\nno number,x\n")
    failures = silt("run", "--json", rc=5).json["failures"]
    assert [f["table_name"] for f in failures] == [name for name in TABLES for _ in range(2)]


def test_tables_wait_for_those_they_depend_on(silt):
    """dogs → cows → bees: one after another though they are named first; ants beside them."""
    configure(silt, [table("dogs", "    depends_on: [cows]\n"), table("cows", "    depends_on: [bees]\n"),
                     table("bees"), table("ants")])
    fill(silt, 4)
    result = silt("run", "--json", "--diagnostics", "events.ndjson").json
    assert [t["table_name"] for t in result["tables"]] == ["bees", "cows", "dogs", "ants"]
    events = [json.loads(line) for line in (silt.dir / "events.ndjson").read_text().splitlines()]
    begun = [e["table_name"] for e in events if e["kind"] == "batch_start" and e["table_name"] != "ants"]
    assert begun == ["bees"] * 4 + ["cows"] * 4 + ["dogs"] * 4


def test_what_depends_on_a_failed_table_is_left_out(silt):
    configure(silt, [table("ants"), table("bees", "    depends_on: [ants]\n"), table("cows"),
                     table("dogs", "    depends_on: [bees, cows]\n")])
    fill(silt)
    silt.write("inbox/ants-001.csv", "id,text\nno number,x\n")
    result = silt("run", "--json", rc=5).json
    found = {t["table_name"]: (t["status"], t["files_processed"]) for t in result["tables"]}
    assert found == {"ants": ("failed", 2), "bees": ("skipped", 0), "cows": ("completed", 3), "dogs": ("skipped", 0)}
    assert "depends on bees, which was left out" in result["tables"][3]["problem"]["message"]
    put(silt, "ants", 1)
    result = silt("run", "--json").json
    assert [t["status"] for t in result["tables"]] == ["completed"] * 4


# ---- what a run leaves to be read


def test_the_history_has_one_run_with_all_attempts(silt):
    configure(silt)
    fill(silt)
    run_id = silt("run", "--json").json["run_id"]
    assert [run["run_id"] for run in silt("runs", "--json").json["runs"]] == [run_id]
    bundle = silt.dir / "state/runs-bundles" / run_id
    events = [json.loads(line) for line in (bundle / "events.ndjson").read_text().splitlines()]
    assert sum(e["kind"] == "batch_start" for e in events) == 12
    assert [e["ts"] for e in events] == sorted(e["ts"] for e in events)
    manifest = json.loads((bundle / "manifest.json").read_text())
    reports = {r["dataset"]: r for r in manifest["materialization_reports"]}
    assert [reports[name]["rows"] for name in TABLES] == [3 * ROWS] * 4
    shown = silt("runs", "show", run_id, "--json").json
    assert [t["table_name"] for t in shown["tables"]] == TABLES
    assert len(shown["attempts"]) == 12


def test_messages_are_whole_lines_with_their_table(silt):
    configure(silt)
    fill(silt, 8, rows=20)
    found = silt("run", "--verbose", "--diagnostics", "events.ndjson")
    for line in (silt.dir / "events.ndjson").read_text().splitlines():
        json.loads(line)
    lines = found.err.splitlines()
    assert len([line for line in lines if line.startswith("silt: batch_start {\"table_name\":")]) == 32
    assert all(line.startswith("silt: ") for line in lines)


# ---- stopped, killed


@pytest.mark.parametrize("sig, rc", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_all_of_them_cleanly(silt, read_deltalake, sig, rc):
    configure(silt)
    fill(silt, 20)
    p = silt.hold(lambda: sum(commits(silt, f"lake/{name}") for name in TABLES) >= 12)
    signalled(p, sig)
    status, out, err = end(p)
    assert (status, out) == (rc, "")
    assert "silt: error: interrupted" in err
    assert not (silt.dir / "state/pipeline.lock").exists()
    tables = silt("status", "--json").json["tables"]
    assert sum(t["files_processing"] for t in tables) == 0
    assert 0 < sum(t["files_completed"] for t in tables) < 80
    silt("run")
    assert_once(silt, read_deltalake, 20)


def test_killed_at_any_time(silt, read_deltalake):
    """Again and again over the same state, at random from the first commit to the last."""
    configure(silt)
    fill(silt, 25, rows=50)
    killed = 0
    for i in range(1, 9):
        done = sum(commits(silt, f"lake/{name}") for name in TABLES)
        p = silt.start("run")
        if not wait_until(lambda: sum(commits(silt, f"lake/{name}") for name in TABLES) >= done + i, p):
            p.communicate()
            break
        p.kill()
        killed += end(p)[0] == -signal.SIGKILL
    assert killed >= 4
    silt("run")
    assert_once(silt, read_deltalake, 25, rows=50)
    assert silt("run", "--json").json["total_files_processed"] == 0


def test_another_run_finds_the_lock(silt):
    configure(silt)
    fill(silt, 20)
    p = silt.hold((silt.dir / "state/pipeline.lock").exists)
    assert "locked by PID" in silt("run", rc=4).err
    assert end(p)[0] == 0


def test_a_lock_that_is_taken_away_stops_all_of_them(silt, read_deltalake):
    """Another process takes the lock and loads: the first stops, and nothing is there twice."""
    configure(silt)
    fill(silt, 20)
    p = silt.start("run")
    assert wait_until(lambda: sum(commits(silt, f"lake/{name}") for name in TABLES) >= 8, p)
    silt("run", "--force-unlock", rc=None)
    end(p)
    silt("run", "--wait-lock", "60", rc=None)
    silt("run")
    assert_once(silt, read_deltalake, 20)


# ---- one limit


def big(silt, size):
    """Four tables of one CSV file of about `size` bytes each; gives their rows."""
    path = silt.dir / "inbox/ants-000.csv"
    path.parent.mkdir()
    rows = 0
    with path.open("w") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(["id", "text", "amount", "day"])
        while f.tell() < size:
            out.writerows((i, f"text {i * 7919 % 9973} of some length", i / 7, f"2024-01-{i % 28 + 1:02}")
                          for i in range(rows, rows + 10000))
            rows += 10000
    for name in TABLES[1:]:
        os.link(path, silt.dir / f"inbox/{name}-000.csv")
    return rows


def run_and_measure(silt, *args):
    """(result, peak of resident memory in bytes) of a run."""
    peak = [0]
    p = silt.start("run", "--json", *args)

    def watch():
        while p.poll() is None:
            peak.append(resident_peak(p.pid))
            time.sleep(0.01)
    watcher = threading.Thread(target=watch)
    watcher.start()
    status, out, err = end(p, timeout=600)
    watcher.join()
    assert status == 0, err
    return json.loads(out), max(peak), err


BASE = 100_000_000 # the program, libduckdb and what it doesn't count: docs/guide/several-tables.md


def test_all_of_them_stay_within_one_limit(silt):
    if "asan" in str(silt.binary) or "tsan" in str(silt.binary):
        pytest.skip("sanitizers need memory of their own")
    configure(silt, head="parallel_tables: 4\nmemory_limit: 300MB\nthreads: 4\n")
    rows = big(silt, 50_000_000)
    result, peak, err = run_and_measure(silt)
    assert result["rows"] == 4 * rows
    assert "at a time: memory_limit" not in err, "all four had room"
    assert peak < 300_000_000 + BASE, f"{peak / 1e6:.0f} MB"


def test_a_share_that_is_not_enough_is_made_up_for(silt):
    """Rows so large that half of the memory doesn't hold what one pass needs: each table has all of it then, alone."""
    configure(silt, [table(name) for name in TABLES[:2]], head="parallel_tables: 2\nmemory_limit: 280MB\nthreads: 2\n")
    for name in TABLES[:2]:
        silt.write(f"inbox/{name}-000.csv", "id,text\n" + "".join(f"{i},{os.urandom(75000).hex()}\n" for i in range(250)))
    found = silt("run", "--json")
    assert [t["rows"] for t in found.json["tables"]] == [250, 250]
    assert "its share of memory_limit wasn't enough; trying again with all of it" in found.err
    silt("prove")


def test_fewer_at_a_time_where_memory_is_short(silt, read_deltalake):
    configure(silt, head="parallel_tables: 4\nmemory_limit: 170MB\n")
    fill(silt)
    assert "2 tables instead of 4 at a time: memory_limit is enough for no more" in silt("run").err
    assert_once(silt, read_deltalake, 3)


# ---- how it is asked for


def test_options(silt):
    configure(silt, head="parallel_tables: 0\n")
    fill(silt)
    assert "parallel_tables" in silt("run", rc=2).err
    configure(silt, head="")
    assert "--parallel-tables: 1 to 64" in silt("run", "--parallel-tables", "0", rc=2).err
    assert "--parallel-tables: 1 to 64" in silt("run", "--parallel-tables", "65", rc=2).err
    assert not (silt.dir / "lake").exists()
    assert silt("run", "--parallel-tables", "64", "--json").json["rows"] == 12 * ROWS
    assert silt("run", "--parallel-tables", "2", "--table", "bees", "--json").json["total_files_processed"] == 0
