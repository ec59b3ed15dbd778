"""silt unload: exactly one file's rows go, and stay away or are loaded anew."""
import shutil

import pytest

from pipelines import CONFIG, assert_sales_once, configure, people, read, sales


@pytest.fixture
def loaded(silt):
    configure(silt, max_files=2)
    for day in range(1, 4):
        sales(silt, day)
    people(silt, "a", {1: "Ann"})
    silt("run")
    return silt


def test_exactly_the_rows_of_a_file_go(loaded):
    dry = loaded("unload", "inbox/sales-02.csv", "--dry-run", "--json").json
    assert dry["tables"][0]["rows"] == 10 and dry["tables"][0]["version"] is None
    assert_sales_once(loaded, {1: 10, 2: 10, 3: 10})
    done = loaded("unload", "inbox/sales-02.csv", "--yes", "--json").json["tables"][0]
    assert (done["rows"], done["loaded_by_batch_id"], done["batch_id"]) == (10, 0, 2)
    assert_sales_once(loaded, {1: 10, 3: 10})
    for _ in range(2): # it stays away
        assert "Nothing to do" in loaded("run").out
        assert_sales_once(loaded, {1: 10, 3: 10})
    loaded("validate-consistency")
    proof = loaded("prove", "sales", "--json").json["tables"][0]
    assert (proof["files"], proof["rows_in_target"]) == (2, 20)
    sales(loaded, 4)
    loaded("run")
    assert_sales_once(loaded, {1: 10, 3: 10, 4: 10})


def test_again(loaded):
    sales(loaded, 2, rows=7)
    assert "10 rows went" in loaded("unload", "inbox/sales-02.csv", "--again", "--yes").out
    assert loaded("status", "--json").json["tables"][0]["files_pending"] == 1
    loaded("run")
    assert_sales_once(loaded, {1: 10, 2: 7, 3: 10})
    loaded("validate-consistency")
    loaded("prove")
    loaded("unload", "inbox/sales-02.csv", "--yes") # and once more
    assert_sales_once(loaded, {1: 10, 3: 10})


def test_a_lost_tracker_doesnt_bring_it_back(loaded):
    loaded("unload", str(loaded.dir / "inbox/sales-01.csv"), "--yes")
    shutil.rmtree(loaded.dir / "state")
    loaded("run")
    assert_sales_once(loaded, {2: 10, 3: 10})
    loaded("validate-consistency")
    loaded("reset-state", "--yes")
    loaded("run")
    assert_sales_once(loaded, {2: 10, 3: 10})


def test_refusals_change_nothing(loaded):
    r = loaded("unload", "inbox/sales-09.csv", "--yes", rc=1)
    assert "no batch of pipeline shop has loaded this file" in r.err
    r = loaded("unload", "inbox/people-a.csv", "--yes", rc=2)
    assert "it isn't loaded by appending" in r.err and "silt restore" in r.err
    assert "--yes" in loaded("unload", "inbox/sales-01.csv", rc=2).err
    loaded("unload", "inbox/sales-01.csv", "--yes")
    r = loaded("unload", "inbox/sales-01.csv", "--yes", rc=1)
    assert "has loaded this file" in r.err
    assert_sales_once(loaded, {2: 10, 3: 10})


def test_rows_that_arent_those_of_the_ledger(loaded):
    loaded("update", "lake/sales", "--set", "_source_file = 'x'", "--where", "id = 20000001")
    r = loaded("unload", "inbox/sales-02.csv", "--yes", rc=3)
    assert "removed data files since batch" in r.err
    loaded("reset-state", "--table", "sales", "--yes") # the table is accepted as it is
    r = loaded("unload", "inbox/sales-02.csv", "--yes", rc=3)
    assert "9 rows of" in r.err and "batch 0 loaded 10" in r.err
    assert len(read(loaded, "sales", "id")) == 30


def test_odd_names(silt):
    silt.write("silt.yaml", (CONFIG.split("  - table_name: people")[0] % {"max_files": 5}))
    name = "inbox/sales-it's a \\ day.csv"
    silt.write(name, "id,kind,amount\n1,a,1.5\n")
    sales(silt, 2)
    silt("run")
    silt("unload", name, "--yes")
    assert_sales_once(silt, {2: 10})
