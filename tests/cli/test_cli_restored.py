"""on_restore: a target that was restored, replaced or bereft of rows; reset-state --forget --delete-rows."""
import json
import shutil

import deltalake
import pyarrow as pa
import pytest

from pipelines import CONFIG, SALES_ONLY, assert_sales_once, configure, people, read, sales

RELOAD = SALES_ONLY + "    on_restore: reload\n"
FORGET = SALES_ONLY + "    on_restore: forget\n"
ALL = {1: 10, 2: 10, 3: 10, 4: 10}


def load(silt, text=SALES_ONLY):
    configure(silt, text, max_files=1)
    for day in ALL:
        sales(silt, day)
    silt("run")
    return silt


def exact_from_now_on(silt, loads, wanted=ALL):
    r = silt("run", "--json")
    assert r.json["total_files_processed"] == loads, r
    assert_sales_once(silt, wanted)
    silt("validate-consistency")
    silt("prove", "sales")
    for _ in range(2):
        assert "Nothing to do" in silt("run").out
    shutil.rmtree(silt.dir / "state")
    silt("run")
    assert_sales_once(silt, wanted)
    return r


def test_stop_is_the_default(silt):
    load(silt)
    silt("restore", "lake/sales", "--version", "2")
    for _ in range(2):
        r = silt("run", rc=3)
        assert "restored an older version" in r.out
    assert_sales_once(silt, {1: 10, 2: 10})


def test_restored_by_silt(silt):
    load(silt, RELOAD)
    silt("restore", "lake/sales", "--version", "2")
    r = exact_from_now_on(silt, loads=2)
    assert "the rows of 2 files are gone" in r.err


def test_restored_by_deltalake(silt):
    load(silt, RELOAD)
    deltalake.DeltaTable(silt.dir / "lake/sales").restore(3)
    exact_from_now_on(silt, loads=1)


def test_rows_deleted_by_others(silt):
    load(silt, RELOAD)
    deltalake.DeltaTable(silt.dir / "lake/sales").delete("id >= 20000005 AND id < 40000000")
    r = exact_from_now_on(silt, loads=2) # half of file 2, which goes whole, and all of file 3
    assert "the rows of 2 files are gone" in r.err


def test_rows_of_others_stay(silt):
    load(silt, RELOAD)
    table = deltalake.DeltaTable(silt.dir / "lake/sales")
    foreign = table.to_pyarrow_table().slice(0, 1)
    at = foreign.schema.get_field_index("_source_file")
    foreign = foreign.set_column(at, "_source_file", pa.array(["/elsewhere/x.csv"]))
    foreign = foreign.set_column(0, "id", pa.array([7]))
    deltalake.write_deltalake(table, foreign, mode="append")
    table.restore(2)
    deltalake.write_deltalake(table, foreign, mode="append")
    silt("run")
    ids = [int(row[0]) for row in read(silt, "sales", "id")]
    assert ids.count(7) == 1 and len(ids) == 41


@pytest.mark.parametrize("text", [RELOAD, FORGET])
def test_deleted(silt, text):
    load(silt, text)
    shutil.rmtree(silt.dir / "lake/sales")
    r = exact_from_now_on(silt, loads=4)
    assert "the target is gone: all 4 files of it are loaded again" in r.err


@pytest.mark.parametrize("text", [RELOAD, FORGET])
def test_deleted_and_made_anew_by_another(silt, text):
    load(silt, text)
    schema = deltalake.DeltaTable(silt.dir / "lake/sales").schema()
    shutil.rmtree(silt.dir / "lake/sales")
    deltalake.DeltaTable.create(silt.dir / "lake/sales", schema)
    exact_from_now_on(silt, loads=4)


def test_an_older_copy_of_the_table(silt):
    configure(silt, RELOAD, max_files=1)
    sales(silt, 1)
    sales(silt, 2)
    silt("run")
    shutil.copytree(silt.dir / "lake/sales", silt.dir / "backup")
    sales(silt, 3)
    sales(silt, 4)
    silt("run")
    shutil.rmtree(silt.dir / "lake/sales")
    shutil.copytree(silt.dir / "backup", silt.dir / "lake/sales")
    exact_from_now_on(silt, loads=2)


def test_forget_never_doubles_rows_that_are_there(silt):
    load(silt, FORGET)
    silt("restore", "lake/sales", "--version", "2")
    r = silt("run", rc=3)
    assert "rows of 2 loaded files are still there" in r.out and "on_restore: reload" in r.out
    assert_sales_once(silt, {1: 10, 2: 10})


UPSERT = """\
pipeline: shop
checkpoint_path: state
tables:
  - table_name: people
    source: {path: "inbox/people-*.csv"}
    loading_strategy: %s
    on_restore: %s
    write: {path: lake/people}
"""


@pytest.mark.parametrize("on_restore", ["reload", "forget"])
def test_upserts_are_done_again_in_order(silt, on_restore):
    silt.write("silt.yaml", UPSERT % ("upsert\n    primary_keys: [id]\n    batch: {max_files: 1}",
                                      on_restore))
    people(silt, "a", {1: "Ann", 2: "Bob"})
    people(silt, "b", {2: "Bill", 3: "Cleo"})
    people(silt, "c", {3: "Chris"})
    silt("run")
    silt("restore", "lake/people", "--version", "1")
    assert read(silt, "people", "id", "name") == [("1", "Ann"), ("2", "Bob")]
    loads = {"reload": 2, "forget": 3}[on_restore]
    assert silt("run", "--json").json["total_files_processed"] == loads
    assert read(silt, "people", "id", "name") == [("1", "Ann"), ("2", "Bill"), ("3", "Chris")]
    silt("validate-consistency")
    silt("prove", "people")
    assert "Nothing to do" in silt("run").out


def test_rows_taken_from_an_upserted_table_cant_be_told(silt):
    silt.write("silt.yaml", UPSERT % ("upsert\n    primary_keys: [id]", "reload"))
    people(silt, "a", {1: "Ann", 2: "Bob"})
    silt("run")
    deltalake.DeltaTable(silt.dir / "lake/people").delete("id = 1")
    r = silt("run", rc=3)
    assert "nothing tells which files' rows are gone" in r.out and "reset-state" in r.out


def test_of_an_overwritten_table_the_newest_batch_is_loaded(silt):
    silt.write("silt.yaml", UPSERT % ("overwrite", "reload"))
    for name in "abc":
        people(silt, name, {ord(name): name})
        silt("run")
    silt("restore", "lake/people", "--version", "1")
    silt("run")
    assert read(silt, "people", "name") == [("c",)]
    deltalake.DeltaTable(silt.dir / "lake/people").delete()
    silt("run")
    assert read(silt, "people", "name") == [("c",)]
    silt("validate-consistency")


# ---- reset-state --forget --delete-rows


def test_delete_rows(silt):
    load(silt)
    table = silt.dir / "lake/sales"
    foreign = deltalake.DeltaTable(table).to_pyarrow_table().slice(0, 1)
    at = foreign.schema.get_field_index("_source_file")
    foreign = foreign.set_column(at, "_source_file", pa.array(["/elsewhere/x.csv"]))
    deltalake.write_deltalake(table, foreign, mode="append")
    before = deltalake.DeltaTable(table).version()
    r = silt("reset-state", "--forget", "--delete-rows", "--yes", "--json")
    assert "the rows that this pipeline loaded are deleted first" in r.err
    assert any("deleted 40 rows of 4 files" in line for line in r.json["actions"])
    assert deltalake.DeltaTable(table).version() == before + 1 # one commit
    assert deltalake.DeltaTable(table).to_pyarrow_table().num_rows == 1
    ledger = sorted((table / "_silt/ledger/shop/sales").glob("*.json"))[-1]
    assert json.loads(ledger.read_text())["kind"] == "epoch"
    assert silt("run", "--json").json["total_files_processed"] == 4
    assert deltalake.DeltaTable(table).to_pyarrow_table().num_rows == 41


def test_delete_rows_of_one_table(silt):
    configure(silt, CONFIG, max_files=2)
    sales(silt, 1)
    people(silt, "a", {1: "Ann"})
    silt("run")
    r = silt("reset-state", "--forget", "--delete-rows", "--yes", rc=2)
    assert "table people: it isn't loaded by appending" in r.err
    assert_sales_once(silt, {1: 10}) # nothing was done
    silt("reset-state", "--forget", "--delete-rows", "--table", "sales", "--yes")
    assert read(silt, "sales", "id") == []
    silt("run")
    assert_sales_once(silt, {1: 10})
    silt("validate-consistency")
    silt("prove")


def test_delete_rows_goes_with_forget(silt):
    load(silt)
    assert "--forget" in silt("reset-state", "--delete-rows", "--yes", rc=2).err
    assert "--yes" in silt("reset-state", "--forget", "--delete-rows", rc=2).err
    assert_sales_once(silt, ALL)
