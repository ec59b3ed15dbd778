"""Tables that keep all versions of their rows: by pipelines and by silt write, read by others too."""
import csv
import io

import pytest

from pipelines import read

PIPELINE = """\
pipeline: shop
checkpoint_path: state
retry_attempts: 1
tables:
  - table_name: people
    source: {path: "inbox/people-*.csv"}
    loading_strategy: scd2
    primary_keys: [id]
    tracking_columns: [name, city]
%s    write: {path: lake/people}
"""
TIMED = "    scd2_effective_from: at\n"
WHOLE = "    scd2_close_missing: true\n"
VERSIONS = ("id", "name", "effective_date", "end_date", "is_current")


def configure(silt, more=""):
    silt.write("silt.yaml", PIPELINE % more)


def people(silt, name, *rows, columns="id,name,city,note,at"):
    return silt.write(f"inbox/people-{name}.csv", "\n".join((columns,) + rows) + "\n")


def day(text):
    return f"2024-01-{text}T00:00:00.000000Z"


def timed(silt):
    """(id, name, from day, to day) of each version; times are days of January."""
    return [(k, n, s[8:10], e[8:10], f) for k, n, s, e, f in read(silt, "people", *VERSIONS)]


def assert_sound(silt, times=2):
    for _ in range(times):  # nothing is loaded again
        assert silt("run", "--json").json["total_files_processed"] == 0
    silt("validate-consistency")
    silt("prove")


def test_late_rows_split_the_history(silt, read_deltalake, read_duckdb):
    configure(silt, TIMED)
    people(silt, "1", "1,Ann,Oslo,x,2024-01-05", "2,Bob,Rome,x,2024-01-05", ",Nil,Bonn,x,2024-01-05")
    people(silt, "2", "1,Anna,Oslo,x,2024-01-09", "1,Annie,Oslo,x,2024-01-12", "2,Bob,Rome,y,2024-01-09")
    silt("run")
    people(silt, "3", "1,Mid,Oslo,x,2024-01-10", "2,Rob,Rome,x,2024-01-07", ",Nil,Bonn,x,2024-01-02")
    table = silt("run", "--json").json["tables"][0]
    assert (table["rows"], table["rows_inserted"], table["rows_updated"]) == (3, 2, 1)
    wanted = [("", "Nil", "02", "", "true"),
              ("1", "Ann", "05", "09", "false"), ("1", "Anna", "09", "10", "false"),
              ("1", "Annie", "12", "", "true"), ("1", "Mid", "10", "12", "false"),
              ("2", "Bob", "05", "07", "false"), ("2", "Bob", "09", "", "true"),  # told again on the 9th
              ("2", "Rob", "07", "09", "false")]
    assert timed(silt) == wanted
    assert_sound(silt)
    for reader in (read_deltalake, read_duckdb):
        rows = reader(silt.dir / "lake/people").to_pylist()
        assert sorted((str(r["id"] or ""), r["name"], f"{r['effective_date']:%d}",
                       f"{r['end_date']:%d}" if r["end_date"] else "", str(r["is_current"]).lower())
                      for r in rows) == wanted
        assert {r["_batch_id"] for r in rows} == {0, 1}


def test_the_order_of_batches_doesnt_matter(silt):
    """As long as no key goes back to values that it had."""
    configure(silt, TIMED)
    days = [[f"{k},n{d},Oslo,x,2024-01-{d + k:02}" for k in range(1, 5)] for d in (1, 5, 9, 13)]
    results = []
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]):
        for folder in ("lake", "state", "inbox"):
            if (silt.dir / folder).exists():
                (silt.dir / folder).rename(silt.dir / f"{folder}-{len(results)}")
        for i, d in enumerate(order):
            people(silt, str(i), *days[d])
            silt("run")
        assert_sound(silt, 1)
        results.append(read(silt, "people", *VERSIONS, "note"))
    assert results[0] == results[1] == results[2] and len(results[0]) == 16


def test_the_load_time_and_untracked_columns(silt):
    configure(silt)
    people(silt, "1", "1,Ann,Oslo,x,", "2,Bob,Rome,x,")
    people(silt, "2", "1,Anna,Oslo,x,", "2,Bob,Rome,y,")  # waits for its own batch, so that both count
    silt("run")
    assert silt("status", "--json").json["tables"][0]["last_batch_id"] == 1
    rows = read(silt, "people", "id", "name", "note", "is_current")
    assert rows == [("1", "Ann", "x", "false"), ("1", "Anna", "x", "true"), ("2", "Bob", "y", "true")]
    versions = {n: (s, e) for _, n, s, e, _ in read(silt, "people", *VERSIONS)}
    assert versions["Ann"][1] == versions["Anna"][0] > versions["Ann"][0]
    people(silt, "3", "1,Anna,Oslo,x,", "2,Bob,Rome,y,")
    table = silt("run", "--json").json["tables"][0]
    assert (table["rows"], table["rows_inserted"], table["rows_updated"], table["rows_unchanged"]) == (2, 0, 0, 2)
    assert_sound(silt)


def test_keys_that_vanish_from_an_extract(silt):
    configure(silt, WHOLE)
    for name, rows in (("1", ["1,Ann,,,", "2,Bob,,,"]), ("2", ["1,Ann,,,"]), ("3", ["1,Ann,,,", "2,Bob,,,"])):
        people(silt, name, *rows)
    silt("run")  # each file is an extract, and has its turn
    rows = read(silt, "people", "id", "name", "is_current")
    assert rows == [("1", "Ann", "true"), ("2", "Bob", "false"), ("2", "Bob", "true")]
    assert_sound(silt)
    people(silt, "4")  # a header only
    people(silt, "5", "1,Ann,,,")
    assert "no rows" in silt("run", rc=None).out
    assert read(silt, "people", "id", "name", "is_current") == rows
    silt("run", rc=None)
    assert read(silt, "people", "id", "name", "is_current") == rows  # the 5th waits for the 4th
    (silt.dir / "inbox/people-4.csv").unlink()
    silt("run")
    assert len([r for r in read(silt, "people", "id", "is_current") if r[1] == "true"]) == 1


def test_bad_rows_keep_nothing_half_done(silt):
    configure(silt)
    path = people(silt, "1", "1,Ann,,,2024-01-01", "1,Bob,,,2024-01-01")
    assert "more than once in this file" in silt("run", rc=1).out
    path.unlink()
    configure(silt, TIMED)
    people(silt, "2", "1,Ann,,,2024-01-01", "2,Bob,,,")
    people(silt, "3", "1,Ann,,,2024-01-01", "2,Bob,,,2024-01-02")
    assert "since when it is true" in silt("run", rc=5).out
    assert len(read(silt, "people", "id")) == 2


def test_versions_that_arent_whole_are_found(silt):
    configure(silt, TIMED)
    people(silt, "1", "1,Ann,,,2024-01-01", "1,Anna,,,2024-01-05", "2,Bob,,,2024-01-01")
    silt("run")
    silt("update", "lake/people", "--set", "end_date = NULL", "--where", "name = 'Ann'")
    found = silt("validate-consistency", rc=3)
    assert "Versions of 1 key: versions overlap" in found.out and "id = 1: versions overlap" in found.out
    people(silt, "2", "1,Late,,,2024-01-03")
    silt("run", rc=3)  # nobody builds on rows that others have changed


def test_unload_and_reset_say_what_comes_of_versions(silt):
    configure(silt)
    path = people(silt, "1", "1,Ann,,,")
    silt("run")
    refused = silt("unload", path, "--yes", rc=2)
    assert "isn't loaded by appending" in refused.err and "silt restore" in refused.err
    assert "values of before may begin versions anew" in silt("reset-state", "--forget", "--yes").err


@pytest.mark.parametrize("more, words", [
    ("    tracking_columns: [x]\n    loading_strategy: upsert\n", "is for loading_strategy: scd2"),
    ("    loading_strategy: scd2\n", "tracking_columns: is missing"),
    ("    loading_strategy: scd2\n    tracking_columns: [end_date]\n", "versions are kept by"),
    ("    loading_strategy: scd2\n    tracking_columns: [x]\n    batch: {max_files: 3}\n", "one by one"),
    ("    loading_strategy: scd2\n    tracking_columns: [x]\n    scd2_end_date_column: is_current\n", "too"),
    ("    loading_strategy: scd2\n    tracking_columns: [x]\n    schema: {id: long, x: long, is_current: boolean}\n",
     "none of the files'"),
    ("    loading_strategy: scd2\n    tracking_columns: [y]\n    schema: {id: long, x: long}\n", "no column y in schema"),
    ("    loading_strategy: scd2\n    tracking_columns: [x]\n    scd2_effective_from: t\n    schema: {id: long, x: long}\n",
     "no column t in schema"),
    ("    loading_strategy: scd2\n    tracking_columns: [x]\n    scd2_close_missing: true\n    on_bad_row: skip\n",
     "would end the versions of its key"),
    ("    loading_strategy: scd2\n    tracking_columns: [x]\n    write: {path: p, format: parquet}\n", "Delta tables"),
])
def test_mistakes_of_the_file_are_told(silt, more, words):
    write = "" if "write:" in more else "    write: {path: lake/people}\n"
    silt.write("silt.yaml", "pipeline: shop\ncheckpoint_path: state\ntables:\n  - table_name: people\n"
                            "    source: {path: \"in/*.csv\"}\n    primary_keys: [id]\n" + more + write)
    assert words in silt("check-config", rc=2).err


def test_write_without_a_pipeline(silt, read_deltalake):
    silt.write("1.csv", "id,name\n1,Ann\n2,Bob\n")
    silt.write("2.csv", "id,name\n1,Anna\n3,Cy\n")
    scd2 = ("--mode", "scd2", "--keys", "id", "--tracking-columns", "name", "--close-missing")
    silt("write", "t", "1.csv", *scd2, "--app-id", "a", "--txn-version", "1")
    assert "already" in silt("write", "t", "1.csv", *scd2, "--app-id", "a", "--txn-version", "1").out
    result = silt("write", "t", "2.csv", *scd2, "--json").json
    assert (result["rows_read"], result["rows_inserted"], result["outcome"]) == (2, 2, "committed")
    assert silt("write", "t", "2.csv", *scd2, "--json").json["outcome"] == "unchanged"
    rows = read_deltalake(silt.dir / "t").to_pylist()
    assert sorted((r["id"], r["name"], r["is_current"]) for r in rows) == [
        (1, "Ann", False), (1, "Anna", True), (2, "Bob", False), (3, "Cy", True)]
    assert "is for --mode scd2" in silt("write", "t", "2.csv", "--tracking-columns", "name", rc=2).err
    assert "no column is tracked" in silt("write", "t", "2.csv", "--mode", "scd2", "--keys", "id", rc=2).err


def test_what_a_table_asks_of_rows(silt, read_duckdb):
    """Identity, generated and default columns, constraints, NOT NULL, partitions by the flag, mapping, feed, row ids."""
    silt("create", "t", "--schema", "sk bigint generated always as identity, id int, name string, n int, at timestamp, "
         "effective_date timestamp not null, end_date timestamp, is_current boolean not null, "
         "year int generated always as (year(effective_date)), def string default 'x'", "--partition-by", "is_current",
         "--constraint", "pos=n > 0", *sum((["--property", p] for p in (
             "delta.enableChangeDataFeed=true", "delta.enableDeletionVectors=true", "delta.columnMapping.mode=name",
             "delta.enableRowTracking=true")), []))
    scd2 = ("--mode", "scd2", "--keys", "id", "--tracking-columns", "name", "--effective-from", "at")
    for i, rows in enumerate((["1,a,1,2023-01-01", "2,b,1,2024-01-01"], ["1,a,2,2024-01-09", "2,B,1,2024-01-05"],
                              ["1,late,2,2024-01-04", "2,b,1,2024-01-05"])):
        silt.write(f"{i}.csv", "\n".join(["id,name,n,at", *rows]) + "\n")
        silt("write", "t", f"{i}.csv", *scd2)
    got = silt("sql", "SELECT sk, id, name, n, year, def, is_current FROM delta('t') ORDER BY id, effective_date",
               "--format", "csv", "--no-header").out.split()
    assert got == ["1,1,a,2,2023,x,false", "4,1,late,2,2024,x,false", "5,1,a,2,2024,x,true", "3,2,b,1,2024,x,true"]
    changes = silt("changes", "t", "--from", "3", "--columns", "sk,_change_type", "--format", "csv").out.split()[1:]
    assert sorted(c.rsplit(",", 2)[0] for c in changes) == [
        "1,update_postimage", "1,update_preimage", "2,delete", "3,update_postimage", "3,update_preimage",
        "4,insert", "5,insert"]
    silt.write("bad.csv", "id,name,n,at\n1,z,-1,2025-01-01\n")
    assert "pos (n > 0)" in silt("write", "t", "bad.csv", *scd2, rc=1).err


def test_real_airports(silt, shared, read_duckdb):
    """Three extracts of the same airports: some renamed, some gone, some back."""
    rows = list(csv.DictReader(io.StringIO((shared / "data/nycflights/airports.csv").read_text())))
    names = list(rows[0])
    silt.write("silt.yaml", "pipeline: nyc\ncheckpoint_path: state\ntables:\n  - table_name: airports\n"
               "    source: {path: \"inbox/airports-*.csv\"}\n    loading_strategy: scd2\n    primary_keys: [faa]\n"
               f"    tracking_columns: [name, lat, lon, {names[-1]}]\n    scd2_close_missing: true\n"
               "    write: {path: lake/airports}\n")

    def extract(number, chosen):
        text = io.StringIO()
        writer = csv.DictWriter(text, names)
        writer.writeheader()
        writer.writerows(chosen)
        silt.write(f"inbox/airports-{number}.csv", text.getvalue())

    extract(1, rows)
    extract(2, [{**r, "name": r["name"] + " Intl"} if i % 100 == 0 else r for i, r in enumerate(rows) if i % 50 != 1])
    extract(3, [{**r, "name": r["name"] + " Intl"} if i % 100 == 0 else r for i, r in enumerate(rows)])
    silt("run")
    renamed, gone = len(range(0, len(rows), 100)), len(range(1, len(rows), 50))
    table = read_duckdb(silt.dir / "lake/airports").to_pylist()
    assert len(table) == len(rows) + renamed + gone
    current = [r for r in table if r["is_current"]]
    assert {r["faa"] for r in current} == {r["faa"] for r in rows} and len(current) == len(rows)
    for _ in range(2):
        silt("run")
    assert len(read_duckdb(silt.dir / "lake/airports").to_pylist()) == len(table)
    silt("validate-consistency")
    silt("prove")
