"""Conditions of statements skip files, and never a row that DuckDB would find without them."""
import datetime
import json

import deltalake
import duckdb
import pyarrow as pa
import pytest

CONDITIONS = [
    "d = DATE '2020-01-05'", "d >= '2020-02-01'", "d < TIMESTAMP '2020-01-03 00:00:00'", "d = '2020-1-5'",
    "d IN ('2020-01-01', DATE '2020-01-02')", "'2020-02-01' > d AND 10 > id", "d > DATE '2020-01-20' AND d > current_date",
    "v > 0.5", "v <= 1e-3", "id = 5.0", "id > 395.5", "id = '7'", "id = 99999999999999999999",
    "id IN (1, 2, '3')", "id IN (SELECT 5)", "id % 2 = 0 AND id < 10", "id IS DISTINCT FROM 3", "id < 3 IS NULL",
    "k IS NOT DISTINCT FROM 3", "k <> 3 AND d IS NULL", "(k = 3) = (id = 1)", "k::VARCHAR = '5'", "k IS NULL", "k >= 8",
    "s LIKE 'name 4%'", "s LIKE 'name _'", "s ILIKE 'NAME 1'", "s >= 'name 48'", "s = ''", "starts_with(s, 'name 12')",
    "NOT (s = 'name 1' OR id > 3)", "p = 'a' AND id < 50", "p IS NULL", "p > 'a'", "p <> ''", "true", "false OR NULL",
]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Eight commits, by a partition column with nulls."""
    path = str(tmp_path_factory.mktemp("sql") / "t")
    day = datetime.date(2020, 1, 1)
    parts = []
    for n in range(8):
        ids = range(50 * n, 50 * n + 50)
        parts.append(pa.table({
            "id": pa.array(ids, pa.int64()),
            "k": pa.array([i % 11 if i % 7 else None for i in ids], pa.int32()),
            "v": pa.array([i / 400 for i in ids], pa.float64()),
            "s": [f"name {i % 60}" if i % 50 else "" for i in ids],
            "d": [day + datetime.timedelta(i // 10) if i % 13 else None for i in ids],
            "p": pa.array([("a", "b", None)[n % 3]] * 50, pa.string()),
        }))
        deltalake.write_deltalake(path, parts[-1], partition_by=["p"], mode="append")
    return path, pa.concat_tables(parts)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_finds_the_same_rows(silt, table, condition):
    path, rows = table
    statement = "SELECT count(*) AS n, sum(id)::BIGINT AS s FROM {} WHERE " + condition
    there = duckdb.connect()
    there.register("arrow", rows)
    there.execute("CREATE TABLE here AS FROM arrow")
    n, s = there.execute(statement.format("here")).fetchone()
    assert silt("sql", statement.format(f"delta('{path}')"), "--json").json == {"n": n, "s": s}
    joined = f"SELECT count(*) AS n FROM {{0}} a LEFT JOIN (SELECT * FROM {{0}} WHERE {condition}) b ON a.id = b.id AND a.k = 3"
    n, = there.execute(joined.format("here")).fetchone()
    assert json.loads(silt("sql", joined.format(f"delta('{path}')"), "--json").out) == {"n": n}
