"""Folders of Parquet files as targets: what independent readers of the folder find in it."""
import json
import shutil

import duckdb
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

PIPELINE = """\
pipeline: shop
checkpoint_path: state
tables:
  - table_name: sales
    source: {path: "inbox/*.csv"}
%s
"""


def configure(silt, text):
    silt.write("silt.yaml", PIPELINE % "\n".join("    " + line for line in text.splitlines()))


def put(silt, name, rows):
    lines = "".join(f"{key},{day},{name}\n" for key, day, name in rows)
    return silt.write(f"inbox/{name}.csv", "id,day,name\n" + lines)


def files(silt, folder="out"):
    """The files that readers find, by path in the folder."""
    root = silt.dir / folder
    found = [p.relative_to(root) for p in root.rglob("*") if p.is_file()]
    return sorted(str(p) for p in found if not p.parts[0].startswith(("_", ".")))


def read(silt, folder="out", columns=("id", "day", "name")):
    """The rows by pyarrow, which passes over hidden folders; DuckDB finds the same ones."""
    table = ds.dataset(silt.dir / folder, format="parquet",
                       partitioning=ds.partitioning(flavor="hive")).to_table()
    rows = sorted(tuple(row[c] for c in columns) for row in table.to_pylist())
    names = [str(silt.dir / folder / f) for f in files(silt, folder)]
    query = f"SELECT {', '.join(columns)} FROM read_parquet(?, hive_partitioning = true, union_by_name = true)"
    assert sorted(duckdb.execute(query, [names]).fetchall()) == rows
    return rows


def three_times(silt):
    """The second and third run change nothing."""
    first = silt("run", "--json").json
    stood = files(silt)
    for _ in range(2):
        again = silt("run", "--json").json
        assert again["total_files_processed"] == 0
        assert again["total_files_skipped"] == again["total_files_discovered"] > 0
        assert files(silt) == stood
    silt("validate-consistency")
    silt("prove")
    return first


A = [(1, "mon", "a"), (2, "tue", "a"), (3, "mon", "a")]
B = [(2, "tue", "b"), (4, "wed", "b"), (4, "wed", "b")]
C = [(9, "mon", "c")]


def load(silt, how):
    configure(silt, how)
    put(silt, "a", A)
    put(silt, "b", B)
    three_times(silt)
    first = read(silt)
    put(silt, "c", C)
    three_times(silt)
    return first, read(silt)


def test_append(silt):
    first, then = load(silt, "batch: {max_files: 1}\nwrite: {format: parquet, path: out}")
    assert first == sorted(A + B) and then == sorted(A + B + C)
    assert {name.split("-")[0] for name in files(silt)} == {"part"} and len(files(silt)) == 3
    marks = read(silt, columns=("id", "_source_file", "_batch_id"))
    assert marks[0] == (1, str(silt.dir / "inbox/a.csv"), 0) and marks[-1][2] == 2
    assert not (silt.dir / "out/_delta_log").exists()


def test_append_into_partitions(silt):
    _, then = load(silt, "write: {format: parquet, path: out, partition_by: [day]}")
    assert then == sorted(A + B + C)
    assert {name.split("/")[0] for name in files(silt)} == {"day=mon", "day=tue", "day=wed"}


def test_append_once(silt):
    how = "loading_strategy: append_once\nprimary_keys: [id]\nbatch: {max_files: 1}\n"
    first, then = load(silt, how + "write: {format: parquet, path: out}")
    assert first == sorted(A + [B[1]]) and then == sorted(first + C)
    run = silt("status", "--json").json["tables"][0]
    assert run["files_completed"] == 3


def test_append_once_takes_nulls_for_equal(silt):
    how = "loading_strategy: append_once\nprimary_keys: [day]\nbatch: {max_files: 1}\n"
    configure(silt, how + "write: {format: parquet, path: out}")
    silt.write("inbox/a.csv", "id,day,name\n1,,first\n2,,second\n3,x,third\n")
    silt.write("inbox/b.csv", "id,day,name\n4,,fourth\n5,x,fifth\n6,y,sixth\n")
    three_times(silt)
    assert sorted(row[0] for row in rows_of(silt)) == [1, 3, 6]


def rows_of(silt, folder="out"):
    table = ds.dataset(silt.dir / folder, format="parquet",
                       partitioning=ds.partitioning(flavor="hive")).to_table()
    return [(row["id"], row["day"], row["name"]) for row in table.to_pylist()]


def test_overwrite(silt):
    first, then = load(silt, "loading_strategy: overwrite\nwrite: {format: parquet, path: out}")
    assert first == sorted(A + B) and then == C
    assert len(files(silt)) == 1


def test_overwrite_of_partitions(silt):
    how = "loading_strategy: overwrite\n"
    first, then = load(silt, how + "write: {format: parquet, path: out, partition_by: [day],"
                                   " overwrite_partitions: true}")
    assert first == sorted(A + B)
    assert then == sorted(C + [row for row in A + B if row[1] != "mon"])


def test_overwrite_of_partitions_in_delta_tables(silt, read_deltalake):
    configure(silt, "loading_strategy: overwrite\nwrite: {path: out, partition_by: [day],"
                    " overwrite_partitions: true}")
    put(silt, "a", A)
    silt("run")
    put(silt, "b", B)
    silt("run")
    rows = read_deltalake(silt.dir / "out").to_pylist()
    kept = [row for row in A if row[1] == "mon"]
    assert sorted((r["id"], r["day"], r["name"]) for r in rows) == sorted(kept + B)
    silt("prove")


def test_upsert_within_partitions(silt):
    how = "loading_strategy: upsert\nprimary_keys: [day, id]\nbatch: {max_files: 1}\n"
    configure(silt, how + "write: {format: parquet, path: out, partition_by: [day]}")
    put(silt, "a", A)
    put(silt, "b", B[:2])
    three_times(silt)
    assert read(silt) == sorted([A[0], B[0], A[2], B[1]])
    untouched = [f for f in files(silt) if f.startswith("day=mon")]
    put(silt, "d", [(2, "tue", "d")])
    silt("run")
    assert (2, "tue", "d") in read(silt) and (2, "tue", "b") not in read(silt)
    assert [f for f in files(silt) if f.startswith("day=mon")] == untouched


def test_new_columns(silt):
    configure(silt, "on_new_column: evolve\nwrite: {format: parquet, path: out}")
    put(silt, "a", A)
    silt("run")
    silt.write("inbox/e.csv", "id,day,name,extra\n7,fri,e,more\n")
    three_times(silt)
    assert read(silt)[-1] == (7, "fri", "e")
    names = [str(silt.dir / "out" / f) for f in files(silt)]
    extra = duckdb.execute("SELECT extra FROM read_parquet(?, union_by_name = true) WHERE id IN (1, 7)"
                           " ORDER BY id", [names]).fetchall()
    assert extra == [(None,), ("more",)]


def test_new_columns_fail_unless_asked_for(silt):
    configure(silt, "write: {format: parquet, path: out}")
    put(silt, "a", A)
    silt("run")
    silt.write("inbox/e.csv", "id,day,name,extra\n7,fri,e,more\n")
    r = silt("run", rc=5)
    assert "extra" in r.err + r.out
    assert read(silt) == sorted(A)


def test_how_files_are_written(silt):
    configure(silt, "write: {format: parquet, path: out}\n"
                    "write_policy: {compression: zstd, row_group_rows: 2048}\nordering_keys: [name, id]")
    silt.write("inbox/a.csv", "id,day,name\n" + "".join(f"{i},x,{i % 3}\n" for i in range(9000)))
    silt("run")
    [name] = files(silt)
    meta = pq.read_metadata(silt.dir / "out" / name)
    assert meta.row_group(0).column(0).compression == "ZSTD" and meta.num_row_groups > 2
    rows = pq.read_table(silt.dir / "out" / name).select(["name", "id"]).to_pylist()
    assert [(r["name"], r["id"]) for r in rows] == sorted((r["name"], r["id"]) for r in rows)


def test_constraints(silt):
    configure(silt, "constraints: [{name: positive, check: id > 0}]\nwrite: {format: parquet, path: out}")
    put(silt, "a", A)
    put(silt, "bad", [(-1, "mon", "bad")])
    silt("run", rc=5)
    assert read(silt) == sorted(A)
    silt("validate-consistency", rc=None)


# ---- a file is unloaded, small ones are put together


def test_unload(silt):
    configure(silt, "batch: {max_files: 2}\nwrite: {format: parquet, path: out, partition_by: [day]}")
    for name, rows in (("a", A), ("b", B), ("c", C)):
        put(silt, name, rows)
    silt("run")
    silt("unload", "inbox/b.csv", "--yes")
    assert read(silt) == sorted(A + C)
    for _ in range(2):
        silt("run")
        assert read(silt) == sorted(A + C)
    silt("validate-consistency")
    silt("prove")
    silt("unload", "inbox/a.csv", "--again", "--yes")
    assert read(silt) == C
    silt("run")
    assert read(silt) == sorted(A + C)


def test_unload_says_what_to_do_where_it_cant(silt):
    configure(silt, "loading_strategy: overwrite\nwrite: {format: parquet, path: out}")
    put(silt, "a", A)
    silt("run")
    r = silt("unload", "inbox/a.csv", "--yes", rc=2)
    assert "it isn't loaded by appending" in r.err and "restore" not in r.err


def test_small_files_are_put_together(silt):
    configure(silt, "batch: {max_files: 1}\nwrite: {format: parquet, path: out}\n"
                    "maintenance: {optimize_below: 1MB}")
    for name, rows in (("a", A), ("b", B), ("c", C)):
        put(silt, name, rows)
    silt("run")
    assert len(files(silt)) == 3
    silt("maintain")
    assert len(files(silt)) == 1 and read(silt) == sorted(A + B + C)
    three_times(silt)
    assert read(silt) == sorted(A + B + C)


# ---- what crashes and others leave


@pytest.fixture
def loaded(silt):
    configure(silt, "batch: {max_files: 1}\nwrite: {format: parquet, path: out}")
    put(silt, "a", A)
    put(silt, "b", B)
    silt("run")
    return silt


def unplace(silt, name):
    """As a crash between commit and rename leaves it."""
    stage = silt.dir / "out/_silt/stage"
    stage.mkdir(exist_ok=True)
    (silt.dir / "out" / name).rename(stage / name)


def test_files_that_wait_for_their_names_get_them(loaded):
    unplace(loaded, files(loaded)[0])
    assert len(files(loaded)) == 1
    loaded("run")
    assert read(loaded) == sorted(A + B)
    loaded("validate-consistency")


def test_files_that_were_removed_and_are_back_go_again(silt):
    configure(silt, "loading_strategy: overwrite\nwrite: {format: parquet, path: out}")
    put(silt, "a", A)
    silt("run")
    [name] = files(silt)
    body = (silt.dir / "out" / name).read_bytes()
    put(silt, "c", C)
    silt("run")
    silt.write(f"out/{name}", body) # a power loss took the removal back
    assert len(files(silt)) == 2
    silt("run")
    assert read(silt) == C


def test_files_of_others_are_left_alone(loaded):
    shutil.copy(loaded.dir / "out" / files(loaded)[0], loaded.dir / "out/part-mine-0.parquet")
    shutil.copy(loaded.dir / "out" / files(loaded)[0], loaded.dir / "out/mine.parquet")
    loaded("run")
    assert {"part-mine-0.parquet", "mine.parquet"} <= set(files(loaded))


def test_files_that_are_gone_stop_it(loaded):
    name = files(loaded)[0]
    (loaded.dir / "out" / name).unlink()
    put(loaded, "c", C)
    for command in (["run"], ["validate-consistency"], ["prove"]):
        r = loaded(*command, rc=3 if command != ["run"] else None)
        assert r.rc in (1, 3) and "1 files of" in r.out + r.err and name in r.out + r.err
    assert len(files(loaded)) == 1


def test_a_lost_tracker(loaded):
    shutil.rmtree(loaded.dir / "state")
    three_times(loaded)
    assert read(loaded) == sorted(A + B)


def test_lost_ledgers(loaded):
    """The rows say which files they are from."""
    shutil.rmtree(loaded.dir / "state")
    shutil.rmtree(loaded.dir / "out/_silt/ledger")
    put(loaded, "c", C)
    loaded("run")
    assert read(loaded) == sorted(A + B + C)


def test_reset_and_forget(loaded):
    loaded("reset-state", "--yes")
    three_times(loaded)
    assert read(loaded) == sorted(A + B)


def test_two_pipelines_share_a_folder(silt):
    configure(silt, "write: {format: parquet, path: out}")
    put(silt, "a", A)
    silt("run")
    other = (silt.dir / "silt.yaml").read_text()
    silt.write("other.yaml", other.replace("shop", "other").replace("state", "state2")
               .replace("inbox/*.csv", "else.csv"))
    silt.write("else.csv", "id,day,name\n9,mon,c\n")
    silt("run", "--config", "other.yaml")
    assert read(silt) == sorted(A + C)
    for config in ("silt.yaml", "other.yaml"):
        silt("run", "--config", config)
    assert read(silt) == sorted(A + C)


# ---- what is refused


def test_folders_of_others(silt):
    configure(silt, "write: {format: parquet, path: out}")
    put(silt, "a", A)
    silt.write("out/readme.txt", "mine")
    r = silt("run", rc=None)
    assert "not empty: it holds files that Silt hasn't made" in r.out + r.err
    assert files(silt) == ["readme.txt"]


def test_delta_tables(silt):
    configure(silt, "write: {path: out}")
    put(silt, "a", A)
    silt("run")
    configure(silt, "write: {format: parquet, path: out}")
    r = silt("run", "--config", "silt.yaml", rc=None)
    shutil.rmtree(silt.dir / "state")
    r = silt("run", rc=None)
    assert "a Delta table: other files among its own" in r.out + r.err and "write.format: delta" in r.out + r.err


def test_raw_folders_are_no_delta_tables(loaded):
    loaded.write("silt.yaml", (loaded.dir / "silt.yaml").read_text().replace("format: parquet, ", ""))
    shutil.rmtree(loaded.dir / "state")
    r = loaded("run", rc=None)
    assert "raw files" in r.out + r.err or "not empty" in r.out + r.err
    assert read(loaded) == sorted(A + B)


@pytest.mark.parametrize("how, what", [
    ("loading_strategy: upsert\nprimary_keys: [id]\nwrite: {format: parquet, path: out}",
     "it needs write.partition_by, of primary_keys"),
    ("loading_strategy: upsert\nprimary_keys: [id]\n"
     "write: {format: parquet, path: out, partition_by: [day]}",
     "it needs write.partition_by, of primary_keys"),
    ("deletion_vectors: on\nwrite: {format: parquet, path: out}", "is for Delta tables"),
    ("schema_policy: {column_mapping_mode: name}\nwrite: {format: parquet, path: out}",
     "is for Delta tables"),
    ("write_policy: {cluster_by: [id]}\nwrite: {format: parquet, path: out}", "is for Delta tables"),
    ("write_policy: {stats_count: 3}\nwrite: {format: parquet, path: out}", "is for Delta tables"),
    ("maintenance: {vacuum_retention_hours: 1}\nwrite: {format: parquet, path: out}",
     "is for Delta tables"),
    ("write: {format: parquet, path: out, overwrite_partitions: true}", "is for overwrite"),
    ("loading_strategy: overwrite\nwrite: {format: parquet, path: out, overwrite_partitions: true}",
     "write.partition_by is missing"),
])
def test_what_raw_files_dont_have(silt, how, what):
    configure(silt, how)
    r = silt("check-config", rc=2)
    assert what in r.err and "silt.yaml:" in r.err


def test_the_log_is_compacted(silt):
    """A checkpoint now and then, so that a year of loads is read quickly."""
    configure(silt, "batch: {max_files: 1}\nwrite: {format: parquet, path: out}")
    for i in range(130):
        put(silt, f"f{i:03}", [(i, "x", f"f{i:03}")])
    silt("run")
    hint = json.loads((silt.dir / "out/_silt/log/_last_checkpoint").read_text())
    assert hint["version"] >= 90
    for f in (silt.dir / "out/_silt/log").glob("000000000000000000[0-4]?.json"):
        f.unlink()
    three_times(silt)
    assert len(read(silt)) == 130
