"""silt prove: what was loaded is there, once, whatever tracker and status say."""
import json
import shutil

import pytest

from pipelines import STRATEGY, configure, people, sales


@pytest.fixture
def loaded(silt):
    configure(silt)
    sales(silt, 1)
    sales(silt, 2, rows=5)
    people(silt, "a", {1: "Ann", 2: "Bob"})
    silt("run")
    people(silt, "b", {2: "Ben", 3: "Cid"})
    silt("run")
    return silt


def table(proof, name):
    return next(t for t in proof["tables"] if t["table_name"] == name)


def test_each_strategy_by_its_method(loaded):
    proof = loaded("prove", "--json").json
    assert proof["proven"] and not any(t["problems"] for t in proof["tables"])
    by_count, by_ledgers = table(proof, "sales"), table(proof, "people")
    assert (by_count["method"], by_count["files"], by_count["rows_inserted"],
            by_count["rows_in_target"]) == ("recount", 2, 15, 15)
    assert (by_ledgers["method"], by_ledgers["batches"], by_ledgers["rows_inserted"],
            by_ledgers["rows_updated"], by_ledgers["rows_expected"]) == ("ledgers", 2, 3, 1, 3)
    text = loaded("prove", "sales").out
    assert "sales (append): proven" in text and "people" not in text
    assert "recounted by source file and batch: 15 rows of 2 files in 1 batch" in text


def test_before_the_first_run(silt):
    configure(silt)
    proof = silt("prove", "--json").json
    assert proof["proven"] and {t["method"] for t in proof["tables"]} == {"nothing"}
    assert "nothing has been loaded so far" in silt("prove").out


def test_the_tracker_isnt_asked(loaded):
    shutil.rmtree(loaded.dir / "state")
    assert loaded("prove", "--json").json["proven"]


def test_rows_that_are_gone(loaded):
    loaded("delete", "lake/sales", "--where", "id = 10000003")
    loaded("delete", "lake/people", "--where", "id = 1")
    proof = loaded("prove", "--json", rc=3).json
    problems = "\n".join(table(proof, "sales")["problems"])
    assert "removed data files" in problems and "9 rows in the target, batch 0 loaded 10" in problems
    problems = "\n".join(table(proof, "people")["problems"])
    assert "2 rows are there, 3 at least have been loaded" in problems
    assert "sales (append): not proven" in loaded("prove", rc=3).out


def test_rows_of_others_are_no_fault(loaded):
    loaded.write("more.csv", "id,name\n77,Gus\n")
    loaded("write", "lake/people", "more.csv")
    loaded("write", "lake/sales", "inbox/sales-01.csv")
    r = loaded("prove")
    assert "1 row is there that this pipeline didn't load" in r.out
    assert "10 rows are there that this pipeline didn't load" in r.out


def test_rows_twice_and_foreign_files(loaded):
    loaded("write", "lake/sales", "--sql", "SELECT * FROM delta('lake/sales') LIMIT 3")
    problems = "\n".join(table(loaded("prove", "--json", rc=3).json, "sales")["problems"])
    assert "rows in the target, batch 0 loaded" in problems


def test_a_ledger_that_is_missing_or_lies(loaded):
    ledger = next((loaded.dir / "lake/people/_silt/ledger").rglob("*0.json"))
    text = ledger.read_text()
    said = json.loads(text)
    said["files"][0]["rows"]["inserted"] -= 1
    ledger.write_text(json.dumps(said))
    proof = loaded("prove", "people", "--json", rc=3).json
    assert "doesn't account for all of 2 rows" in proof["tables"][0]["problems"][0]
    ledger.unlink()
    proof = loaded("prove", "people", "--json", rc=3).json
    assert any("Missing ledger" in p for p in proof["tables"][0]["problems"])


def test_sources(loaded):
    (loaded.dir / "inbox/sales-02.csv").unlink()
    found = table(loaded("prove", "--sources", "--json").json, "sales")
    assert (found["files_hashed"], found["files_gone"]) == (1, 1)
    assert "1 source file read again and compared; 1 is no longer there" in loaded(
        "prove", "--sources").out
    people(loaded, "b", {2: "Ben", 3: "Cyd"})
    problems = table(loaded("prove", "--sources", "--json", rc=3).json, "people")["problems"]
    assert len(problems) == 1 and "isn't what batch 1 loaded" in problems[0]


def test_an_overwrite_is_what_was_loaded_last(silt):
    silt.write("silt.yaml", STRATEGY % ("overwrite", ""))
    people(silt, "a", {1: "Ann", 2: "Bob", 3: "Cid"})
    silt("run")
    people(silt, "b", {4: "Dee"})
    silt("run")
    found = silt("prove", "--json").json["tables"][0]
    assert (found["rows_inserted"], found["rows_expected"], found["rows_in_target"]) == (4, 1, 1)


def test_a_table_that_there_isnt(loaded):
    r = loaded("prove", "sale", rc=2)
    assert "no such table" in r.err and "did you mean 'sales'?" in r.err
