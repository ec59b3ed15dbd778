"""validate-consistency --fix of damaged tables; tables that were renamed; targets that forget numbers."""
import shutil

import deltalake
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines import SALES_ONLY, assert_sales_once, configure, read, sales


@pytest.fixture
def loaded(silt):
    configure(silt, SALES_ONLY, max_files=1)
    for day in range(1, 4):
        sales(silt, day)
    silt("run")
    silt("validate-consistency")
    return silt


def append_copies(silt, days, batch_id):
    """Rows of files once more, as if another batch had loaded them."""
    table = deltalake.DeltaTable(silt.dir / "lake/sales")
    rows = table.to_pyarrow_table()
    day = pc.divide(rows["id"], 10_000_000)
    rows = rows.filter(pc.is_in(day, pa.array(days, pa.int64())))
    at = rows.schema.get_field_index("_batch_id")
    rows = rows.set_column(at, "_batch_id", pa.array([batch_id] * rows.num_rows, pa.int64()))
    deltalake.write_deltalake(table, rows, mode="append")


def test_duplicates_of_source_files(loaded):
    append_copies(loaded, [2, 3], 17)
    r = loaded("validate-consistency", rc=3)
    assert "Overall Status: INCONSISTENT" in r.out and r.out.count("Duplicate rows: batch") == 2
    before = deltalake.DeltaTable(loaded.dir / "lake/sales").version()
    r = loaded("validate-consistency", "--fix")
    assert "Removed 20 duplicate rows of 2 files from sales" in r.out
    assert deltalake.DeltaTable(loaded.dir / "lake/sales").version() == before + 1
    assert_sales_once(loaded, {1: 10, 2: 10, 3: 10})
    assert "Overall Status: CONSISTENT" in loaded("validate-consistency").out
    loaded("prove", "sales")
    assert "Nothing to do" in loaded("run").out


def test_duplicates_whose_batches_cross(loaded):
    """File 1 is batch 0's, file 2 is batch 1's; each stands there under the other's number, too."""
    append_copies(loaded, [1], 1)
    append_copies(loaded, [2], 0)
    loaded("validate-consistency", rc=3)
    rows = deltalake.DeltaTable(loaded.dir / "lake/sales").to_pyarrow_table()
    assert rows.num_rows == 50
    assert "Removed 20 duplicate rows" in loaded("fix-inconsistencies").out
    assert_sales_once(loaded, {1: 10, 2: 10, 3: 10})
    loaded("validate-consistency")


def test_rows_of_a_file_that_was_unloaded(loaded):
    rows = deltalake.DeltaTable(loaded.dir / "lake/sales").to_pyarrow_table()
    loaded("unload", "inbox/sales-02.csv", "--yes")
    deltalake.write_deltalake(loaded.dir / "lake/sales", rows.filter(pc.equal(rows["_batch_id"], 1)),
                              mode="append")
    assert "rows of a file that batch 3 unloaded" in loaded("validate-consistency", rc=3).out
    loaded("fix-inconsistencies")
    assert_sales_once(loaded, {1: 10, 3: 10})
    loaded("validate-consistency")


def test_rows_that_are_missing_arent_made_up(loaded):
    loaded("delete", "lake/sales", "--where", "id = 20000001")
    loaded("reset-state", "--table", "sales", "--yes") # accepted as it is
    r = loaded("validate-consistency", rc=3)
    assert "9 rows in the target, batch 1 loaded 10" in r.out
    r = loaded("fix-inconsistencies", rc=3)
    assert "Not fixed: sales: 9 rows in the target" in r.out
    loaded("unload", "inbox/sales-02.csv", "--again", "--yes", rc=3) # nor taken for whole


# ---- renamed_from


def rename(silt, old, new, more=""):
    text = (silt.dir / "silt.yaml").read_text()
    silt.write("silt.yaml", text.replace(old, new) + more)


@pytest.mark.parametrize("lost", [False, True])
def test_a_renamed_table_keeps_its_history(loaded, lost):
    loaded("unload", "inbox/sales-02.csv", "--yes")
    rename(loaded, "table_name: sales", "table_name: revenue", "    renamed_from: sales\n")
    if lost:
        shutil.rmtree(loaded.dir / "state")
    for _ in range(2):
        loaded("run")
        assert_sales_once(loaded, {1: 10, 3: 10})
    sales(loaded, 4)
    loaded("run")
    assert_sales_once(loaded, {1: 10, 3: 10, 4: 10})
    loaded("validate-consistency")
    status = loaded("status", "--json").json["tables"]
    assert [t["table_name"] for t in status] == ["revenue"] and status[0]["files_completed"] == 3
    numbers = sorted((loaded.dir / "lake/sales/_silt/ledger/shop").iterdir())
    assert [folder.name for folder in numbers] == ["sales"] # the appId stays


def test_a_renamed_pipeline_keeps_its_history(loaded):
    rename(loaded, "pipeline: shop", "pipeline: store", "    renamed_from: shop/sales\n")
    assert "is that of pipeline 'shop'" in loaded("run", rc=2).err
    rename(loaded, "checkpoint_path: state", "checkpoint_path: state-2")
    loaded("run")
    assert_sales_once(loaded, {1: 10, 2: 10, 3: 10})
    loaded("validate-consistency")


def test_without_it_a_renamed_table_is_another(loaded):
    rename(loaded, "table_name: sales", "table_name: revenue")
    loaded("run")
    assert len(read(loaded, "sales", "id")) == 60


@pytest.mark.parametrize("name, message", [("sales", "that is its name"), ("a b", "found \"a b\""),
                                           ("/x", "found \"/x\"")])
def test_names_that_cant_be(loaded, name, message):
    rename(loaded, "x" * 99, "", f"    renamed_from: {name}\n")
    assert message in loaded("check-config", rc=2).err


def test_two_tables_of_one_history(silt):
    silt.write("silt.yaml", """\
pipeline: shop
checkpoint_path: state
tables:
  - {table_name: a, source: {path: "a-*.csv"}, write: {path: lake/a}}
  - {table_name: b, renamed_from: a, source: {path: "b-*.csv"}, write: {path: lake/b}}
""")
    r = silt("check-config", rc=2)
    assert "tables[1].renamed_from: a is what the table on line 4 is called, or was" in r.err


# ---- allow_txn_expiry


def test_a_target_that_forgets_is_refused(loaded):
    loaded("alter", "lake/sales", "--set-property",
           "delta.setTransactionRetentionDuration=interval 1 day")
    sales(loaded, 4)
    r = loaded("run", rc=2)
    assert "delta.setTransactionRetentionDuration" in r.out + r.err
    assert_sales_once(loaded, {1: 10, 2: 10, 3: 10})
    rename(loaded, "x" * 99, "", "    allow_txn_expiry: true\n")
    loaded("run")
    assert_sales_once(loaded, {1: 10, 2: 10, 3: 10, 4: 10})
    loaded("validate-consistency")


def test_a_renamed_table_that_was_restored(loaded):
    """What its batches were called under the old name is what is gone."""
    version = int(loaded("show", "lake/sales", "--json").json["version"])
    sales(loaded, 4)
    loaded("run")
    rename(loaded, "table_name: sales", "table_name: revenue", "    renamed_from: sales\n    on_restore: reload\n")
    loaded("restore", "lake/sales", "--version", version)
    r = loaded("run")
    assert "the rows of 1 files are gone" in r.err
    assert_sales_once(loaded, {1: 10, 2: 10, 3: 10, 4: 10})
    for _ in range(2):
        assert "Nothing to do" in loaded("run").out
    loaded("validate-consistency")
    loaded("prove")


def test_a_renamed_table_with_an_open_batch(loaded):
    """A run that died under the old name is settled under the new one."""
    before = loaded.intents()
    sales(loaded, 4)
    process = loaded.hold(lambda: loaded.intents() > before)
    process.kill()
    process.communicate()
    rename(loaded, "table_name: sales", "table_name: revenue", "    renamed_from: sales\n")
    assert "Orphaned processing record" in loaded("validate-consistency", rc=3).out
    loaded("run")
    assert_sales_once(loaded, {1: 10, 2: 10, 3: 10, 4: 10})
    loaded("validate-consistency")
    assert "Nothing to do" in loaded("run").out
