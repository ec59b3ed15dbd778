"""Run history: what each run leaves in the table `runs` and in its bundle, whatever becomes of it."""
import json
import os
import pathlib
import re
import shutil

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from pipelines import CONFIG, SALES_ONLY, assert_sales_once, configure, end, people, sales

SCHEMA = json.loads((pathlib.Path(__file__).parents[2] / "docs/run-manifest.schema.json").read_text())
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "null": type(None)}


def check(value, schema, at="manifest"):
    """`value` is as the JSON Schema says, in the words of it that the manifest's uses."""
    used = {"$schema", "title", "description", "type", "const", "enum", "required", "properties", "additionalProperties",
            "items", "format"}
    assert set(schema) <= used, f"{at}: the check doesn't know {set(schema) - used}"
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    assert not kinds or isinstance(value, tuple(t for k in kinds for t in
                                                (TYPES[k] if isinstance(TYPES[k], tuple) else (TYPES[k],)))), f"{at}: {value}"
    assert not isinstance(value, bool) or "boolean" in kinds or not kinds, at
    assert value == schema.get("const", value) and value in schema.get("enum", [value]), f"{at}: {value}"
    if isinstance(value, dict):
        assert not set(schema.get("required", [])) - set(value), f"{at}: {set(schema['required']) - set(value)} missing"
        known = schema.get("properties", {})
        assert schema.get("additionalProperties", True) or set(value) <= set(known), f"{at}: {set(value) - set(known)}"
        for key in set(value) & set(known):
            check(value[key], known[key], f"{at}.{key}")
    for i, item in enumerate(value if isinstance(value, list) else []):
        check(item, schema.get("items", {}), f"{at}[{i}]")


def runs(silt, *args):
    return silt("runs", *args, "--json").json["runs"]


def bundles(silt):
    """{run id: manifest} of all that there are; each is as the schema says."""
    found = {}
    for path in (silt.dir / "state").glob("runs-bundles/*/manifest.json"):
        found[path.parent.name] = json.loads(path.read_text())
        check(found[path.parent.name], SCHEMA)
        for line in (path.parent / "events.ndjson").read_text().splitlines():
            assert {"ts", "kind"} <= set(json.loads(line))
    return found


def test_each_run_is_a_row(silt, read_deltalake, read_duckdb):
    configure(silt)
    sales(silt, 1)
    people(silt, "a", {1: "Ann"})
    first = silt("run", "--json").json
    silt("run")
    silt.write("inbox/sales-02.csv", "id,kind,amount\n1,2,3,4,5\n")
    failed = [silt("run", "--json", rc=5).json["run_id"] for _ in range(2)]
    listed = runs(silt)
    assert [r["status"] for r in listed] == ["partial", "partial", "completed", "completed"]
    assert [r["run_id"] for r in listed][:2] == failed[::-1] and listed[3]["run_id"] == first["run_id"]
    assert [r["metrics"]["consecutive_failures"] for r in listed] == [2, 1, 0, 0]
    assert [r["metrics"]["files_processed"] for r in listed] == [0, 0, 0, 2]

    for program in (read_deltalake, read_duckdb):
        rows = {r["run_id"]: r for r in program(silt.dir / "state/runs").to_pylist()}
        assert len(rows) == 4
        row = rows[first["run_id"]]
        assert (row["pipeline"], row["operation"], row["status"], row["error"]) == ("shop", "RUN", "completed", None)
        assert row["started_at"] <= row["ended_at"] and row["metrics"]["rows"] == 11 and row["metrics"]["run_seconds"] > 0
        assert [(t["table_name"], t["rows"], t["version"]) for t in row["tables"]] == [("sales", 10, 1), ("people", 1, 1)]
        assert [(a["operation"], a["outcome"], a["committed_version"]) for a in row["attempts"]] == [
            ("append", "committed", 1), ("upsert", "committed", 1)]
        assert rows[failed[0]]["failures"][0]["file_path"].endswith("sales-02.csv")

    status = silt("status", "--json").json
    assert (status["last_run"]["run_id"], status["last_run"]["status"]) == (failed[1], "partial")
    m = status["metrics"]
    assert (m["runs"], m["files_per_run"], m["consecutive_failures"], m["lock_failures"]) == (4, 0.5, 2, 0)
    assert m["rows_per_run"] == 2.75 and m["run_seconds"] > 0 and m["validation_inconsistencies"] == 0
    assert f"Last run: {failed[1][:8]}, partial" in (text := silt("status").out) and "2 runs in a row" in text

    shown = silt("runs", "show", failed[1][:9], "--json").json
    assert shown["run_id"] == failed[1] and shown["failures"][0]["retry_count"] == 2
    assert shown["tables"][0]["files_failed"] == 1 and shown["attempts"][0]["outcome"] == "failed"
    text = silt("runs", "show", failed[1][:9]).out
    assert "partial" in text and "2 runs in a row weren't completed" in text and "sales-02.csv" in text
    assert len(runs(silt, "--limit", 1)) == 1 and "--limit 0 all" in silt("runs", "--limit", 1).err
    assert "there is no run zz" in silt("runs", "show", "zz", rc=1).err
    r = silt("write", "lake/other", "inbox/people-a.csv", "--run-id", failed[0], "--config", "silt.yaml", rc=2)
    assert "is one of pipeline shop" in r.err


def test_a_beginning_of_several_ids_is_refused(silt):
    configure(silt, SALES_ONLY)
    sales(silt, 1)
    ids = []
    while not (same := {i[0] for i in ids if [j[0] for j in ids].count(i[0]) > 1}):
        ids.append(silt("run", "--json").json["run_id"])
    assert "runs begin with" in silt("runs", "show", same.pop(), rc=2).err


def test_bundles_are_as_their_schema_says(silt):
    silt.write("silt.yaml", (CONFIG % {"max_files": 1}).replace(
        "tables:\n", "run_history: {bundles: 3}\ndefaults: {maintenance: {optimize_below: 1MB}}\ntables:\n"))
    sales(silt, 1)
    sales(silt, 2)
    people(silt, "a", {1: "Ann"})
    run = silt("run", "--json").json["run_id"]
    assert set(bundles(silt)) == {run}
    m = bundles(silt)[run]
    assert [(d["name"], d["kind"], d["format"]) for d in m["datasets"]] == [
        ("sales", "source", "csv"), ("sales", "target", "delta"), ("people", "source", "csv"), ("people", "target", "delta")]
    target = m["datasets"][1]
    assert target["delta_version"] == 2 and target["last_commit"]["version"] == 2 and len(target["schema_fingerprint"]) == 64
    report = m["materialization_reports"][0]
    assert (report["dataset"], report["rows"], report["files"], report["version"]) == ("sales", 20, 2, 2)
    assert [(b["batch_id"], b["version"], b["rows"]) for b in report["history"]] == [(0, 1, 10), (1, 2, 10)]
    events = [json.loads(line) for line in (silt.dir / f"state/runs-bundles/{run}/events.ndjson").read_text().splitlines()]
    kinds = [e["kind"] for e in events]
    assert kinds.count("batch_start") == 3 and "commit_attempt" in kinds and len(events) == m["events"]["count"]

    silt("run") # nothing new: a row, but no bundle
    assert set(bundles(silt)) == {run} and len(runs(silt)) == 2
    maintained = silt("maintain", "--json").json
    last = runs(silt)[0]
    assert (last["operation"], last["status"]) == ("MAINTAIN", "completed")
    steps = bundles(silt)[last["run_id"]]["maintenance"]
    assert [(s["dataset"], s["step"]) for s in steps] == [(t["table_name"], s["step"]) for t in maintained["tables"]
                                                           for s in t["steps"]]
    assert "maintain" in silt("runs").out and "Maintenance" in silt("runs", "show", last["run_id"]).out
    for day in (3, 4):
        sales(silt, day)
        silt("run")
    kept = set(bundles(silt))
    assert len(kept) == 3 and run not in kept and len(list((silt.dir / "state/runs-bundles").iterdir())) == 3
    assert len(runs(silt)) == 5


def test_a_failure_leaves_a_bundle_and_none_is_written_where_none_is_wanted(silt):
    configure(silt, SALES_ONLY)
    silt.write("inbox/sales-01.csv", "id,kind,amount\n1,2,3,4,5\n")
    run = silt("run", "--json", rc=1).json["run_id"]
    m = bundles(silt)[run]
    assert m["status"] == "failed" and m["failures"][0]["file_path"].endswith("sales-01.csv")
    assert m["materialization_reports"][0]["history"][0]["outcome"] == "failed"
    silt.write("silt.yaml", (SALES_ONLY % {"max_files": 9}).replace("tables:\n", "run_history: {bundles: 0}\ntables:\n"))
    sales(silt, 2)
    silt("run", rc=5)
    assert set(bundles(silt)) == {run}


def test_secrets_are_nowhere(silt):
    secret = "hunter2/+xYz\\q"
    silt.write("silt.yaml", (SALES_ONLY % {"max_files": 9}) + "datasets:\n  far:\n    path: far\n"
               f"    storage_options: {{aws_secret_access_key: '{secret}', aws_region: eu-west-1}}\n")
    # A file whose text, in its error message, is what must not be told.
    silt.write("inbox/sales-01.csv", f"id,kind,amount\n1,{secret},postgres://me:s3same@host/db?sig=abc%2Fdef,4,5\n")
    out = silt("run", "--json", rc=1).json
    assert secret in out["failures"][0]["error_message"] # whoever runs it may see his own file
    rest = b"".join(p.read_bytes() for folder in ("runs", "runs-bundles")
                    for p in (silt.dir / "state" / folder).rglob("*") if p.is_file())
    for word in (secret, json.dumps(secret)[1:-1], "s3same", "abc%2Fdef"):
        assert word.encode() not in rest, word
    message = silt("runs", "show", out["run_id"], "--json").json["failures"][0]["error_message"]
    assert "***" in message and "postgres://me:***@host" in message


@pytest.fixture
def busy(silt):
    """A run that has committed some of its batches, has begun another one, and stands still, but lives."""
    configure(silt, SALES_ONLY, max_files=1)
    for day in range(1, 30):
        sales(silt, day, 2000)
    p = silt.hold(lambda: silt.intents() >= 3)
    silt.process = p
    yield silt
    if p.poll() is None:
        p.kill()
        p.communicate()


def test_a_run_that_is_killed_is_told_as_crashed(busy):
    assert [(r["status"], r["pid"]) for r in runs(busy)] == [("running", busy.process.pid)]
    refused = busy("run", rc=4)
    assert "locked" in refused.err
    assert [r["status"] for r in runs(busy)] == ["locked", "running"]
    running = runs(busy)[1]["run_id"]
    assert busy("runs", "show", running[:12], "--json").json["status"] == "running"
    busy.process.kill()
    busy.process.communicate()
    assert [(r["run_id"], r["status"]) for r in runs(busy)][1] == (running, "crashed")
    m = busy("status", "--json").json["metrics"]
    assert m["lock_failures"] == 1 and m["inconsistencies_now"] >= 2 # the lock, and its batch's file
    assert "inconsistencies" in busy("status").out
    next_run = busy("run", "--json").json["run_id"]
    assert busy("status", "--json").json["metrics"]["inconsistencies_now"] == 0
    listed = runs(busy)
    assert [(r["run_id"], r["status"]) for r in listed if r["status"] != "locked"] == [
        (next_run, "completed"), (running, "crashed")]
    assert listed[0]["metrics"]["recoveries"] >= 2 # a lock, and a batch
    assert listed[2]["ended_at"] is None and "didn't end" in listed[2]["error"]
    found = bundles(busy)
    assert set(found) == {next_run, running} and found[running]["status"] == "crashed"
    assert (busy.dir / f"state/runs-bundles/{running}/events.ndjson").read_text().count("batch_start") >= 1
    assert_sales_once(busy, {day: 2000 for day in range(1, 30)})


def test_a_run_whose_lock_is_taken_has_the_last_word(busy):
    ours = runs(busy)[0]["run_id"]
    busy("run", "--force-unlock")
    assert [r["status"] for r in runs(busy)] == ["completed", "unsure"]
    end(busy.process) # it goes on
    after = {r["run_id"]: r for r in runs(busy)}
    assert len(after) == 2 and after[ours]["status"] != "unsure" and after[ours]["ended_at"]
    assert 0 < after[ours]["metrics"]["files_processed"] < 29
    assert_sales_once(busy, {day: 2000 for day in range(1, 30)})


def test_force_unlock_keeps_what_crashed(busy):
    run = runs(busy)[0]["run_id"]
    busy.process.kill()
    busy.process.communicate()
    busy("force-unlock", "--yes")
    assert [(r["run_id"], r["status"]) for r in runs(busy)] == [(run, "crashed")]


def test_a_history_that_cant_be_written_fails_no_load(silt):
    configure(silt, SALES_ONLY)
    sales(silt, 1)
    silt.write("state/runs", "not a table")
    r = silt("run")
    assert re.search(r"warning: run \S+ isn't in the run history", r.err)
    assert_sales_once(silt, {1: 10})
    os.remove(silt.dir / "state/runs")
    silt("run")
    assert len(runs(silt)) == 1


def test_members_that_an_earlier_silt_did_not_know(silt, read_deltalake):
    """Its table of runs is read as it is, and has them from the next run on."""
    configure(silt, SALES_ONLY)
    sales(silt, 1)
    silt("run")
    rows = read_deltalake(silt.dir / "state/runs")
    at = rows.schema.get_field_index("tables")
    kept = pa.struct([f for f in rows.schema.field(at).type.value_type if f.name != "rows_deleted"])
    older = rows.schema.set(at, pa.field("tables", pa.list_(kept)))
    assert not older.equals(rows.schema)
    lines = [{**row, "tables": [{k: v for k, v in t.items() if k != "rows_deleted"} for t in row["tables"]]}
             for row in rows.to_pylist()]
    shutil.rmtree(silt.dir / "state/runs")
    write_deltalake(str(silt.dir / "state/runs"), pa.Table.from_pylist(lines, schema=older))
    assert [r["status"] for r in runs(silt)] == ["completed"]
    sales(silt, 2)
    assert "history" not in silt("run").err
    assert [r["status"] for r in runs(silt)] == ["completed", "completed"]
    told = [[t["rows_deleted"] for t in row["tables"]] for row in read_deltalake(silt.dir / "state/runs").to_pylist()]
    assert sorted(told, key=str) == [[0], [None]]


def test_a_later_silt_s_table_of_runs_is_left_alone(silt):
    configure(silt, SALES_ONLY)
    sales(silt, 1)
    silt("run")
    silt("alter", "state/runs", "--add-column", "weather string")
    log = sorted(os.listdir(silt.dir / "state/runs/_delta_log"))
    assert "isn't a table of runs: its columns are others" in silt("run").err
    assert sorted(os.listdir(silt.dir / "state/runs/_delta_log")) == log
