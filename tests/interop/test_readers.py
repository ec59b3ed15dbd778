"""The two readers that judge Silt's tables agree on a table which is not Silt's."""
import datetime

import deltalake
import pyarrow as pa
import pyarrow.compute as pc

UTC = datetime.timezone.utc


def rows(table):
    """Rows in the order of `id`, as dictionaries."""
    order = pc.sort_indices(table, sort_keys=[("id", "ascending")])
    return table.take(order).to_pylist()


def test_readers_agree(tmp_path, read_deltalake, read_duckdb):
    path = tmp_path / "it's a table"
    first = pa.table({
        "id": pa.array([1, 2, 3], pa.int64()),
        "name": ["a", None, "ü"],
        "at": pa.array([datetime.datetime(2024, 1, 2, 3, 4, 5, 678901, UTC), None, None],
                       pa.timestamp("us", "UTC")),
        "part": ["x", "y z", None],
        "tags": pa.array([["p"], [], None], pa.list_(pa.string())),
    })
    deltalake.write_deltalake(path, first, partition_by=["part"])
    deltalake.write_deltalake(path, first.slice(0, 1), mode="append")
    assert read_deltalake(path, version=0).num_rows == 3
    assert rows(read_deltalake(path, version=0)) == rows(first)
    assert rows(read_duckdb(path, version=0)) == rows(first)
    assert read_deltalake(path).num_rows == read_duckdb(path).num_rows == 4
