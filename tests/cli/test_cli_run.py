"""silt run, status, validate-consistency and their like: what they print, and their exit statuses."""
import json
import os
import re
import subprocess
import time

import pytest

from pipelines import CONFIG, SALES_ONLY, STRATEGY, assert_sales_once, configure, end, people, read, sales


@pytest.fixture
def loaded(silt):
    """Two days of sales and two people, loaded."""
    configure(silt)
    sales(silt, 1)
    sales(silt, 2, 20)
    people(silt, "a", {1: "Ann", 2: "Bob"})
    silt("run")
    return silt


# ---- run ------------------------------------------------------------------------------------------


def test_run_says_what_it_did(silt):
    configure(silt)
    sales(silt, 1)
    sales(silt, 2, 20)
    people(silt, "a", {1: "Ann", 2: "Bob"})
    r = silt("run")
    assert re.search(r"✓ sales   2 files, 30 rows in 1 batch → version \d", r.out)
    assert re.search(r"✓ people  1 file, 2 rows in 1 batch → version \d", r.out)
    assert re.search(r"Loaded 3 files, 32 rows in [\d.]+ (ms|s)\.", r.out)
    assert_sales_once(silt, {1: 10, 2: 20})
    assert read(silt, "people", "id", "name") == [("1", "Ann"), ("2", "Bob")]


def test_run_again_has_nothing_to_do(loaded):
    before = loaded("show", "lake/sales", "--json").json["version"]
    r = loaded("run")
    assert "✓ sales   nothing new" in r.out and "Nothing to do" in r.out
    assert "3 files were skipped" in r.out
    assert loaded("show", "lake/sales", "--json").json["version"] == before


def test_upsert_says_inserted_and_updated(loaded):
    people(loaded, "b", {2: "Bert", 3: "Cleo"})
    r = loaded("run")
    assert "people  1 file, 2 rows in 1 batch (1 inserted, 1 updated)" in r.out
    assert read(loaded, "people", "id", "name") == [("1", "Ann"), ("2", "Bert"), ("3", "Cleo")]


def test_run_json(silt):
    configure(silt)
    sales(silt, 1)
    people(silt, "a", {1: "Ann"})
    r = silt("run", "--json").json
    assert {k: r[k] for k in r if k.startswith("total") or k in ("rows", "pipeline")} == {
        "pipeline": "shop", "total_files_discovered": 2, "total_files_processed": 2,
        "total_files_skipped": 0, "total_files_failed": 0, "rows": 11}
    assert r["duration_ms"] >= 0 and re.fullmatch(r"[0-9a-f-]{36}", r["run_id"]) and r["failures"] == []
    first = r["tables"][0]
    assert first["table_name"] == "sales" and first["status"] == "completed"
    assert (first["files_discovered"], first["files_processed"], first["rows"]) == (1, 1, 10)
    assert first["problem"] is None and first["batches"] == 1 and first["version"] >= 0
    again = silt("run", "--json").json
    assert (again["total_files_discovered"], again["total_files_skipped"]) == (2, 2)
    assert again["total_files_processed"] == 0 and again["run_id"] != r["run_id"]


def test_quiet_run_prints_nothing(silt):
    configure(silt)
    sales(silt, 1)
    r = silt("run", "--quiet")
    assert r.out == "" and r.err == ""
    assert_sales_once(silt, {1: 10})


def test_one_table_and_few_batches(silt):
    configure(silt, max_files=1)
    for day in range(1, 5):
        sales(silt, day)
    people(silt, "a", {1: "Ann"})
    r = silt("run", "--table", "sales", "--max-batches", "3", "--json").json
    assert [t["table_name"] for t in r["tables"]] == ["sales"]
    assert (r["tables"][0]["batches"], r["total_files_processed"]) == (3, 3)
    assert not (silt.dir / "lake/people").exists()
    silt("run")
    assert_sales_once(silt, {1: 10, 2: 10, 3: 10, 4: 10})


def test_an_unknown_table_is_answered_by_the_nearest(loaded):
    r = loaded("run", "--table", "sale", rc=2)
    assert "pipeline shop has no such table" in r.err and "did you mean 'sales'?" in r.err


def test_a_bad_file_fails_alone(silt):
    configure(silt)
    sales(silt, 1)
    sales(silt, 3)
    silt.write("inbox/sales-02.csv", "id,kind,amount\n1,a,1.5\n2,b,2.5,more,values\n")
    people(silt, "a", {1: "Ann"})
    r = silt("run", rc=5)
    assert "✗ sales   2 files, 20 rows" in r.out and "1 file failed" in r.out
    assert "sales-02.csv (sales, try 1)" in r.out and "✓ people" in r.out
    assert_sales_once(silt, {1: 10, 3: 10})
    again = silt("run", "--json", rc=5).json
    assert again["failures"][0]["file_path"].endswith("inbox/sales-02.csv")
    assert again["failures"][0]["retry_count"] == 2 and again["failures"][0]["error_message"]
    status = silt("status", "--json").json["tables"][0]
    assert (status["files_failed"], status["files_completed"]) == (1, 2)
    assert status["failures"][0]["retry_count"] == 2
    silt("run") # its tries are used up
    sales(silt, 2)
    silt("run", "--retry-failed")
    assert_sales_once(silt, {1: 10, 2: 10, 3: 10})


def test_append_once_leaves_known_keys_alone(silt):
    silt.write("silt.yaml", STRATEGY % ("append_once", ", keys: [id]"))
    people(silt, "a", {1: "Ann", 2: "Bob"})
    silt.write("inbox/people-b.csv", "id,name\n3,Cid\n3,Carl\n,Nil\n")
    table = silt("run", "--json").json["tables"][0]
    assert (table["rows_inserted"], table["rows_deduplicated"]) == (4, 1)
    people(silt, "c", {2: "Ben", 4: "Dee"})
    silt.write("inbox/people-d.csv", "id,name\n,None\n")
    table = silt("run", "--json").json["tables"][0]
    assert (table["rows_inserted"], table["rows_unchanged"]) == (1, 2)
    rows = {("", "Nil"), ("1", "Ann"), ("2", "Bob"), ("3", "Cid"), ("4", "Dee")}
    assert set(read(silt, "people", "id", "name")) == rows
    version = silt("run", "--json").json["tables"][0]["version"]
    assert version == table["version"]
    silt("validate-consistency")


def test_overwrite_takes_all_or_nothing(silt):
    silt.write("silt.yaml", STRATEGY % ("overwrite", ""))
    people(silt, "a", {1: "Ann", 2: "Bob"})
    people(silt, "b", {3: "Cid"})
    assert silt("run", "--json").json["tables"][0]["batches"] == 1
    assert read(silt, "people", "id") == [("1",), ("2",), ("3",)]
    people(silt, "c", {7: "Gus"})
    bad = silt.write("inbox/people-d.csv", "id,name\nnine,Ivy\n")
    for _ in range(3): # its two tries, and after them
        r = silt("run", rc=1)
        assert "nothing is overwritten while a file of it has failed" in r.err + r.out
        assert "people-d.csv" in r.err + r.out
        assert read(silt, "people", "id") == [("1",), ("2",), ("3",)]
    silt.write("inbox/people-d.csv", "id,name\n9,Ivy\n")
    silt("run", "--retry-failed")
    assert read(silt, "people", "id", "name") == [("7", "Gus"), ("9", "Ivy")]
    assert bad and "Nothing" in silt("run").out
    silt("validate-consistency")
    silt("reset-state", "--yes")
    silt("run")
    assert read(silt, "people", "id", "name") == [("7", "Gus"), ("9", "Ivy")]


def test_nothing_but_a_bad_file_is_a_failure(silt):
    configure(silt, SALES_ONLY)
    silt.write("inbox/sales-01.csv", "id,kind,amount\n1,a,1.5\n2,b,2.5,more,values\n")
    assert "Nothing was loaded" in silt("run", rc=1).out


def test_a_table_that_fails_doesnt_keep_the_others(silt):
    configure(silt)
    sales(silt, 1)
    people(silt, "a", {1: "Ann"})
    silt.write("lake/people", "a file, not a table")
    r = silt("run", rc=5)
    assert "✗ people  nothing loaded" in r.out and "✓ sales" in r.out
    problem = silt("run", "--json", rc=None).json["tables"][1]["problem"]
    assert problem["status"] and "lake/people" in problem["message"]
    assert_sales_once(silt, {1: 10})


def test_tables_wait_for_those_they_depend_on(silt):
    # people is written first, loaded last
    tables = CONFIG % {"max_files": 100}
    head, sales_entry, people_entry = tables.replace("  - table", "@@  - table").split("@@")
    third = people_entry.replace("people", "friends").replace("inbox/friends", "inbox/people")
    people_entry += "    depends_on: [sales]\n"
    third += "    depends_on: people\n"
    silt.write("silt.yaml", head + third + people_entry + sales_entry)
    people(silt, "a", {1: "Ann"})
    silt.write("inbox/sales-01.csv", "id,kind,amount\n1,a,1.5\n2,b,2.5,more,values\n")
    r = silt("run", "--json", rc=1)
    assert [(t["table_name"], t["status"]) for t in r.json["tables"]] == [
        ("sales", "failed"), ("people", "skipped"), ("friends", "skipped")]
    assert "depends on sales, which has failed" in r.json["tables"][1]["problem"]["message"]
    assert "depends on people, which was left out" in silt("run", rc=1).out
    silt("run", "--table", "friends") # asked for by name
    sales(silt, 1)
    silt("run", "--retry-failed")
    assert read(silt, "people", "id") == read(silt, "friends", "id") == [("1",)]


def test_a_run_where_no_table_works_fails(silt):
    configure(silt, SALES_ONLY)
    sales(silt, 1)
    silt.write("lake/sales", "a file, not a table")
    r = silt("run", rc=1)
    assert "Nothing was loaded" in r.out


def test_diagnostics_are_ndjson(silt):
    configure(silt)
    sales(silt, 1)
    silt("run", "--diagnostics", "events.ndjson")
    events = [json.loads(line) for line in (silt.dir / "events.ndjson").read_text().splitlines()]
    assert events and all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", e["ts"]) for e in events)
    assert all(e["kind"] for e in events)
    silt("run", "--diagnostics", "no/such/folder/file", rc=2)


# ---- status ---------------------------------------------------------------------------------------


def test_status(loaded):
    sales(loaded, 3)
    r = loaded("status")
    assert "Pipeline: shop" in r.out and "Lock: none" in r.out
    assert re.search(r"^sales +completed +1 +0 +2 +0 +0 +\d+ +\d{4}-", r.out, re.MULTILINE)
    report = loaded("status", "--json").json
    assert report["lock"] is None and report["pipeline"] == "shop"
    table = report["tables"][0]
    assert (table["files_discovered"], table["files_pending"], table["files_completed"]) == (3, 1, 2)
    assert table["last_batch_id"] == 0 and table["version"] >= 1 and table["failures"] == []


def test_status_before_the_first_run(silt):
    configure(silt)
    sales(silt, 1)
    r = silt("status", "--json").json
    assert [(t["status"], t["files_pending"], t["version"]) for t in r["tables"]] == [
        ("pending", 1, None), ("pending", 0, None)]
    assert not (silt.dir / "state").exists()
    assert re.search(r"^sales +pending +1 +0 +0 +0 +- +- +-$", silt("status").out, re.MULTILINE)


# ---- consistency ----------------------------------------------------------------------------------

CONSISTENT = """\
=== PIPELINE CONSISTENCY VALIDATION ===
Overall Status: CONSISTENT

File Tracker Status: consistent
Total Files Checked: 3
Inconsistencies Found: 0

Table Consistency:
  ✓ sales
  ✓ people
"""


def test_consistent(loaded):
    assert loaded("validate-consistency").out == CONSISTENT
    assert loaded("validate-consistency", "--fix").out == CONSISTENT
    assert loaded("validate-consistency", "--json").json == {
        "overall_status": "consistent", "file_tracker_status": "consistent", "total_files_checked": 3,
        "inconsistencies_found": 0, "inconsistencies": [],
        "tables": [{"table_name": t, "status": "consistent", "inconsistencies": []}
                   for t in ("sales", "people")]}
    assert loaded("fix-inconsistencies").out.startswith(
        "=== FIXING PIPELINE INCONSISTENCIES ===\nFixes Applied: 0\nFixes Failed: 0\n\nActions taken:\n")


def test_without_unicode_it_is_ascii(loaded):
    out = loaded("validate-consistency", env={"LC_ALL": "C"}).out
    assert out == CONSISTENT.replace("✓", "ok") and out.isascii()
    assert loaded("run", env={"LC_ALL": "C"}).out.isascii()


@pytest.fixture
def killed(silt):
    """A run that was killed while a batch was open."""
    configure(silt, SALES_ONLY, max_files=1)
    for day in range(1, 30):
        sales(silt, day, 2000)
    p = silt.hold(lambda: silt.intents() >= 3)
    p.kill()
    assert end(p)[0] == -9
    return silt


def test_a_killed_run_is_seen_and_settled(killed):
    lock = killed("status", "--json").json["lock"]
    assert lock["readable"] and not lock["alive"] and lock["pid"] > 0
    r = killed("validate-consistency", rc=3)
    assert "Overall Status: INCONSISTENT" in r.out and "Stale lock" in r.out
    assert killed("validate-consistency", "--json", rc=3).json["overall_status"] == "inconsistent"
    dry = killed("fix-inconsistencies", "--dry-run").out
    assert "(DRY RUN)" in dry and "Stale lock" in dry
    killed("validate-consistency", rc=3)
    fixed = killed("validate-consistency", "--fix").out
    assert "=== FIXING PIPELINE INCONSISTENCIES ===" in fixed
    assert fixed.rstrip().endswith("✓ sales") and "Fixes Failed: 0" in fixed
    killed("run")
    assert_sales_once(killed, {day: 2000 for day in range(1, 30)})
    killed("validate-consistency")


def test_the_next_run_settles_it_by_itself(killed):
    r = killed("run")
    assert "took over the lock of PID" in r.err
    assert_sales_once(killed, {day: 2000 for day in range(1, 30)})
    killed("validate-consistency")


# ---- the lock -------------------------------------------------------------------------------------


@pytest.fixture
def busy(silt):
    """A pipeline whose lock somebody alive holds: a run that does nothing until end() lets it."""
    configure(silt, SALES_ONLY, max_files=1)
    for day in range(1, 10):
        sales(silt, day, 2000)
    p = silt.hold((silt.dir / "state/pipeline.lock").exists)
    yield silt, p
    if p.poll() is None:
        p.kill()
        end(p)


def test_two_runs_at_once(busy):
    silt, p = busy
    r = silt("run", rc=4)
    assert str(p.pid) in r.err and "hint:" in r.err
    assert silt("run", "--json", rc=4).json["error"]["status"] == "locked"
    assert silt("fix-inconsistencies", rc=4).err
    lock = silt("status", "--json").json["lock"]
    assert lock["alive"] and lock["pid"] == p.pid
    assert end(p)[0] == 0
    assert_sales_once(silt, {day: 2000 for day in range(1, 10)})


def test_waiting_for_the_lock(busy):
    silt, p = busy
    silt("run", "--wait-lock", "1", rc=4)
    waiting = silt.start("run", "--wait-lock", "300")
    assert end(p)[0] == 0
    assert end(waiting)[0] == 0
    assert_sales_once(silt, {day: 2000 for day in range(1, 10)})


def test_force_unlock_and_the_zombie_behind_it(busy):
    silt, p = busy
    r = silt("force-unlock", rc=2)
    assert f"Current lock held by PID {p.pid} since " in r.out and "--yes" in r.err
    r = silt("force-unlock", "--yes")
    assert r.out.endswith("✓ Pipeline lock force released\n")
    assert silt("force-unlock").out == "No lock is held\n"
    silt("run")
    assert end(p)[0] != 139 # it goes on, and finds that its batch can't happen any more
    silt("run")
    assert_sales_once(silt, {day: 2000 for day in range(1, 10)})
    silt("validate-consistency")


def test_force_unlock_asks_on_a_terminal(busy):
    silt, p = busy
    for answer, rc in (("n", 1), ("", 1), ("y", 0)):
        out, status = on_terminal(silt, ["force-unlock"], answer + "\n")
        assert "Are you sure you want to force release the lock? [y/N]: " in out
        assert status == rc
    assert "✓ Pipeline lock force released" in out


def on_terminal(silt, args, text):
    """Run with a terminal for input and output: (what was shown, exit status)."""
    import pty
    master, slave = pty.openpty()
    p = subprocess.Popen([silt.binary, *args], cwd=silt.dir, env={**silt.env, "TERM": "xterm"}, stdin=slave,
                         stdout=slave, stderr=slave, close_fds=True)
    os.close(slave)
    os.write(master, text.encode())
    shown = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError: # the other side is closed
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    return shown.decode(errors="replace").replace("\r\n", "\n"), p.wait(60)


# ---- reset-state ----------------------------------------------------------------------------------


def test_reset_state_keeps_what_is_loaded(loaded):
    assert "--yes" in loaded("reset-state", rc=2).err
    assert (loaded.dir / "state/file_processing_tracker").exists()
    loaded("reset-state", "--yes")
    loaded("run")
    assert_sales_once(loaded, {1: 10, 2: 20})
    assert loaded("reset-state", "--table", "sales", "--yes", "--json").json["actions"]
    loaded("run")
    assert_sales_once(loaded, {1: 10, 2: 20})
    loaded("validate-consistency")


def test_forget_says_what_doubles_and_loads_again(loaded):
    r = loaded("reset-state", "--forget", "--table", "people", "--yes")
    assert "people (upsert): no row is duplicated" in r.err and "sales" not in r.err
    asked = loaded("reset-state", "--forget", rc=2).err
    assert "sales (append): the rows of these files will stand in the table twice" in asked
    out = loaded("run").out
    assert "people  1 file" in out and "sales   nothing new" in out
    assert read(loaded, "people", "id", "name") == [("1", "Ann"), ("2", "Bob")]
    loaded("validate-consistency")


# ---- check-config ---------------------------------------------------------------------------------


def test_check_config(loaded):
    assert loaded("check-config").out == "silt.yaml is right: pipeline shop, 2 tables\n"
    assert loaded("check-config", "--json").json == {
        "valid": True, "pipeline": "shop", "checkpoint_path": str(loaded.dir / "state"),
        "tables": ["sales", "people"], "mistakes": []}


def test_the_json_schema_is_json(silt):
    schema = json.loads(silt("check-config", "--schema").out)
    assert {"pipeline", "tables"} <= set(schema["properties"])


FIVE_MISTAKES = """\
pipeline: shop
checkpoint_pth: state
retry_attempts: many
tables:
  - table_name: sales
    source: {path: "inbox/*.csv", format: cvs}
    loading_strategy: upsert
    write: {path: lake/sales, connection: nowhere}
"""


def test_all_mistakes_at_once(silt):
    silt.write("silt.yaml", FIVE_MISTAKES)
    for command in ("check-config", "run", "status", "validate-consistency"):
        r = silt(command, rc=2)
        for line, key in ((2, "checkpoint_pth"), (3, "retry_attempts"), (6, "format"), (8, "connection")):
            assert re.search(rf"^\S*silt\.yaml:{line}(:\d+)?: .*{key}", r.err, re.MULTILINE), (line, key)
        assert "primary_keys" in r.err and "did you mean checkpoint_path?" in r.err
        assert re.search(r"silt: error: silt.yaml has \d+ mistakes; nothing was touched", r.err)
    r = silt("check-config", "--json", rc=2).json
    assert r["valid"] is False and len(r["mistakes"]) >= 5
    assert sorted(p.name for p in silt.dir.iterdir()) == ["silt.yaml"]


def test_no_pipeline_file(silt):
    assert "silt.yaml" in silt("run", rc=2).err
    assert "nowhere.yaml" in silt("run", "--config", "nowhere.yaml", rc=2).err
    silt.write("broken.yaml", "tables: [unfinished\n  : {\n")
    assert re.search(r"broken\.yaml:\d", silt("run", "--config", "broken.yaml", rc=2).err)


def test_a_pipeline_file_elsewhere(silt):
    silt.write("deep/er/silt.yaml", CONFIG % {"max_files": 9})
    silt.write("deep/er/inbox/sales-01.csv", "id,kind,amount\n1,a,1.5\n")
    silt("run", "--config", "deep/er/silt.yaml")
    assert silt("read", "deep/er/lake/sales", "--columns", "id", "--format", "csv").out == "id\n1\n"


def test_files_wait_for_their_folders_marker(silt):
    silt.write("silt.yaml", (CONFIG.split("  - table_name: people")[0] % {"max_files": 9}).replace(
        '{path: "inbox/sales-*.csv"}', '{path: "inbox/**/*.csv", success_marker: _SUCCESS, max_age: 2 days}'))
    row = "id,kind,amount\n%d,a,1.5\n"
    for place in range(3):
        silt.write(f"inbox/day{place}/a.csv", row % place)
    silt.write("inbox/day1/_SUCCESS", "")
    assert silt("run", "--json").json["total_files_processed"] == 1
    assert read(silt, "sales", "id") == [("1",)]
    silt.write("inbox/day0/_SUCCESS", "")
    silt.write("inbox/day0/old.csv", row % 9)
    long_ago = time.time() - 3 * 86400
    os.utime(silt.dir / "inbox/day0/old.csv", (long_ago, long_ago))
    assert silt("status", "--json").json["tables"][0]["files_pending"] == 1
    silt("run")
    assert read(silt, "sales", "id") == [("0",), ("1",)]
    silt.write("silt.yaml", (silt.dir / "silt.yaml").read_text().replace("_SUCCESS", "x/y"))
    assert "success_marker: found \"x/y\"; the name of a file is allowed" in silt("run", rc=2).err


def test_one_of_two_files_of_the_same_content_goes_away(silt):
    """Neither has been loaded: the one that is left isn't skipped for the sake of the other."""
    text = STRATEGY % ("append", "") + "    on_duplicate: skip\n    on_new_column: %s\n"
    silt.write("silt.yaml", text % "fail")
    people(silt, "a", {1: "Ann"})
    silt("run")
    for name in "bc":
        silt.write(f"inbox/people-{name}.csv", "id,name,age\n2,Bob,30\n")
    silt("run", rc=None)
    assert read(silt, "people", "id") == [("1",)]
    silt.write("silt.yaml", text % "evolve")
    (silt.dir / "inbox/people-b.csv").unlink() # to one's desk, to see what is wrong with it
    silt("run", "--retry-failed")
    assert read(silt, "people", "id") == [("1",), ("2",)]
    assert "Nothing to do" in silt("run").out


@pytest.fixture
def twins(silt):
    """a is loaded, b has its content and is skipped."""
    silt.write("silt.yaml", STRATEGY % ("append", "") + "    on_duplicate: skip\n    on_change: reload\n")
    people(silt, "a", {1: "Ann"})
    silt("run")
    people(silt, "b", {1: "Ann"})
    silt("run")
    assert "Nothing to do" in silt("run").out
    assert read(silt, "people", "id") == [("1",)]
    return silt


def assert_loaded_once(silt, *rows):
    """By now, and whatever comes."""
    for _ in range(2):
        assert read(silt, "people", "id", "name") == sorted(rows)
        assert "Nothing to do" in silt("run").out
    silt("validate-consistency")
    silt("prove")


def test_a_skipped_file_is_loaded_once_its_twin_is_unloaded(twins):
    twins("unload", "inbox/people-a.csv", "--yes")
    twins("run")
    assert_loaded_once(twins, ("1", "Ann"))
    assert "people-b.csv" in read(twins, "people", "_source_file")[0][0]


def test_a_skipped_file_is_loaded_once_its_twin_is_reloaded(twins):
    """In the same run: what it has is what the other had."""
    people(twins, "a", {2: "Bob"})
    twins("run")
    assert_loaded_once(twins, ("1", "Ann"), ("2", "Bob"))


def test_a_skipped_file_stays_skipped_while_its_twins_rows_stand(twins):
    """The twin has changed and can't be reloaded: its old rows are there still."""
    twins.write("inbox/people-a.csv", "id,name\nx,Bob,,\n")
    for _ in range(2):
        twins("run", rc=None)
        assert read(twins, "people", "id") == [("1",)]
    people(twins, "a", {2: "Bob"})
    twins("run", "--retry-failed")
    assert_loaded_once(twins, ("1", "Ann"), ("2", "Bob"))


@pytest.mark.parametrize("reset", [["--yes"], ["--table", "people", "--yes"], ["--forget", "--delete-rows", "--yes"]])
def test_a_skipped_file_is_loaded_after_a_reset_without_its_twin(twins, reset):
    (twins.dir / "inbox/people-a.csv").unlink()
    twins("reset-state", *reset)
    twins("run")
    assert_loaded_once(twins, ("1", "Ann"))
    loaded = "b" if "--forget" in reset else "a" # whose rows stand is for the ledgers to say
    assert f"people-{loaded}.csv" in read(twins, "people", "_source_file")[0][0]


def test_a_skipped_file_that_changes_is_looked_at_again(twins):
    people(twins, "b", {1: "Ann"}).touch()
    assert "1 new file has the content of another" in twins("run").err
    assert read(twins, "people", "id") == [("1",)]
    people(twins, "b", {3: "Cid"})
    twins("run")
    assert_loaded_once(twins, ("1", "Ann"), ("3", "Cid"))


def test_the_same_content_under_another_name(silt):
    text = STRATEGY % ("append", "") + "    on_duplicate: %s\n"
    silt.write("silt.yaml", text % "skip")
    people(silt, "a", {1: "Ann"})
    people(silt, "b", {2: "Bob"})
    silt("run")
    people(silt, "c", {1: "Ann"}) # as a
    people(silt, "d", {3: "Cid"})
    people(silt, "e", {3: "Cid"}) # as d, both new
    people(silt, "f", {4: "Dee"}) # of the same size only
    r = silt("run")
    assert r.err.count("1 new file has the content of another") == 2
    assert "people-c.csv (as " in r.err and "people-e.csv (as " in r.err
    assert read(silt, "people", "id") == [("1",), ("2",), ("3",), ("4",)]
    assert "Nothing to do" in silt("run").out
    silt("validate-consistency")
    silt("prove")
    silt.write("silt.yaml", text % "warn")
    people(silt, "g", {4: "Dee"})
    assert "1 new file has the content of another" in silt("run").err
    assert len(read(silt, "people", "id")) == 5
    silt.write("silt.yaml", text % "load")
    people(silt, "h", {4: "Dee"})
    assert "content of another" not in silt("run").err
    assert len(read(silt, "people", "id")) == 6
