"""on_change: reload — a loaded file that changes takes the place of exactly its own rows."""
import json

import pytest

from pipelines import SALES_ONLY, configure, read, sales

RELOAD = SALES_ONLY + "    on_change: reload\n"


def rows_of(silt):
    return [int(row[0]) for row in read(silt, "sales", "id")]


def ids(day, rows):
    return [day * 10_000_000 + i for i in range(rows)]


@pytest.fixture
def loaded(silt):
    configure(silt, RELOAD, max_files=2)
    for day in range(1, 4):
        sales(silt, day)
    silt("run")
    return silt


def ledgers(silt):
    folder = silt.dir / "lake/sales/_silt/ledger/shop/sales"
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def test_exactly_its_rows_give_way_in_one_commit(loaded, read_deltalake):
    sales(loaded, 2, rows=4)
    before = len(list((loaded.dir / "lake/sales/_delta_log").glob("*.json")))
    done = loaded("run", "--json")
    assert done.json["total_files_processed"] == 1 and done.json["rows"] == 4
    assert "1 loaded file has changed since" in done.err
    assert len(list((loaded.dir / "lake/sales/_delta_log").glob("*.json"))) == before + 1
    wanted = sorted(ids(1, 10) + ids(2, 4) + ids(3, 10))
    for _ in range(2):
        assert rows_of(loaded) == wanted
        assert "Nothing to do" in loaded("run").out
    assert sorted(read_deltalake(loaded.dir / "lake/sales")["id"].to_pylist()) == wanted
    ledger = ledgers(loaded)[-1]
    assert ledger["kind"] == "reload" and ledger["files"][0]["replaces"] == 0
    loaded("validate-consistency")
    proof = loaded("prove", "sales", "--json", "--sources").json["tables"][0]
    assert (proof["files"], proof["rows_in_target"]) == (3, 24)


def test_new_files_and_changed_ones_in_one_run(loaded):
    sales(loaded, 1, rows=3)
    sales(loaded, 2, rows=5)
    sales(loaded, 3, rows=7)
    sales(loaded, 4, rows=2)
    assert loaded("run", "--json").json["total_files_processed"] == 4
    assert rows_of(loaded) == sorted(ids(1, 3) + ids(2, 5) + ids(3, 7) + ids(4, 2))
    kinds = [ledger["kind"] for ledger in ledgers(loaded)]
    assert kinds == ["data", "data", "data", "reload", "reload"]
    sales(loaded, 1, rows=8) # and once more
    loaded("run")
    assert rows_of(loaded) == sorted(ids(1, 8) + ids(2, 5) + ids(3, 7) + ids(4, 2))
    loaded("unload", "inbox/sales-01.csv", "--yes")
    assert rows_of(loaded) == sorted(ids(2, 5) + ids(3, 7) + ids(4, 2))
    loaded("validate-consistency")


def test_a_file_that_is_only_touched_isnt_loaded(loaded):
    sales(loaded, 2)
    assert "Nothing to do" in loaded("run").out
    assert len(ledgers(loaded)) == 2


def test_a_change_that_cant_be_loaded_leaves_the_rows(loaded):
    loaded.write("inbox/sales-02.csv", "id,kind,amount\n20000000,a,none\n")
    wanted = sorted(ids(1, 10) + ids(2, 10) + ids(3, 10))
    for _ in range(2): # retry_attempts
        assert "sales-02.csv" in loaded("run", rc=5).out
        assert rows_of(loaded) == wanted
        loaded("validate-consistency")
    assert loaded("status", "--json").json["tables"][0]["files_failed"] == 1
    loaded("run")
    assert rows_of(loaded) == wanted
    sales(loaded, 2, rows=6)
    loaded("run", "--retry-failed")
    assert rows_of(loaded) == sorted(ids(1, 10) + ids(2, 6) + ids(3, 10))
    loaded("validate-consistency")


@pytest.mark.parametrize("on_change", ["reload", "ignore"])
def test_back_to_what_it_was_after_a_failure(loaded, on_change):
    loaded.write("inbox/sales-02.csv", "id,kind,amount\n20000000,a,none\n")
    loaded("run", rc=5)
    sales(loaded, 2)
    configure(loaded, RELOAD.replace("reload", on_change), max_files=2)
    loaded("run")
    assert rows_of(loaded) == sorted(ids(1, 10) + ids(2, 10) + ids(3, 10))
    assert loaded("status", "--json").json["tables"][0]["files_completed"] == 3
    assert len(ledgers(loaded)) == 3 # the fence of the batch that failed
    loaded("validate-consistency")


def test_switched_to_ignore_after_a_failure_nothing_is_there_twice(loaded):
    loaded.write("inbox/sales-02.csv", "id,kind,amount\n20000000,a,none\n")
    loaded("run", rc=5)
    configure(loaded, SALES_ONLY, max_files=2)
    sales(loaded, 2, rows=6)
    assert "are ignored (on_change: ignore)" in loaded("run").err
    assert rows_of(loaded) == sorted(ids(1, 10) + ids(2, 10) + ids(3, 10))
    loaded("validate-consistency")


@pytest.mark.parametrize("partition", ["", ", partition_by: kind"])
def test_files_with_others_rows_are_rewritten_or_marked(silt, partition, read_deltalake):
    """After an optimize all rows stand in one file, and the change feed has to be told."""
    text = RELOAD.replace("lake/sales}", "lake/sales%s}" % partition)
    configure(silt, text)
    for day in range(1, 4):
        sales(silt, day)
    silt("run")
    silt("alter", "lake/sales", "--set-property", "delta.enableChangeDataFeed=true")
    silt("optimize", "lake/sales")
    version = silt("show", "lake/sales", "--json").json["version"]
    sales(silt, 3, rows=4)
    silt("run")
    assert rows_of(silt) == sorted(ids(1, 10) + ids(2, 10) + ids(3, 4))
    changes = silt("changes", "lake/sales", "--from", str(version + 1), "--format", "csv",
                   "--columns", "id").out
    assert changes.count(",delete,") == 10 and changes.count(",insert,") == 4
    silt("validate-consistency")


def test_rows_of_others_in_between_stop_it(loaded):
    loaded("delete", "lake/sales", "--where", "id = 20000001")
    loaded("reset-state", "--table", "sales", "--yes") # accepted as it is
    sales(loaded, 2, rows=4)
    r = loaded("run", rc=3)
    assert "9 rows to be replaced are there, and not 10" in r.out
    assert len(rows_of(loaded)) == 29


def test_ledgers_that_are_gone_are_made_up_for(loaded):
    for path in (loaded.dir / "lake/sales/_silt/ledger/shop/sales").glob("*0.json"):
        path.unlink()
    sales(loaded, 1, rows=2)
    loaded("run")
    assert rows_of(loaded) == sorted(ids(1, 2) + ids(2, 10) + ids(3, 10))


@pytest.mark.parametrize("more", ["    audit_columns: false\n",
                                  "    loading_strategy: upsert\n    primary_keys: [id]\n",
                                  "    loading_strategy: overwrite\n"])
def test_refused_where_rows_dont_tell_their_file(silt, more):
    configure(silt, (RELOAD + more).replace("    batch: {max_files: %(max_files)d}\n", ""))
    r = silt("check-config", rc=2)
    assert "tables[0].on_change: reload takes a file's rows out" in r.err and "silt restore" in r.err
