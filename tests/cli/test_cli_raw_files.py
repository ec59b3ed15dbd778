"""Folders of Parquet and CSV files as targets: what independent readers of the folder find in it."""
import csv
import datetime
import decimal
import json
import math
import shutil

import duckdb
import pyarrow as pa
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
    text = text.replace("format: parquet", f"format: {silt.raw}")
    silt.write("silt.yaml", PIPELINE % "\n".join("    " + line for line in text.splitlines()))


def put(silt, name, rows):
    lines = "".join(f"{key},{day},{name}\n" for key, day, name in rows)
    return silt.write(f"inbox/{name}.csv", "id,day,name\n" + lines)


def files(silt, folder="out"):
    """The files that readers find, by path in the folder."""
    root = silt.dir / folder
    found = [p.relative_to(root) for p in root.rglob("*") if p.is_file()]
    return sorted(str(p) for p in found if not p.parts[0].startswith(("_", ".")))


def read_parquet(silt, folder, columns):
    """The rows by pyarrow, which passes over hidden folders; DuckDB finds the same ones."""
    table = ds.dataset(silt.dir / folder, format="parquet",
                       partitioning=ds.partitioning(flavor="hive")).to_table()
    rows = sorted(tuple(row[c] for c in columns) for row in table.to_pylist())
    names = [str(silt.dir / folder / f) for f in files(silt, folder)]
    query = f"SELECT {', '.join(columns)} FROM read_parquet(?, hive_partitioning = true, union_by_name = true)"
    assert sorted(duckdb.execute(query, [names]).fetchall()) == rows
    return rows


def read_csv(silt, folder, columns):
    """The rows by Python's csv module, partitions by the folders' names; DuckDB finds the same ones."""
    rows = []
    for name in files(silt, folder):
        assert name.endswith(".csv")
        values = dict(part.split("=") for part in name.split("/")[:-1])
        with open(silt.dir / folder / name, newline="") as f:
            for row in csv.DictReader(f):
                row.update(values)
                rows.append(tuple(int(row[c]) if c in ("id", "_batch_id") else row[c] for c in columns))
    names = [str(silt.dir / folder / f) for f in files(silt, folder)]
    query = f"SELECT {', '.join(columns)} FROM read_csv(?, hive_partitioning = true)"
    assert sorted(duckdb.execute(query, [names]).fetchall()) == sorted(rows)
    return sorted(rows)


def read(silt, folder="out", columns=("id", "day", "name")):
    by = read_csv if silt.raw == "csv" else read_parquet
    return by(silt, folder, columns)


@pytest.fixture(params=["parquet", "csv"])
def both(silt, request):
    """A command, and the format that PIPELINE's tables are in."""
    silt.raw = request.param
    return silt


@pytest.fixture
def silt(silt):
    silt.raw = "parquet"
    return silt


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


def test_append(both):
    first, then = load(both, "batch: {max_files: 1}\nwrite: {format: parquet, path: out}")
    assert first == sorted(A + B) and then == sorted(A + B + C)
    assert {name.split("-")[0] for name in files(both)} == {"part"} and len(files(both)) == 3
    marks = read(both, columns=("id", "_source_file", "_batch_id"))
    assert marks[0] == (1, str(both.dir / "inbox/a.csv"), 0) and marks[-1][2] == 2
    assert not (both.dir / "out/_delta_log").exists()


def test_append_into_partitions(both):
    _, then = load(both, "write: {format: parquet, path: out, partition_by: [day]}")
    assert then == sorted(A + B + C)
    assert {name.split("/")[0] for name in files(both)} == {"day=mon", "day=tue", "day=wed"}


def test_append_once(both):
    how = "loading_strategy: append_once\nprimary_keys: [id]\nbatch: {max_files: 1}\n"
    first, then = load(both, how + "write: {format: parquet, path: out}")
    assert first == sorted(A + [B[1]]) and then == sorted(first + C)
    run = both("status", "--json").json["tables"][0]
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


def test_overwrite(both):
    first, then = load(both, "loading_strategy: overwrite\nwrite: {format: parquet, path: out}")
    assert first == sorted(A + B) and then == C
    assert len(files(both)) == 1


def test_overwrite_of_partitions(both):
    how = "loading_strategy: overwrite\n"
    first, then = load(both, how + "write: {format: parquet, path: out, partition_by: [day],"
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


def test_upsert_within_partitions(both):
    how = "loading_strategy: upsert\nprimary_keys: [day, id]\nbatch: {max_files: 1}\n"
    configure(both, how + "write: {format: parquet, path: out, partition_by: [day]}")
    put(both, "a", A)
    put(both, "b", B[:2])
    three_times(both)
    assert read(both) == sorted([A[0], B[0], A[2], B[1]])
    untouched = [f for f in files(both) if f.startswith("day=mon")]
    put(both, "d", [(2, "tue", "d")])
    both("run")
    assert (2, "tue", "d") in read(both) and (2, "tue", "b") not in read(both)
    assert [f for f in files(both) if f.startswith("day=mon")] == untouched


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


def test_new_columns_fail_unless_asked_for(both):
    configure(both, "write: {format: parquet, path: out}")
    put(both, "a", A)
    both("run")
    both.write("inbox/e.csv", "id,day,name,extra\n7,fri,e,more\n")
    r = both("run", rc=5)
    assert "extra" in r.err + r.out
    assert read(both) == sorted(A)


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


def test_constraints(both):
    configure(both, "constraints: [{name: positive, check: id > 0}]\nwrite: {format: parquet, path: out}")
    put(both, "a", A)
    put(both, "bad", [(-1, "mon", "bad")])
    both("run", rc=5)
    assert read(both) == sorted(A)
    both("validate-consistency", rc=None)


# ---- a file is unloaded, small ones are put together


def test_unload(both):
    configure(both, "batch: {max_files: 2}\nwrite: {format: parquet, path: out, partition_by: [day]}")
    for name, rows in (("a", A), ("b", B), ("c", C)):
        put(both, name, rows)
    both("run")
    both("unload", "inbox/b.csv", "--yes")
    assert read(both) == sorted(A + C)
    for _ in range(2):
        both("run")
        assert read(both) == sorted(A + C)
    both("validate-consistency")
    both("prove")
    both("unload", "inbox/a.csv", "--again", "--yes")
    assert read(both) == C
    both("run")
    assert read(both) == sorted(A + C)


def test_reload(both):
    configure(both, "on_change: reload\nwrite: {format: parquet, path: out}")
    put(both, "a", A)
    put(both, "b", B)
    both("run")
    both.write("inbox/b.csv", "id,day,name\n7,fri,new\n8,fri,new\n")
    three_times(both)
    assert read(both) == sorted(A + [(7, "fri", "new"), (8, "fri", "new")])


def test_bad_rows_are_kept_apart(both):
    configure(both, "schema: {id: long, day: string, name: string}\non_bad_row: quarantine\n"
                    "write: {format: parquet, path: out}")
    put(both, "a", A + [("what", "mon", "a")])
    three_times(both)
    assert read(both) == sorted(A)


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
def loaded(both):
    configure(both, "batch: {max_files: 1}\nwrite: {format: parquet, path: out}")
    put(both, "a", A)
    put(both, "b", B)
    both("run")
    return both


def unplace(silt, name):
    """As a crash between commit and rename leaves it: CSV isn't even written then."""
    stage = silt.dir / "out/_silt/stage"
    stage.mkdir(exist_ok=True)
    path = silt.dir / "out" / name
    if silt.raw == "csv":
        to = stage / path.with_suffix(".parquet").name
        duckdb.execute(f"COPY (SELECT * FROM read_csv('{path}')) TO '{to}' (FORMAT parquet)")
        path.unlink()
    else:
        path.rename(stage / name)


def test_files_that_wait_for_their_names_get_them(loaded):
    unplace(loaded, files(loaded)[0])
    assert len(files(loaded)) == 1
    loaded("run")
    assert read(loaded) == sorted(A + B)
    loaded("validate-consistency")


def test_files_that_were_removed_and_are_back_go_again(both):
    configure(both, "loading_strategy: overwrite\nwrite: {format: parquet, path: out}")
    put(both, "a", A)
    both("run")
    [name] = files(both)
    body = (both.dir / "out" / name).read_bytes()
    put(both, "c", C)
    both("run")
    both.write(f"out/{name}", body) # a power loss took the removal back
    assert len(files(both)) == 2
    both("run")
    assert read(both) == C


def test_files_of_others_are_left_alone(loaded):
    for name in ("part-mine-0", "mine"):
        shutil.copy(loaded.dir / "out" / files(loaded)[0], loaded.dir / f"out/{name}.{loaded.raw}")
    loaded("run")
    assert {f"part-mine-0.{loaded.raw}", f"mine.{loaded.raw}"} <= set(files(loaded))


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


def test_two_pipelines_share_a_folder(both):
    configure(both, "write: {format: parquet, path: out}")
    put(both, "a", A)
    both("run")
    other = (both.dir / "silt.yaml").read_text()
    both.write("other.yaml", other.replace("shop", "other").replace("state", "state2")
               .replace("inbox/*.csv", "else.csv"))
    both.write("else.csv", "id,day,name\n9,mon,c\n")
    both("run", "--config", "other.yaml")
    assert read(both) == sorted(A + C)
    for config in ("silt.yaml", "other.yaml"):
        both("run", "--config", config)
    assert read(both) == sorted(A + C)


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
    loaded.write("silt.yaml", (loaded.dir / "silt.yaml").read_text().replace(f"format: {loaded.raw}, ", ""))
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
    ("loading_strategy: scd2\nprimary_keys: [id]\ntracking_columns: [name]\n"
     "write: {format: parquet, path: out}", "scd2"),
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
    ("write: {format: parquet, path: out, options: {delimiter: ';'}}", "is for csv"),
    ("write: {format: csv, path: out, options: {delimiter: '||'}}", "one character is allowed"),
    ("write: {format: csv, path: out}\nwrite_policy: {compression: zstd}",
     "csv files are gzip or uncompressed"),
    ("write: {format: csv, path: out}\nwrite_policy: {row_group_rows: 100}", "no row groups"),
    ("write: {format: csv, path: out}\non_new_column: evolve", "csv files have the columns of the first"),
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


# ---- CSV


VALUES = {
    "id": pa.array(range(8), pa.int64()),
    "text": pa.array(["", None, "NULL", ' "quoted", ', "two\nlines", "ü €", "\\N", "null"]),
    "number": pa.array([0.1, None, math.nan, math.inf, -math.inf, 1e300, 5e-324, -0.5]),
    "small": pa.array([1.5, None, 0.1, 3e38, -1, 0, 2, 3], pa.float32()),
    "money": pa.array([decimal.Decimal(v) if v else None for v in
                       ("0.10", None, "-99999999999999.99", "1.00", "0.01", "5.00", "7.77", "0.00")],
                      pa.decimal128(16, 2)),
    "day": pa.array([datetime.date(2024, 2, 29), None] + [datetime.date(1900, 1, 1)] * 6),
    "at": pa.array([datetime.datetime(2024, 1, 2, 3, 4, 5, 123456), None] +
                   [datetime.datetime(1969, 12, 31, 23, 59, 59)] * 6, pa.timestamp("us", "UTC")),
    "local": pa.array([datetime.datetime(2024, 1, 2, 3, 4, 5), None] +
                      [datetime.datetime(2024, 6, 1)] * 6, pa.timestamp("us")),
    "yes": pa.array([True, None, False, True, True, False, True, False]),
    "tiny": pa.array([1, None, -128, 127, 0, 1, 2, 3], pa.int8()),
}
DECLARED = ("schema: {id: long, text: string, number: double, small: float, money: 'decimal(16,2)',"
            " day: date, at: timestamp, local: timestamp_ntz, 'yes': boolean, tiny: byte}\n")


def csv_texts(silt):
    rows = []
    for name in files(silt):
        with open(silt.dir / "out" / name, newline="") as f:
            rows += list(csv.reader(f))[1:]
    return sorted(row[:len(VALUES)] for row in rows)


def test_csv_values_come_back_as_they_were(silt):
    """A file's unloading writes the rows of others of its batch anew: they are read and written."""
    silt.raw = "csv"
    configure(silt, DECLARED + "write: {format: parquet, path: out}")
    text = (silt.dir / "silt.yaml").read_text()
    silt.write("silt.yaml", text.replace("*.csv", "*.parquet"))
    (silt.dir / "inbox").mkdir()
    pq.write_table(pa.table(VALUES), silt.dir / "inbox/a.parquet")
    pq.write_table(pa.table(VALUES).slice(0, 3), silt.dir / "inbox/b.parquet")
    silt("run")
    silt("prove")
    silt("unload", "inbox/b.parquet", "--yes")
    first = csv_texts(silt)
    assert len(first) == 8
    assert first[0] == ["0", "", "0.1", "1.5", "0.10", "2024-02-29", "2024-01-02T03:04:05.123456Z",
                        "2024-01-02T03:04:05.000000", "true", "1"]
    assert first[1] == ["1"] + [""] * 9
    bodies = [(silt.dir / "out" / f).read_text() for f in files(silt)]
    assert any('\n0,"",' in body for body in bodies) and any("\n1,,," in body for body in bodies)
    types = {"id": "BIGINT", "text": "VARCHAR", "number": "DOUBLE", "small": "FLOAT",
             "money": "DECIMAL(16,2)", "day": "DATE", "at": "TIMESTAMPTZ", "local": "TIMESTAMP",
             "yes": "BOOLEAN", "tiny": "TINYINT", "_source_file": "VARCHAR",
             "_load_timestamp": "TIMESTAMPTZ", "_batch_id": "BIGINT"}
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    names = [str(silt.dir / "out" / f) for f in files(silt)]
    chosen = ", ".join(f'"{name}"' for name in VALUES)
    found = con.execute(f"SELECT {chosen} FROM read_csv(?, columns = {types}, auto_detect = false, header = true, "
                        "quote = '\"', escape = '\"', allow_quoted_nulls = false) ORDER BY id", [names]).fetchall()
    wanted = con.execute(f"SELECT {chosen} FROM read_parquet(?) ORDER BY id",
                         [str(silt.dir / "inbox/a.parquet")]).fetchall()
    assert repr(found) == repr(wanted)


def test_csv_options(silt):
    silt.raw = "csv"
    configure(silt, "write: {format: parquet, path: out, options: {delimiter: ';'}}\n"
                    "write_policy: {compression: gzip}")
    put(silt, "a", A)
    put(silt, "b", B)
    three_times(silt)
    [name] = files(silt)
    assert name.endswith(".csv.gz")
    rows = duckdb.execute("SELECT id, day, name FROM read_csv(?, delim = ';')",
                          [str(silt.dir / "out" / name)]).fetchall()
    assert sorted(rows) == sorted(A + B)
    silt("unload", "inbox/a.csv", "--yes")
    silt("prove")
    text = (silt.dir / "silt.yaml").read_text()
    for old, new in (("';'", "'|'"), ("gzip", "uncompressed"), ("format: csv", "format: parquet")):
        silt.write("silt.yaml", text.replace(old, new).replace(", options: {delimiter: ';'}" if "parquet" in new else "\0", ""))
        r = silt("run", rc=None)
        assert r.rc and "not " + new.strip("'").replace("format: ", "") in r.out + r.err
    silt.write("silt.yaml", text)
    three_times(silt)


def test_nested_columns_are_none_of_csv(silt):
    silt.raw = "csv"
    configure(silt, "write: {format: parquet, path: out}")
    silt.write("silt.yaml", (silt.dir / "silt.yaml").read_text().replace("*.csv", "*.ndjson"))
    silt.write("inbox/a.ndjson", '{"id": 1, "tags": ["a", "b"]}\n')
    r = silt("run", rc=None)
    assert r.rc and "column tags can't stand in CSV files" in r.out + r.err
    assert files(silt) == []
