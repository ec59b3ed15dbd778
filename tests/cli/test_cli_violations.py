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
