"""NaN is the greatest number and equals itself, though the bounds that writers put beside it leave it out."""
import math

import pyarrow as pa
import pytest
from deltalake import WriterProperties, write_deltalake

ROWS = [math.nan if i % 10 == 0 else i / 1000 for i in range(1000)]
CONDITIONS = ["v > 5", "v >= 1", "v = double('NaN')", "NOT v < 5", "s.x > 5", "f > 5", "v IN (double('NaN'), 7D)",
              "isnan(s.x)", "v <=> double('NaN')", "v BETWEEN 5 AND double('NaN')"]


@pytest.fixture
def table(silt):
    path = silt.dir / "t"
    rows = pa.table({"v": ROWS, "f": pa.array(ROWS, pa.float32()), "s": [{"x": v, "k": 1} for v in ROWS]})
    write_deltalake(path, rows, writer_properties=WriterProperties(max_row_group_size=100))
    return path


def count(silt, *args):
    return len(silt(*args, "--format", "csv", "--no-header").out.splitlines())


@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions_find_it(silt, table, condition):
    assert count(silt, "read", table, "--where", condition) == 100


@pytest.mark.parametrize("condition", ["v > 5", "s.x > 5", "f > 5", "v = 'NaN'::DOUBLE", "isnan(f)"])
def test_sql_finds_it(silt, table, condition):
    assert count(silt, "sql", f"SELECT v FROM delta('{table}') WHERE {condition}") == 100


def test_it_is_the_greatest(silt, table):
    out = silt("sql", f"SELECT max(v), max(f), max(s.x), min(v) FROM delta('{table}')", "--format", "csv", "--no-header").out
    assert out.strip().lower() == "nan,nan,nan,0.001"
