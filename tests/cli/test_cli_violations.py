"""Rows that violate what a table asks: told by each operation that writes, and nothing is written."""
import json

import pytest

COLUMNS = "id long, m int"
OPERATIONS = {
    "append": ["write", "t", "bad.csv"],
    "overwrite": ["write", "t", "bad.csv", "--mode", "overwrite"],
    "replace": ["write", "t", "bad.csv", "--mode", "overwrite", "--where", "id <> 5 OR id IS NULL"],
    "sql": ["write", "t", "--sql", "SELECT * FROM (VALUES (-1, 1), (-2, 1), (NULL, 1), (7, 2)) v(id, m)"],
    "update": ["update", "t", "--set", "id = -m", "--where", "m < 4"],
}


def events(silt):
    lines = [json.loads(line) for line in (silt.dir / "events").read_text().splitlines()]
    return [e for e in lines if "constraint_violation" in e.values()]


@pytest.fixture
def table(silt):
    silt("create", "t", "--schema", COLUMNS, "--constraint", "positive=id > 0", "--constraint", "few=m < 100")
    silt("write", "t", "--sql", "SELECT range AS id, range::INT AS m FROM range(1, 6)")
    silt.write("bad.csv", "id,m\n-1,1\n-2,1\n,1\n7,2\n")
    return silt


@pytest.mark.parametrize("how", OPERATIONS)
def test_a_constraint_of_the_table(table, how):
    before = sorted(str(p) for p in (table.dir / "t").rglob("*"))
    r = table(*OPERATIONS[how], "--diagnostics", "events", rc=1)
    assert "positive (id > 0)" in r.err and "3 rows violate it" in r.err and "-1" in r.err and "few" not in r.err
    (event,) = events(table)
    text = json.dumps(event)
    assert '"rows": 3' in text and "positive" in text and '"id": -1' in text and "/t" in text or '"table": "t"' in text
    assert sorted(str(p) for p in (table.dir / "t").rglob("*") if "_silt" not in str(p)) == [
        p for p in before if "_silt" not in p]


def test_a_constraint_of_a_pipeline(silt):
    silt.write("in/bad.csv", "id,m\n-1,1\n5,1\n")
    silt.write("silt.yaml", "pipeline: p\ncheckpoint_path: state\ntables:\n  - table_name: t\n    source: {path: 'in/*.csv'}\n"
               "    constraints: [{name: positive, check: id > 0}]\n    write: {path: t}\n")
    r = silt("run", "--diagnostics", "events", rc=1)
    assert "1 row violates constraint positive (id > 0)" in r.out
    (event,) = events(silt)
    assert "positive" in json.dumps(event) and '"rows": 1' in json.dumps(event)


KEYED = {
    "upsert": ["write", "t", "--mode", "upsert", "--keys", "id"],
    "newest": ["write", "t", "--mode", "upsert", "--keys", "id", "--dedup", "newest_wins", "--timestamp-col", "m"],
    "append_once": ["write", "t", "--mode", "append_once", "--keys", "id"],
    "merge": ["merge", "t", "--keys", "id", "--when", "matched then update set *", "--when", "not matched then insert *"],
}
"""Each takes files behind the table: see run_keyed()."""


def run_keyed(silt, how, files, **more):
    command = KEYED[how]
    return silt(*command[:2], *files, *command[2:], **more)


@pytest.mark.parametrize("how", ["append", *KEYED])
def test_source_files_of_rows_that_violate_are_named(table, how):
    files = []
    for i in range(9):
        files.append(f"f{i}.csv")
        table.write(files[-1], f"id,m\n{100 + i},1\n" + (f"-{i},1\n-{i + 50},1\n" if i not in (3, 5) else ""))
    command = ["write", "t", *files] if how == "append" else None
    r = (table(*command, "--diagnostics", "events", rc=1) if command else
         run_keyed(table, how, [*files, "--diagnostics", "events"], rc=1))
    assert "positive (id > 0)" in r.err and "14 rows violate it, in f0.csv, f1.csv, f2.csv, f4.csv, f6.csv and 2 more" in r.err
    (event,) = events(table)
    text = json.dumps(event)
    assert '"source_files": 7, "sources": ["f0.csv", "f1.csv", "f2.csv", "f4.csv", "f6.csv"]' in text
    assert table("read", "t", "--format", "csv").out.count("\n") == 6


@pytest.mark.parametrize("how", ["upsert", "merge"])
def test_rows_that_change_others_are_named_too(table, how):
    table.write("good.csv", "id,m\n1,7\n9,9\n")
    table.write("bad.csv", "id,m\n2,100\n3,101\n")
    r = run_keyed(table, how, ["good.csv", "bad.csv"], rc=1)
    assert "few (m < 100)" in r.err and "2 rows violate it, in bad.csv, such as" in r.err and "good.csv" not in r.err


def test_rows_of_the_table_have_no_source_file(table):
    table.write("good.csv", "id,m\n1,7\n")
    r = table("merge", "t", "good.csv", "--keys", "id", "--when", "not matched by source then update set m = m + 1000", rc=1)
    assert "4 rows violate it, such as" in r.err and "good.csv" not in r.err


@pytest.mark.parametrize("existing", [True, False])
@pytest.mark.parametrize("mode", ["append", "upsert", "append_once", "overwrite"])
def test_constraints_of_a_dataset(silt, mode, existing):
    silt.write("sets.yaml", "datasets:\n  d:\n    path: t\n    constraints: [{name: positive, check: id > 0}]\n")
    keys = ["--keys", "id"] if mode != "append" else []
    diff = ["--as-diff"] if mode == "overwrite" and existing else []
    if mode == "overwrite" and not existing:
        keys = []
    to = ["--dataset", "d", "--datasets", "sets.yaml", "--mode", mode, *keys, *diff]
    if existing:
        silt("create", "t", "--schema", COLUMNS)
    silt.write("good.csv", "id,m\n3,1\n")
    silt.write("bad.csv", "id,m\n-1,1\n7,1\n")
    r = silt("write", "good.csv", "bad.csv", *to, rc=1)
    assert "constraint positive (id > 0): 1 row violates it, in bad.csv, such as" in r.err
    silt("write", "good.csv", *to)
    assert rows(silt) == ["3,1"]


def rows(silt):
    return sorted(silt("sql", "SELECT id, m FROM delta('t')", "--format", "csv", "--no-header").out.split())


@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize("strategy", ["append", "upsert", "append_once"])
def test_a_pipeline_s_guilty_files_fail_and_the_others_load(silt, strategy, existing):
    keys = "" if strategy == "append" else "    primary_keys: [id]\n"
    silt.write("silt.yaml", "pipeline: p\ncheckpoint_path: state\ntables:\n  - table_name: t\n    source: {path: 'in/*.csv'}\n"
               f"    loading_strategy: {strategy}\n{keys}    audit_columns: false\n"
               "    constraints: [{name: positive, check: id > 0}, {name: few, check: m < 100, persist: true}]\n    write: {path: t}\n")
    if existing:
        silt.write("in/0.csv", "id,m\n1,0\n")
        silt("run")
    silt.write("in/a.csv", "id,m\n2,1\n3,1\n")
    silt.write("in/b.csv", "id,m\n4,1\n-5,1\n-6,1\n")
    silt.write("in/c.csv", "id,m\n7,1\n")
    silt.write("in/d.csv", "id,m\n8,100\n")
    r = silt("run", rc=5)
    told = r.out + r.err
    assert "b.csv" in told and "2 rows violate constraint positive (id > 0)\n" in told
    assert "d.csv" in told and "1 row violates constraint few (m < 100)\n" in told and "in/a.csv" not in told and "in/c.csv" not in told
    assert rows(silt) == [*(["1,0"] if existing else []), "2,1", "3,1", "7,1"]
    silt.write("in/b.csv", "id,m\n4,1\n")
    silt("run", rc=5)
    assert "4,1" in rows(silt)

