"""A Delta table as the source of another: bronze → silver, version by version, exactly once.

The sources are written by delta-rs, the targets are read by it."""
import os
import shutil
import signal
import subprocess

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from pipelines import commits, end

CONFIG = """\
pipeline: shop
checkpoint_path: state
retry_attempts: 2
tables:
  - table_name: silver
    source: {path: lake/bronze, format: delta%s}
%s    write: {path: lake/silver}
"""
FED = {"delta.enableChangeDataFeed": "true"}
KEYED = "    loading_strategy: upsert\n    primary_keys: [id]\n"


def configure(silt, strategy="", source=""):
    silt.write("silt.yaml", CONFIG % (source, strategy))


def rows(*items):
    """(id, name) pairs."""
    return pa.table({"id": pa.array([i for i, _ in items], pa.int64()),
                     "name": pa.array([n for _, n in items], pa.string())})


def bronze(silt, *items, mode="append", configuration=FED):
    path = str(silt.dir / "lake/bronze")
    there = DeltaTable.is_deltatable(path)
    write_deltalake(path, rows(*items), mode=mode, configuration=None if there else configuration)
    return DeltaTable(path)


def pairs(table):
    return sorted(zip(table["id"].to_pylist(), table["name"].to_pylist()),
                  key=lambda p: (p[0] is not None, p))


@pytest.fixture
def silver(silt, read_deltalake):
    return lambda: pairs(read_deltalake(silt.dir / "lake/silver"))


@pytest.fixture
def source(silt, read_deltalake):
    return lambda: pairs(read_deltalake(silt.dir / "lake/bronze"))


def run(silt, **kw):
    return silt("run", "--json", **kw).json


def failed(silt):
    """What a run that can't go on says."""
    result = silt("run", rc=None)
    assert result.rc in (1, 3, 5)
    return result.out


def assert_sound(silt):
    """Two more runs change nothing, and all that is kept agrees."""
    before = commits(silt, "lake/silver")
    for _ in range(2):
        assert run(silt)["total_files_processed"] == 0
    assert commits(silt, "lake/silver") == before
    silt("validate-consistency")
    silt("prove")


def changed(silt):
    """A source of a few versions: insert, insert, update, delete, key change, several of a key."""
    t = bronze(silt, (1, "a"), (2, "b"), (3, "c"))
    bronze(silt, (4, "d"), (5, "e"))
    t = DeltaTable(t.table_uri)
    t.update(predicate="id = 2", updates={"name": "'B'"})
    t.delete("id = 3")
    t.update(predicate="id = 5", updates={"id": "50"})
    t.update(predicate="id = 1", updates={"name": "'A'"})
    t.update(predicate="id = 1", updates={"name": "'AA'"})
    bronze(silt, (3, "again"), (None, "nil"))
    return DeltaTable(t.table_uri)


# ---- append


def test_append_takes_a_snapshot_and_then_what_comes(silt, silver, source, read_deltalake):
    configure(silt)
    bronze(silt, (1, "a"), (2, "b"))
    bronze(silt, (3, "c"))
    result = run(silt)
    assert (result["total_files_processed"], result["rows"]) == (1, 3)
    assert_sound(silt)
    bronze(silt, (4, "d"))
    bronze(silt, (5, "e"), (6, "f"))
    result = run(silt)
    assert (result["total_files_processed"], result["rows"]) == (2, 3)
    assert silver() == source()
    t = read_deltalake(silt.dir / "lake/silver")
    place = str(silt.dir / "lake/bronze")
    assert sorted(set(t["_source_file"].to_pylist())) == [
        f"{place}@snapshot-v1", f"{place}@v2", f"{place}@v3"]
    assert sorted(set(t["_batch_id"].to_pylist())) == [0, 1]
    assert_sound(silt)
    status = silt("status", "--json").json["tables"][0]
    assert (status["files_completed"], status["files_pending"]) == (3, 0)


@pytest.mark.parametrize("configuration", [FED, None])
def test_rearrangements_give_nothing(silt, silver, source, configuration):
    configure(silt)
    for i in range(5):
        t = bronze(silt, (i, "x"), configuration=configuration)
    run(silt)
    t.optimize.compact()
    assert run(silt)["total_files_processed"] == 0
    assert_sound(silt)
    bronze(silt, (9, "y"))
    t = DeltaTable(t.table_uri)
    t.optimize.compact()
    assert run(silt)["total_files_processed"] == 1
    assert silver() == source()
    assert_sound(silt)


def test_append_stops_before_what_it_cant_take(silt, silver):
    configure(silt)
    t = bronze(silt, (1, "a"), (2, "b"))
    run(silt)
    bronze(silt, (3, "c"))
    DeltaTable(t.table_uri).delete("id = 1")
    bronze(silt, (4, "d"))
    result = silt("run", rc=None)
    assert result.rc in (1, 5)
    assert "@v2: version 2 updates or deletes 1 rows, and append only adds rows" in result.out
    assert "on_source_change: ignore" in result.out
    assert silver() == [(1, "a"), (2, "b"), (3, "c")]  # what came before is there
    assert "@v2" in failed(silt)
    configure(silt, source=", on_source_change: ignore")
    assert run(silt)["rows"] == 1
    assert silver() == [(1, "a"), (2, "b"), (3, "c"), (4, "d")]
    assert_sound(silt)


def test_without_a_feed_only_appends_can_be_told(silt, silver):
    configure(silt)
    t = bronze(silt, (1, "a"), (2, "b"), configuration=None)
    run(silt)
    bronze(silt, (3, "c"))
    assert run(silt)["rows"] == 1
    DeltaTable(t.table_uri).delete("id = 1")
    error = failed(silt)
    assert "the change data feed was off" in error and "delta.enableChangeDataFeed=true" in error
    assert silver() == [(1, "a"), (2, "b"), (3, "c")]


@pytest.mark.parametrize("start, wanted", [
    ("starting_version: 1", [(3, "c"), (4, "d")]),
    ("starting_version: earliest", [(1, "a"), (2, "b"), (3, "c"), (4, "d")]),
    ("starting_version: latest", []),
    ("starting_timestamp: 2020-01-01", [(1, "a"), (2, "b"), (3, "c"), (4, "d")])])
def test_where_a_load_begins(silt, silver, start, wanted):
    configure(silt, source=", " + start)
    bronze(silt, (1, "a"), (2, "b"))
    bronze(silt, (3, "c"))
    bronze(silt, (4, "d"))
    run(silt)
    assert silver() == wanted
    assert_sound(silt)
    shutil.rmtree(silt.dir / "state")  # where it began isn't forgotten with the tracker
    bronze(silt, (5, "e"))
    run(silt)
    assert silver() == wanted + [(5, "e")]
    assert_sound(silt)


def test_batches_are_limited(silt, silver, source):
    configure(silt, "    batch: {max_files: 2}\n", ", starting_version: earliest")
    for i in range(5):
        bronze(silt, (i, "x"))
    run(silt)
    assert silver() == source()
    assert commits(silt, "lake/silver") == 1 + 3


# ---- upsert


@pytest.mark.parametrize("start", ["", ", starting_version: earliest"])
@pytest.mark.parametrize("size", [1, 100])
def test_upsert_follows_all_changes(silt, silver, source, start, size):
    configure(silt, KEYED + f"    batch: {{max_files: {size}}}\n", start)
    changed(silt)
    run(silt)
    assert silver() == source()
    assert_sound(silt)
    t = DeltaTable(str(silt.dir / "lake/bronze"))
    t.update(predicate="id = 4", updates={"name": "'D'"})
    t.delete("id = 50")
    t.delete("id is null")
    bronze(silt, (7, "g"))
    t = DeltaTable(t.table_uri)
    t.update(predicate="id = 7", updates={"id": "8"})
    run(silt)
    assert silver() == source()
    assert_sound(silt)


def test_upsert_keeps_what_the_source_deletes(silt, silver):
    configure(silt, KEYED, ", on_source_change: ignore")
    t = bronze(silt, (1, "a"), (2, "b"))
    run(silt)
    t.delete("id = 1")
    t.update(updates={"name": "'B'"})
    run(silt)
    assert silver() == [(1, "a"), (2, "B")]
    assert_sound(silt)


def test_upsert_stops_before_deletes_if_told(silt, silver):
    configure(silt, KEYED, ", on_source_change: fail")
    t = bronze(silt, (1, "a"), (2, "b"))
    run(silt)
    t.update(predicate="id = 1", updates={"name": "'A'"})
    t.delete("id = 2")
    assert "@v2: version 2 deletes 1 rows" in failed(silt)
    assert silver() == [(1, "A"), (2, "b")]


def test_a_key_twice_in_a_version(silt):
    configure(silt, KEYED)
    bronze(silt, (1, "a"), (1, "b"))
    assert "1 keys stand in more than one row" in failed(silt)


def test_overwritten_source(silt, silver, source):
    configure(silt, KEYED)
    bronze(silt, (1, "a"), (2, "b"))
    run(silt)
    bronze(silt, (2, "B"), (3, "c"), mode="overwrite")
    run(silt)
    assert silver() == source() == [(2, "B"), (3, "c")]
    assert_sound(silt)


# ---- the other strategies


def test_append_once(silt, silver):
    configure(silt, "    loading_strategy: append_once\n    primary_keys: [id]\n")
    bronze(silt, (1, "a"), (2, "b"))
    run(silt)
    bronze(silt, (2, "other"), (3, "c"))
    run(silt)
    assert silver() == [(1, "a"), (2, "b"), (3, "c")]
    assert_sound(silt)


def test_overwrite_takes_the_latest_version(silt, silver, source):
    configure(silt, "    loading_strategy: overwrite\n")
    t = changed(silt)
    assert run(silt)["total_files_processed"] == 1
    assert silver() == source()
    assert_sound(silt)
    t.delete("id = 1")
    bronze(silt, (9, "z"))
    assert run(silt)["total_files_processed"] == 1
    assert silver() == source()
    t = DeltaTable(t.table_uri)
    t.optimize.compact()
    assert_sound(silt)


def test_scd2_keeps_all_versions(silt, read_deltalake):
    configure(silt, "    loading_strategy: scd2\n    primary_keys: [id]\n    tracking_columns: [name]\n"
                    "    scd2_effective_from: _commit_timestamp\n",
              ", change_columns: [_commit_timestamp]")
    t = bronze(silt, (1, "a"), (2, "b"))
    made = {version: 1_700_000_000_123 + version for version in range(3)}

    def date(version): # in-commit timestamps are off: times are those of files
        os.utime(silt.dir / f"lake/bronze/_delta_log/{version:020}.json", ns=(0, made[version] * 10**6))
    date(0)
    run(silt)
    t.update(predicate="id = 1", updates={"name": "'A'"})
    t.update(predicate="id = 1", updates={"name": "'AA'"})
    date(1), date(2)
    run(silt)
    got = read_deltalake(silt.dir / "lake/silver").to_pylist()
    versions = sorted((r["id"], r["name"], round(r["effective_date"].timestamp() * 1000),
                       r["is_current"]) for r in got)
    assert [(i, n, c) for i, n, _, c in versions] == [
        (1, "A", False), (1, "AA", True), (1, "a", False), (2, "b", True)]
    for i, n, at, _ in versions:
        version = {"a": 0, "b": 0, "A": 1, "AA": 2}[n]
        assert at == made[version]
    assert_sound(silt)
    t = DeltaTable(t.table_uri)
    t.delete("id = 2")
    assert run(silt)["tables"][0]["rows_updated"] == 1
    got = read_deltalake(silt.dir / "lake/silver").to_pylist()
    assert sorted(r["name"] for r in got if r["is_current"]) == ["AA"]
    assert_sound(silt)


# ---- columns


def test_columns_of_the_feed_and_of_lineage(silt, read_deltalake):
    configure(silt, source=", change_columns: [_change_type, _commit_version]")
    silt.write("a/1.csv", "id,name\n1,a\n")
    silt.write("bronze.yaml", "pipeline: raw\ncheckpoint_path: raw\ntables:\n  - table_name: bronze\n"
                              "    source: {path: 'a/*.csv'}\n    write: {path: lake/bronze}\n")
    silt("run", "--config", "bronze.yaml")
    run(silt)
    silt.write("a/2.csv", "id,name\n2,b\n")
    silt("run", "--config", "bronze.yaml")
    run(silt)
    t = read_deltalake(silt.dir / "lake/silver").to_pylist()
    assert sorted((r["id"], r["_change_type"], r["_commit_version"]) for r in t) == [
        (1, "insert", 1), (2, "insert", 2)]
    assert all("lake/bronze@" in r["_source_file"] for r in t)
    assert_sound(silt)


def test_new_columns_go_by_on_new_column(silt, read_deltalake):
    configure(silt)
    t = bronze(silt, (1, "a"))
    run(silt)
    wide = rows((2, "b")).append_column("more", pa.array([1.5]))
    write_deltalake(t.table_uri, wide, mode="append", schema_mode="merge")
    write_deltalake(t.table_uri, rows((3, "c")), mode="append", schema_mode="merge")
    result = silt("run", rc=None)
    assert "the table doesn't have the column more" in result.out
    failed(silt)  # its last try
    write_deltalake(t.table_uri, rows((4, "d")), mode="append", schema_mode="merge")
    assert "versions of a source table are loaded in order, and those behind" in failed(silt)
    configure(silt, "    on_new_column: evolve\n")
    silt("run", "--retry-failed")
    got = sorted((r["id"], r["more"]) for r in read_deltalake(silt.dir / "lake/silver").to_pylist())
    assert got == [(1, None), (2, 1.5), (3, None), (4, None)]
    assert_sound(silt)


# ---- a source that isn't what it was


def test_another_table_in_its_place(silt, silver):
    configure(silt)
    bronze(silt, (1, "a"))
    run(silt)
    shutil.rmtree(silt.dir / "lake/bronze")
    bronze(silt, (8, "other"))
    assert "is another table" in failed(silt)
    assert silver() == [(1, "a")]
    silt("reset-state", "--table", "silver", "--forget", "--delete-rows", "--yes")
    run(silt)
    assert silver() == [(8, "other")]
    assert_sound(silt)


def test_a_source_that_went_back(silt, silver):
    configure(silt)
    bronze(silt, (1, "a"))
    shutil.copytree(silt.dir / "lake/bronze", silt.dir / "backup")
    bronze(silt, (2, "b"))
    run(silt)
    shutil.rmtree(silt.dir / "lake/bronze")
    shutil.copytree(silt.dir / "backup", silt.dir / "lake/bronze")
    assert "went back: version 1 was loaded, and now its latest is 0" in failed(silt)
    bronze(silt, (3, "c"))
    assert "that version is another commit now" in failed(silt)
    assert silver() == [(1, "a"), (2, "b")]


def test_a_restored_source_is_followed(silt, silver, source):
    configure(silt, KEYED)
    t = bronze(silt, (1, "a"), (2, "b"))
    run(silt)
    t.update(predicate="id = 1", updates={"name": "'A'"})
    bronze(silt, (3, "c"))
    run(silt)
    DeltaTable(t.table_uri).restore(0)
    run(silt)
    assert silver() == source() == [(1, "a"), (2, "b")]
    assert_sound(silt)


def test_a_log_that_was_cleaned(silt, silver):
    configure(silt)
    t = bronze(silt, (1, "a"))
    run(silt)
    bronze(silt, (2, "b"))
    bronze(silt, (3, "c"))
    t = DeltaTable(t.table_uri)
    t.create_checkpoint()
    for v in (0, 1):
        (silt.dir / f"lake/bronze/_delta_log/{v:020}.json").unlink()
    error = failed(silt)
    assert "version 1 has been cleaned from the table's log" in error and "--forget" in error
    assert silver() == [(1, "a")]
    silt("reset-state", "--table", "silver", "--forget", "--delete-rows", "--yes")
    run(silt)
    assert silver() == [(1, "a"), (2, "b"), (3, "c")]
    assert_sound(silt)


def test_files_that_were_vacuumed(silt, silver):
    configure(silt, KEYED)
    t = bronze(silt, (1, "a"))
    run(silt)
    bronze(silt, (2, "b"))
    t = DeltaTable(t.table_uri)
    t.optimize.compact()
    t.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    error = failed(silt)
    assert "@v1" in error and "vacuum" in error
    assert silver() == [(1, "a")]


def test_a_source_in_another_place_goes_on(silt, silver, source):
    configure(silt)
    bronze(silt, (1, "a"))
    run(silt)
    (silt.dir / "lake/bronze").rename(silt.dir / "lake/copper")
    silt.write("silt.yaml", CONFIG.replace("lake/bronze", "lake/copper") % ("", ""))
    write_deltalake(str(silt.dir / "lake/copper"), rows((2, "b")), mode="append")
    assert run(silt)["rows"] == 1
    assert silver() == [(1, "a"), (2, "b")]
    assert_sound(silt)


# ---- crashes, lost state


@pytest.mark.parametrize("strategy", ["", KEYED])
def test_a_lost_tracker(silt, silver, source, strategy):
    configure(silt, strategy)
    bronze(silt, (1, "a"), (2, "b"))
    run(silt)
    bronze(silt, (3, "c"))
    run(silt)
    shutil.rmtree(silt.dir / "state")
    bronze(silt, (4, "d"))
    assert run(silt)["rows"] == 1
    assert silver() == source()
    assert_sound(silt)


@pytest.mark.parametrize("strategy", ["", KEYED])
def test_killed_at_any_time(silt, silver, source, strategy):
    configure(silt, strategy + "    batch: {max_files: 2}\n")
    bronze(silt, *[(i, "x") for i in range(100)])
    for i in range(9): # after ten crashes it would be the version's fault
        bronze(silt, (1000 + i, "y"))
        p = silt.start("run") if i else silt.hold(silt.intents)
        try:
            p.wait(0.03 * i)
        except subprocess.TimeoutExpired:
            p.kill()
        assert end(p)[0] in (-signal.SIGKILL, 0)
    run(silt)
    assert silver() == source()
    assert not list((silt.dir / "state").glob("_silt/scratch/*"))
    assert_sound(silt)


# ---- companions


def test_plan_and_unload(silt, silver):
    configure(silt)
    bronze(silt, (1, "a"))
    plan = silt("run", "--dry-run", "--json").json["tables"][0]
    assert plan["files_waiting"] == 1 and not (silt.dir / "lake/silver").exists()
    run(silt)
    bronze(silt, (2, "b"))
    plan = silt("run", "--dry-run", "--json").json["tables"][0]
    assert plan["files_waiting"] == 1
    run(silt)
    silt("unload", "lake/bronze@v1", "--yes")
    assert silver() == [(1, "a")]
    assert_sound(silt)
    silt("unload", "lake/bronze@snapshot-v0", "--again", "--yes")
    assert silver() == []
    run(silt)
    assert silver() == [(1, "a")]
    assert_sound(silt)


def test_the_sources_of_a_proof(silt):
    configure(silt)
    t = bronze(silt, (1, "a"))
    run(silt)
    bronze(silt, (2, "b"))
    run(silt)
    proof = silt("prove", "--sources", "--json").json["tables"][0]
    assert (proof["files_hashed"], proof["files_gone"]) == (2, 0)
    shutil.rmtree(silt.dir / "lake/bronze")
    proof = silt("prove", "--sources", "--json").json["tables"][0]
    assert (proof["files_hashed"], proof["files_gone"]) == (0, 2)
    bronze(silt, (1, "a"))
    bronze(silt, (2, "b"))
    assert "isn't what batch" in silt("prove", "--sources", rc=3).out
    assert t.version() == 0


def test_a_pipeline_of_both(silt, silver, source):
    """The table that is the source of another is loaded first, wherever it stands."""
    silt.write("silt.yaml", CONFIG % ("", KEYED) + """\
  - table_name: bronze
    source: {path: "inbox/*.csv"}
    loading_strategy: upsert
    primary_keys: [id]
    write: {path: lake/bronze}
""")
    silt.write("inbox/none.txt", "")
    silt("run")
    silt.write("inbox/1.csv", "id,name\n1,a\n2,b\n")
    assert [t["table_name"] for t in run(silt)["tables"]] == ["bronze", "silver"]
    assert silver() == [(1, "a"), (2, "b")]
    silt("alter", "lake/bronze", "--set-property", "delta.enableChangeDataFeed=true")
    silt.write("inbox/2.csv", "id,name\n2,B\n3,c\n")
    run(silt)
    assert silver() == source() == [(1, "a"), (2, "B"), (3, "c")]
    assert_sound(silt)


@pytest.mark.parametrize("source, strategy, wanted", [
    (", starting_version: newest", "", "earliest, latest, or a version is allowed"),
    (", starting_version: 1, starting_timestamp: 2024-01-01", "", "write one of them"),
    (", on_source_change: apply", "", "append doesn't delete rows"),
    (", on_source_change: apply", "    loading_strategy: scd2\n    primary_keys: [id]\n    tracking_columns: [name]\n"
     "    scd2_effective_from: at\n", "at says since when a row is true, not when it was deleted"),
    (", recursive: true", "", "is about files; the source is a Delta table"),
    (", max_age: 30 days", "", "source.max_age: is about files; the source is a Delta table"),
    (", success_marker: _SUCCESS", "", "source.success_marker: is about files; the source is a Delta table"),
    (", order: mtime", "", "source.order: is about files; the source is a Delta table"),
    (", manifest: list.txt", "", "source.manifest: is about files; the source is a Delta table"),
    ("", "    settle_seconds: 60\n", "settle_seconds: is about files; the source is a Delta table"),
    (", change_columns: [_x]", "", "allowed: _change_type, _commit_version, _commit_timestamp"),
    ("", "    on_change: reload\n", "is about files; the source is a Delta table"),
    (", starting_version: 1", "    loading_strategy: overwrite\n", "overwrite takes all rows")])
def test_what_is_refused(silt, source, strategy, wanted):
    configure(silt, strategy, source)
    assert wanted in silt("check-config", rc=2).err


def test_no_such_source(silt):
    configure(silt)
    assert "correct source.path" in failed(silt)
