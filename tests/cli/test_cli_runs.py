"""--run-id and silt runs: numbers over several tables, what becomes of them when processes die or meet, and what other
programs read of the record."""
import json
import signal
import time

import pytest
from deltalake import DeltaTable

CHANGES = {
    "write": ("write", "t", "in.csv"),
    "merge": ("merge", "t", "in.csv", "--keys", "id", "--dedup", "newest_wins", "--timestamp-col", "v", "--when",
              "MATCHED THEN UPDATE SET *"),
    "update": ("update", "t", "--set", "v=v + 1", "--all"),
    "delete": ("delete", "t", "--where", "id = 1"),
    "optimize": ("optimize", "t"),
    "restore": ("restore", "t", "--version", 0),
    "alter": ("alter", "t", "--add-column", "x int"),
    "create": ("create", "new", "--schema", "id long"),
    "clone": ("clone", "t", "new"),
    "migrate": ("migrate", "parquet", "new"),
    "export": ("export", "t", "new", "--format", "delta"),
}
NEW = {"create", "clone", "migrate", "export"}


@pytest.fixture
def lake(silt):
    (silt.dir / "in.csv").write_text("id,v\n1,10\n2,20\n")
    silt("write", "t", "in.csv")
    silt("write", "t", "in.csv")
    silt("export", "t", "parquet/", "--format", "parquet")
    return silt


def versions(silt, name):
    return len(list((silt.dir / name / "_delta_log").glob("*.json")))


def commits(silt, name):
    return [json.loads(line) for line in silt("history", name, "--json").out.splitlines()]


def done(out):
    return out["committed_version"] if "committed_version" in out else out["version"]


@pytest.mark.parametrize("command", CHANGES)
def test_each_change_is_made_once_by_app_and_number(lake, command):
    table = "new" if command in NEW else "t"
    numbered = (*CHANGES[command], "--app-id", "job", "--txn-version")
    before = 0 if command in NEW else versions(lake, table)
    first = lake(*numbered, 4, "--commit-property", "ticket=7", "--user-metadata", "why", "--json").json
    again = lake(*numbered, 4, "--json").json
    assert versions(lake, table) == before + 1
    assert again["outcome"] == "already_done"
    assert done(first) == done(again) == first["table_version"] == again["table_version"] == before
    commit = commits(lake, table)[0]["commit_info"]
    assert commit["ticket"] == "7" and commit["userMetadata"] == "why"
    assert len(commit["silt"]["schemaFingerprint"]) == 64 and commit["silt"]["attempts"] == 1
    if command in ("write", "merge", "update", "delete", "optimize", "export"):  # what an engine works for
        profile = commit["silt"]["runtimeProfile"]
        assert profile["engine"] == "duckdb" and profile["threads"] > 0 and profile["memory_limit"] > 0
    app = [a["txn"] for a in map(json.loads, (lake.dir / table / f"_delta_log/{before:020}.json").read_text().splitlines())
           if "txn" in a]
    assert ("job", 4) in [(t["appId"], t["version"]) for t in app] and all("lastUpdated" in t for t in app)
    assert DeltaTable(lake.dir / table).transaction_version("job") == 4

    overtaken = lake(*numbered, 3, "--json")
    assert overtaken.json["outcome"] == "overtaken" and "nothing was written" in lake(*numbered, 3).err
    failed = lake(*numbered, 3, "--on-overtaken", "error", rc=1)
    assert "number 3 of job was overtaken by 4" in failed.err
    assert versions(lake, table) == before + 1


@pytest.mark.parametrize("command", CHANGES)
def test_each_change_is_one_of_a_run(lake, command, read_duckdb):
    table = "new" if command in NEW else "t"
    run = ("--run-id", "r", "--run-state", "state")
    lake("write", "other", "in.csv", *run, "--run-label", "nightly")
    out = lake(*CHANGES[command], *run, "--json").json
    commit = commits(lake, table)[0]["commit_info"]
    assert commit["silt"]["run"] == {"id": "r", "label": "nightly", "sequence": 1, "metadata": {}}
    r = lake("runs", "show", "r", "--run-state", "state", "--json").json
    assert (r["status"], r["commit_sequence"], r["label"]) == ("completed", 2, "nightly")
    last = r["attempts"][1]
    assert (last["sequence"], last["outcome"], last["committed_version"]) == (1, "committed", done(out))
    assert last["table"] == str(lake.dir / table)
    assert lake(*CHANGES[command], *run, "--sequence", 1, "--json").json["outcome"] == "already_done"
    rows = read_duckdb(lake.dir / "state/runs").to_pylist()
    assert [(x["run_id"], len(x["attempts"])) for x in rows] == [("r", 3)]


def test_the_record_is_a_delta_table_like_any(lake, read_deltalake, read_duckdb):
    for n in range(3):
        lake("write", "t", "in.csv", "--run-id", f"run-{n}", "--run-state", "state", "--run-label", "x")
    for read in (read_deltalake, read_duckdb):
        table = read(lake.dir / "state/runs")
        assert table.column_names[:8] == ["run_id", "label", "metadata", "commit_sequence", "status", "started_at",
                                          "ended_at", "attempts"]
        assert table.column("pipeline").to_pylist() == [None] * 3
        rows = sorted(table.to_pylist(), key=lambda r: r["run_id"])
        assert [r["run_id"] for r in rows] == ["run-0", "run-1", "run-2"]
        attempt = rows[1]["attempts"][0]
        assert (attempt["sequence"], attempt["operation"], attempt["outcome"]) == (0, "WRITE", "committed")
        assert attempt["table"] == str(lake.dir / "t") and attempt["writer"]["pid"] > 0
        assert rows[1]["started_at"] <= attempt["started_at"] <= attempt["ended_at"] == rows[1]["ended_at"]
    listed = lake("runs", "--run-state", "state", "--json").json["runs"]
    assert [r["run_id"] for r in listed] == ["run-2", "run-1", "run-0"]
    assert "run-2" in lake("runs", "--run-state", "state").out
    assert lake("runs", "--run-state", "nothing", "--json").json == {"runs": []}
    assert "there is no run q" in lake("runs", "show", "q", "--run-state", "state", rc=1).err


def test_the_place_of_a_pipeline(lake):
    (lake.dir / "silt.yaml").write_text("pipeline: p\ncheckpoint_path: here\ntables: []\n")
    config = lake.dir / "silt.yaml"
    r = lake("check-config", "--config", config, rc=None)
    if r.rc:  # a pipeline needs a table
        config.write_text("pipeline: p\ncheckpoint_path: here\ntables:\n- {table_name: t, source: {path: 'in/*.csv'}, "
                          "write: {path: lake/t}}\n")
    lake("write", "t", "in.csv", "--run-id", "r", "--config", config)
    assert (lake.dir / "here/runs/_delta_log").is_dir()
    assert lake("runs", "show", "r", "--config", config, "--json").json["status"] == "completed"


def test_without_a_record(lake):
    numbered = ("write", "t", "in.csv", "--run-id", "r", "--sequence", 3)
    assert lake(*numbered, "--json").json["committed_version"] == 2
    assert lake(*numbered, "--json").json["outcome"] == "already_done"
    assert commits(lake, "t")[0]["commit_info"]["silt"]["run"]["sequence"] == 3
    assert not (lake.dir / "state").exists()


@pytest.mark.parametrize("args, words", [
    (("--run-id", "r"), "--sequence N says it, or --run-state DIR keeps it"),
    (("--sequence", "1"), "which run? --run-id says it"),
    (("--run-state", "s"), "which run? --run-id says it"),
    (("--run-id", "r", "--app-id", "a", "--txn-version", "1"), "only one of the two"),
    (("--run-id", "a b", "--sequence", "1"), "a run's id can't be"),
    (("--run-id", "r", "--sequence", "1", "--take-over"), "there is no record"),
    (("--app-id", "a"), "belong together"),
    (("--on-overtaken", "cry"), "one of warn, error is wanted"),
    (("--commit-property", "silt=1"), "commitInfo has a silt of its own"),
])
def test_misuse(lake, args, words):
    r = lake("write", "t", "in.csv", *args, rc=None)
    assert r.rc in (1, 2) and words in r.err
    assert versions(lake, "t") == 2


def test_dry_runs_are_no_attempts(lake):
    run = ("--run-id", "r", "--run-state", "state")
    lake("write", "t", "in.csv", *run)
    out = lake("delete", "t", "--all", *run, "--dry-run", "--json").json
    assert out["outcome"] == "dry_run" and out["rows_deleted"] == 6
    assert len(lake("runs", "show", "r", "--run-state", "state", "--json").json["attempts"]) == 1


def test_an_export_that_isn_t_a_table_has_no_commit(lake):
    assert "there is no commit" in lake("export", "t", "x.csv", "--app-id", "a", "--txn-version", 1, rc=2).err


def slow_write(lake, *args):
    """A write whose rows take very long."""
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
    return lake.start("write", "t", "--sql", f"{numbers} SELECT max(a.i + b.i + c.i)::BIGINT AS id FROM n a, n b, n c", *args)


def wait_until_begun(lake, run):
    for _ in range(2000):
        r = lake("runs", "show", run, "--run-state", "state", "--json", rc=None)
        if r.rc == 0 and r.json["status"] == "running":
            return r.json
        time.sleep(0.05)
    raise AssertionError("it doesn't begin")


def test_one_process_at_a_time_and_what_a_dead_one_leaves(lake):
    run = ("--run-id", "r", "--run-state", "state")
    p = slow_write(lake, *run)
    try:
        begun = wait_until_begun(lake, "r")
        assert begun["attempts"][0]["pid"] == p.pid
        refused = lake("write", "other", "in.csv", *run, rc=4)
        assert f"run r is at work: number 0, WRITE on {lake.dir / 't'}, by PID {p.pid}" in refused.err
        lake("write", "other", "in.csv", "--run-id", "another", "--run-state", "state")
    finally:
        p.send_signal(signal.SIGKILL)
        p.communicate()
    r = lake("runs", "show", "r", "--run-state", "state", "--json").json
    assert (r["attempts"][0]["outcome"], r["status"]) == ("failed", "partial")
    assert lake("write", "t", "in.csv", *run, "--json").json["committed_version"] == 2
    r = lake("runs", "show", "r", "--run-state", "state", "--json").json
    assert [(a["sequence"], a["outcome"]) for a in r["attempts"]] == [(0, "failed"), (0, "committed")]
    assert (r["status"], r["commit_sequence"]) == ("completed", 1)


def test_processes_that_meet(lake):
    """Six that want the same number of one run, and six runs of their own: each number once, each attempt recorded."""
    def start(run, *more):
        return lake.start("write", "t", "in.csv", "--run-id", run, "--run-state", "state", *more, "--json")
    processes = [start("same", "--sequence", "0") for _ in range(6)] + [start(f"own-{i}") for i in range(6)]
    ended = [(*p.communicate(), p.returncode) for p in processes]
    assert {rc for *_, rc in ended[:6]} <= {0, 4}, ended[:6]
    outcomes = [json.loads(out)["outcome"] for out, _, rc in ended[:6] if rc == 0]
    assert outcomes.count("committed") == 1 and set(outcomes) <= {"committed", "already_done"}
    assert all(rc == 0 and json.loads(out)["outcome"] == "committed" for out, _, rc in ended[6:]), ended[6:]
    assert versions(lake, "t") == 2 + 1 + 6
    runs = lake("runs", "--run-state", "state", "--json").json["runs"]
    assert len(runs) == 7 and {r["status"] for r in runs} == {"completed"}
