"""silt maintain: the maintenance policy of the pipeline file, in one command for cron."""
import os
import time

import pytest

from pipelines import CONFIG, assert_sales_once, people, read, sales, wait_until

POLICY = """\
defaults:
  maintenance: {optimize_below: 1MB, checkpoint_interval: 3, log_retention: 30 days, vacuum_retention_hours: 200}
"""


@pytest.fixture
def loaded(silt):
    head, tables = CONFIG.split("tables:")
    silt.write("silt.yaml", head % () + POLICY + "tables:" + tables % {"max_files": 1})
    for day in range(1, 5):
        sales(silt, day)
    people(silt, "a", {1: "Ann"})
    silt("run")
    return silt


def steps(result, table):
    found = next(t for t in result.json["tables"] if t["table_name"] == table)
    return {s["step"]: s for s in found["steps"]}


def data_files(silt, table):
    return len(list((silt.dir / table).rglob("*.parquet")))


def test_policy_is_carried_out(loaded):
    done = steps(loaded("maintain", "--json"), "sales")
    assert list(done) == ["optimize", "checkpoint", "cleanup_log", "vacuum"]
    assert (done["optimize"]["files_removed"], done["optimize"]["files_added"]) == (4, 1)
    assert done["checkpoint"]["files_added"] == 1 and done["checkpoint"]["bytes_added"] > 0
    assert not any(s["problem"] for s in done.values())
    assert_sales_once(loaded, {day: 10 for day in range(1, 5)})
    again = steps(loaded("maintain", "--json"), "sales")
    assert not any(s["files_removed"] or s["files_added"] for s in again.values())
    assert "nothing to do" in loaded("maintain").out
    loaded("validate-consistency")
    loaded("prove")
    sales(loaded, 5)
    loaded("run") # what was laid out anew is no foreign change


def test_dry_run_changes_nothing(loaded):
    before = loaded("show", "lake/sales", "--json").json["version"]
    done = steps(loaded("maintain", "--dry-run", "--json"), "sales")
    assert done["optimize"]["files_removed"] == 4 and done["checkpoint"]["files_added"] == 1
    assert "4 files out" in loaded("maintain", "--dry-run", "--table", "sales").out
    assert loaded("show", "lake/sales", "--json").json["version"] == before
    assert not list((loaded.dir / "lake/sales/_delta_log").glob("*.checkpoint.parquet"))


def test_old_files_go_everywhere(loaded):
    loaded("maintain")
    long_ago = time.time() - 60 * 86400
    tables = ["lake/sales", "state/file_processing_tracker", "state/table_status"]
    for table in tables:
        for path in (loaded.dir / table).rglob("*"):
            os.utime(path, (long_ago, long_ago))
    loaded.write("lake/sales/part-left-behind.parquet", "litter")
    os.utime(loaded.dir / "lake/sales/part-left-behind.parquet", (long_ago, long_ago))
    rejects = [loaded.write(f"lake/sales/_silt/rejects/shop/sales/{1:020}-{name}.ndjson", "{}\n") for name in "xy"]
    os.utime(rejects[0], (long_ago, long_ago)) # of an attempt that no ledger names; the other may be at work
    would = steps(loaded("maintain", "--dry-run", "--json"), "sales")["vacuum"]["files_removed"]
    assert all(path.exists() for path in rejects)
    done = loaded("maintain", "--json")
    assert steps(done, "sales")["vacuum"]["files_removed"] == would >= 2
    assert [path.exists() for path in rejects] == [False, True]
    assert steps(done, "file_processing_tracker")["vacuum"]["problem"] is None
    assert steps(done, "table_status")["vacuum"]["problem"] is None
    assert not (loaded.dir / "lake/sales/part-left-behind.parquet").exists()
    loaded("validate-consistency")
    assert "Nothing to do" in loaded("run").out
    assert_sales_once(loaded, {day: 10 for day in range(1, 5)})


def test_a_step_that_fails_keeps_no_other_from_being_done(loaded):
    text = (loaded.dir / "silt.yaml").read_text()
    loaded.write("silt.yaml", text.replace("vacuum_retention_hours: 200", "vacuum_retention_hours: 1"))
    r = loaded("maintain", "--json", rc=5)
    done = steps(r, "sales")
    assert done["vacuum"]["problem"]["status"] and done["optimize"]["files_added"] == 1
    assert "✗ vacuum: " in loaded("maintain", rc=5).out


def test_without_a_policy_only_the_state_is_looked_after(silt):
    silt.write("silt.yaml", CONFIG % {"max_files": 9})
    assert not any(t["steps"] for t in silt("maintain", "--json").json["tables"])
    assert silt("maintain").out == ""
    people(silt, "a", {1: "Ann"})
    silt("run")
    names = [t["table_name"] for t in silt("maintain", "--json").json["tables"]]
    assert names == ["file_processing_tracker", "table_status", "runs"]
    assert read(silt, "people", "id") == [("1",)]


def test_wrong_policies(silt):
    silt.write("silt.yaml", (CONFIG % {"max_files": 9}).replace(
        "tables:", "defaults: {maintenance: {log_retention: soon, vacuum_retention_hours: 0}}\ntables:"))
    r = silt("maintain", rc=2)
    assert "log_retention: found \"soon\"; a length of time is allowed, as 30 days" in r.err
    assert "vacuum_retention_hours: found 0" in r.err
