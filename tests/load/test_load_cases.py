"""What a load does with files as people have them, and with state as accidents leave it."""
import json
import os
import shutil

import pytest


class Load:
    """A pipeline with one table `t` in lake/t from in/*.csv."""

    def __init__(self, silt):
        self.silt = silt
        self.config()
        silt.write("in/.keep", "")

    def config(self, pipeline="p", **table):
        write = {"path": "lake/t", **table.pop("write", {})}
        self.silt.write("silt.json", json.dumps({
            "pipeline": pipeline, "checkpoint_path": "state",
            "tables": [{"table_name": "t", "source": {"path": "in/*.csv"}, "loading_strategy": "append",
                        **table, "write": write}]}))

    def file(self, name, text):
        return self.silt.write(f"in/{name}", text)

    def run(self, *more, rc=0):
        return self.silt("run", "--config", "silt.json", "--json", *more, rc=rc).json

    def rows(self, *columns):
        out = self.silt("read", "lake/t", "--format", "json").out
        rows = [json.loads(line) for line in out.splitlines()]
        return sorted([tuple(r[c] for c in columns) for r in rows], key=repr)

    def validate(self, rc=0):
        return self.silt("validate-consistency", "--config", "silt.json", "--json", rc=rc).json

    def status(self):
        return self.silt("status", "--config", "silt.json", "--json").json


def said(result):
    return result.out + result.err


@pytest.fixture
def load(silt):
    return Load(silt)


# ---- headers --------------------------------------------------------------------------------------

def test_columns_are_matched_by_name(load):
    load.file("1.csv", "a,b\n1,x\n")
    load.run()
    load.file("2.csv", "b,a\ny,2\n")
    load.run()
    assert load.rows("a", "b") == [(1, "x"), (2, "y")]


def test_both_orders_in_one_batch(load):
    load.file("1.csv", "a,b\n1,x\n")
    load.file("2.csv", "b,a\ny,2\n")
    assert load.run()["rows"] == 2
    assert load.rows("a", "b") == [(1, "x"), (2, "y")]


def test_a_foreign_header_fails_its_file_alone(load):
    load.file("1.csv", "a,b\n1,x\n")
    load.run()
    load.file("2.csv", "p,q\n7,8\n")
    load.file("3.csv", "a,b\n3,z\n")
    result = load.run(rc=5)
    assert (result["total_files_processed"], result["total_files_failed"]) == (1, 1)
    assert load.rows("a", "b") == [(1, "x"), (3, "z")]


def test_an_extra_column_fails_by_default(load):
    load.file("1.csv", "a,b\n1,x\n")
    load.run()
    load.file("2.csv", "a,b,c\n2,y,9\n")
    result = load.silt("run", "--config", "silt.json", rc=5)
    assert "c" in said(result) and "on_new_column" in said(result)
    assert load.rows("a", "b") == [(1, "x")]
    load.config(on_new_column="evolve")
    assert load.run()["rows"] == 1
    assert load.rows("a", "b", "c") == [(1, "x", None), (2, "y", 9)]


def test_a_missing_column_is_null(load):
    load.file("1.csv", "a,b\n1,x\n")
    load.run()
    load.file("2.csv", "a\n2\n")
    load.run()
    assert load.rows("a", "b") == [(1, "x"), (2, None)]


def test_types_are_the_tables_not_the_files(load):
    load.file("1.csv", "a,zip\n1,01234x\n")
    load.run()
    load.file("2.csv", "a,zip\n2,01234\n")
    load.run()
    assert load.rows("a", "zip") == [(1, "01234x"), (2, "01234")]


def test_a_value_that_does_not_fit_fails_its_file(load):
    load.file("1.csv", "a\n1\n")
    load.run()
    load.file("2.csv", "a\n2\nthree\n")
    out = load.silt("run", "--config", "silt.json", rc=5)
    assert "2.csv" in said(out) and "three" in said(out)
    assert load.rows("a") == [(1,)]
    load.file("2.csv", "a\n2\n3\n")
    load.run()
    assert load.rows("a") == [(1,), (2,), (3,)]


@pytest.mark.parametrize("text, rows", [("", 0), ("a,b\n", 0), ("a,b", 0), ("a,b\n1,x", 1),
                                        ("\ufeffa,b\r\n1,x\r\n", 1), ('a,b\n1,"x\ny"\n', 1)])
def test_odd_files(load, text, rows):
    load.file("1.csv", "a,b\n0,first\n")
    load.run()
    load.file("2.csv", text)
    assert load.run()["rows"] == rows
    assert len(load.rows("a", "b")) == 1 + rows
    assert load.run()["total_files_processed"] == 0
    load.validate()


# ---- files that change ----------------------------------------------------------------------------

def test_a_file_that_is_touched_is_followed(load):
    path = load.file("1.csv", "a\n1\n")
    load.run()
    os.utime(path, ns=(1, 10**18))
    result = load.run()
    assert result["total_files_processed"] == 0
    assert load.rows("a") == [(1,)]
    assert load.status()["tables"][0]["files_changed"] == 0


def test_a_loaded_file_that_changes_is_ignored_with_a_warning(load):
    load.file("1.csv", "a\n1\n")
    load.run()
    load.file("1.csv", "a\n1\n2\n")
    out = load.silt("run", "--config", "silt.json")
    assert "1.csv" in said(out) and "changed" in said(out)
    assert load.rows("a") == [(1,)]
    load.config(on_change="error")
    load.silt("run", "--config", "silt.json", rc=1)
    assert load.rows("a") == [(1,)]


def test_a_failed_file_is_tried_retry_attempts_times(load):
    load.file("1.csv", "a\n1\n")
    load.run()
    load.file("2.csv", "a\nx\n")
    for _ in range(3):
        assert load.run(rc=5)["total_files_failed"] == 1
    assert load.run()["total_files_failed"] == 0
    assert load.status()["tables"][0]["files_failed"] == 1
    load.file("2.csv", "a\n2\n")
    assert load.run("--retry-failed")["total_files_processed"] == 1
    assert load.rows("a") == [(1,), (2,)]


# ---- state ----------------------------------------------------------------------------------------

def test_a_lost_tracker(load):
    for i in range(5):
        load.file(f"{i}.csv", f"a\n{i}\n")
        load.run()
    shutil.rmtree(load.silt.dir / "state")
    assert load.run()["total_files_processed"] == 0
    assert load.rows("a") == [(i,) for i in range(5)]
    load.validate()


def test_an_old_tracker(load):
    load.file("1.csv", "a\n1\n")
    load.run()
    shutil.copytree(load.silt.dir / "state", load.silt.dir / "state.old")
    load.file("2.csv", "a\n2\n")
    load.run()
    shutil.rmtree(load.silt.dir / "state")
    os.rename(load.silt.dir / "state.old", load.silt.dir / "state")
    load.file("3.csv", "a\n3\n")
    assert load.run()["total_files_processed"] == 1
    assert load.rows("a") == [(1,), (2,), (3,)]
    load.validate()


def test_lost_tracker_and_ledgers(load):
    for i in range(3):
        load.file(f"{i}.csv", f"a\n{i}\n")
        load.run()
    shutil.rmtree(load.silt.dir / "state")
    shutil.rmtree(load.silt.dir / "lake/t/_silt")
    assert load.run()["total_files_processed"] == 0
    assert load.rows("a") == [(0,), (1,), (2,)]


def test_lost_tracker_and_ledgers_of_an_upsert_are_undecidable(load):
    load.config(loading_strategy="upsert", write={"keys": ["a"]})
    load.file("1.csv", "a\n1\n")
    load.run()
    shutil.rmtree(load.silt.dir / "state")
    shutil.rmtree(load.silt.dir / "lake/t/_silt")
    load.silt("run", "--config", "silt.json", rc=3)
    assert load.rows("a") == [(1,)]


def test_a_target_of_before_is_not_loaded_into(load):
    load.file("1.csv", "a\n1\n")
    load.run()
    shutil.copytree(load.silt.dir / "lake", load.silt.dir / "lake.old")
    load.file("2.csv", "a\n2\n")
    load.run()
    shutil.rmtree(load.silt.dir / "lake")
    os.rename(load.silt.dir / "lake.old", load.silt.dir / "lake")
    load.file("3.csv", "a\n3\n")
    out = load.silt("run", "--config", "silt.json", rc=3)
    assert "2.csv" in said(out) and "reset-state" in said(out)
    load.validate(rc=3)
    load.silt("reset-state", "--config", "silt.json", "--yes")
    assert load.run()["total_files_processed"] == 2
    assert load.rows("a") == [(1,), (2,), (3,)]


def test_a_target_that_was_deleted(load):
    load.file("1.csv", "a\n1\n")
    load.run()
    shutil.rmtree(load.silt.dir / "lake")
    load.silt("run", "--config", "silt.json", rc=3)
    out = load.silt("reset-state", "--config", "silt.json", "--table", "t", "--yes", rc=2)
    assert "leave out --table" in out.err
    load.silt("reset-state", "--config", "silt.json", "--yes")
    assert load.run()["total_files_processed"] == 1
    assert load.rows("a") == [(1,)]


def test_rows_that_somebody_deleted(load):
    import deltalake
    load.file("1.csv", "a\n1\n2\n")
    load.run()
    deltalake.DeltaTable(load.silt.dir / "lake/t").delete("a = 1")
    load.file("2.csv", "a\n3\n")
    load.silt("run", "--config", "silt.json", rc=3)
    assert load.rows("a") == [(2,)]
    load.silt("reset-state", "--config", "silt.json", "--table", "t", "--yes")
    assert load.run()["total_files_processed"] == 1
    assert load.rows("a") == [(2,), (3,)]


def test_a_compaction_by_somebody_is_no_loss(load):
    import deltalake
    for i in range(3):
        load.file(f"{i}.csv", f"a\n{i}\n")
        load.run()
    deltalake.DeltaTable(load.silt.dir / "lake/t").optimize.compact()
    load.file("3.csv", "a\n3\n")
    assert load.run()["total_files_processed"] == 1
    load.validate()


def test_forget_loads_again(load):
    load.file("1.csv", "a\n1\n")
    load.run()
    load.silt("reset-state", "--config", "silt.json", "--yes", "--forget")
    assert load.run()["total_files_processed"] == 1
    assert load.rows("a") == [(1,), (1,)]
    assert load.run()["total_files_processed"] == 0
    shutil.rmtree(load.silt.dir / "state")
    assert load.run()["total_files_processed"] == 0, "what came after the epoch is known by the ledgers"


@pytest.mark.parametrize("garbage", [b"", b"{", b"\x00\xff garbage", b'{"pid": "x"}'])
def test_a_garbage_lock_file(load, garbage):
    load.file("1.csv", "a\n1\n")
    load.silt.write("state/pipeline.lock", garbage)
    assert load.run()["total_files_processed"] == 1
    assert not (load.silt.dir / "state/pipeline.lock").exists()


@pytest.mark.parametrize("what", ["_delta_log/00000000000000000000.json", "parquet"])
def test_a_garbage_tracker(load, what):
    load.file("1.csv", "a\n1\n")
    load.run()
    tracker = load.silt.dir / "state/file_processing_tracker"
    for crc in tracker.glob("_delta_log/*.crc"):
        crc.unlink()
    targets = list(tracker.glob("*.parquet")) if what == "parquet" else [tracker / what]
    for path in targets:
        path.write_bytes(b"garbage")
    load.file("2.csv", "a\n2\n")
    out = load.silt("run", "--config", "silt.json", rc=3)
    assert "reset-state" in said(out)
    load.silt("reset-state", "--config", "silt.json", "--yes")
    assert load.run()["total_files_processed"] == 1
    assert load.rows("a") == [(1,), (2,)]


def test_another_pipelines_state_is_refused(load):
    load.file("1.csv", "a\n1\n")
    load.run()
    load.config(pipeline="other")
    out = load.silt("run", "--config", "silt.json", rc=2)
    assert "'p'" in said(out) and "checkpoint_path" in said(out)


def test_a_target_that_holds_something_else(load):
    load.file("1.csv", "a\n1\n")
    load.silt.write("lake/t/notes.txt", "mine")
    out = load.silt("run", "--config", "silt.json", rc=None)
    assert out.rc in (1, 2) and "not a Delta table" in said(out)
    assert (load.silt.dir / "lake/t/notes.txt").read_text() == "mine"
    assert not (load.silt.dir / "lake/t/_delta_log").exists()


def test_a_kill_in_the_middle(load):
    for i in range(40):
        load.file(f"{i:02}.csv", "a\n" + "".join(f"{i * 1000 + j}\n" for j in range(1000)))
    load.config(batch={"max_files": 2})
    run = load.silt.hold(lambda: load.silt.intents() >= 4, "--config", "silt.json")
    run.kill()
    run.communicate()
    before = len(load.rows("a"))
    load.run()
    assert before == 6000 # three batches
    assert load.rows("a") == sorted([(i,) for i in range(40000)], key=repr)
    load.validate()
    assert load.run()["total_files_processed"] == 0


# ---- upsert ---------------------------------------------------------------------------------------

def test_upsert_without_newest_wins_refuses_duplicate_keys(load):
    load.config(loading_strategy="upsert", write={"keys": ["a"]})
    load.file("1.csv", "a,v\n1,x\n1,y\n")
    out = load.silt("run", "--config", "silt.json", rc=1)
    assert "1.csv" in said(out) and "dedup_strategy" in said(out)
    load.file("1.csv", "a,v\n1,x\n,null key\n")
    load.run()
    load.file("2.csv", "a,v\n1,z\n,null again\n2,new\n")
    [t] = load.run()["tables"]
    assert (t["rows_inserted"], t["rows_updated"]) == (1, 2)
    assert load.rows("a", "v") == [(1, "z"), (2, "new"), (None, "null again")]
    load.validate()


# ---- time -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("rows", [1, 1_200_000])
def test_a_batch_that_takes_too_long_is_given_up(load, rows):
    """While the engine is at work, or before the commit, where each of its queries was short."""
    load.file("1.csv", "a,b\n" + "".join(f"{i},{'x' * 40}{i % 977}\n" for i in range(rows)))
    config = json.loads((load.silt.dir / "silt.json").read_text())
    (load.silt.dir / "silt.json").write_text(json.dumps({**config, "timeout_minutes": 0.00002, "threads": 1}))
    out = load.silt("run", "--config", "silt.json", rc=1)
    assert "timeout_minutes" in said(out) and "batch.max" in said(out)
    [t] = load.status()["tables"]
    assert (t["files_processing"], t["files_failed"]) == (0, 0), "it isn't the file's fault"
    load.validate()
    (load.silt.dir / "silt.json").write_text(json.dumps(config))
    assert load.run()["rows"] == rows
    load.validate()
