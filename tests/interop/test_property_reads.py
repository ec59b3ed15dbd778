"""Random tables by an independent writer, with the change data feed on: Silt's rows are its rows at every version, and
the changes between any two versions turn the one's rows into the other's.

They are the same each time: SILT_SEED=… begins with another, SILT_PROPERTY_TABLES is how many to make (8). A failure says
its seed."""
import os
import random
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

SEED = int(os.environ.get("SILT_SEED", "20779"))  # any number
TABLES = int(os.environ.get("SILT_PROPERTY_TABLES", "8"))
FEED = ["_change_type", "_commit_version", "_commit_timestamp"]
GAINS, LOSSES = {"insert", "update_postimage"}, {"delete", "update_preimage"}
TEXTS = ["", "a", "ü", "x/y=z", "100%", "a b", "'", None]


def fields(columns):
    types = {"id": pa.int64(), "g": pa.string(), "n": pa.int32(), "x": pa.float64(), "s": pa.string(),
             "extra": pa.int64(), "later": pa.string()}
    return pa.schema([(name, types[name]) for name in columns])


class Writer:
    """One table, and operations on it as the dice fall."""

    def __init__(self, path, seed):
        self.path, self.r = str(path), random.Random(seed)
        self.columns = ["id", "g", "n", "x", "s"]
        self.next_id = 0
        self.log = []
        partitions = self.r.choice([None, None, ["g"], ["n", "g"]])
        write_deltalake(self.path, self.rows(self.r.randrange(1, 30)), partition_by=partitions,
                        configuration={"delta.enableChangeDataFeed": "true"})
        self.log.append(f"create by {partitions}")

    def rows(self, count, ids=None):
        r = self.r
        if ids is None:
            ids = list(range(self.next_id, self.next_id + count))
            self.next_id += count
        made = {"id": ids, "g": [r.choice("pqr") for _ in ids], "n": [r.choice([None, 1, 2, 3]) for _ in ids],
                "x": [r.choice([None, 0.5, -1.25, 1e300]) for _ in ids], "s": [r.choice(TEXTS) for _ in ids],
                "extra": [r.choice([None, 7]) for _ in ids], "later": [r.choice(TEXTS) for _ in ids]}
        return pa.table({c: made[c] for c in self.columns}, schema=fields(self.columns))

    def some_ids(self):
        return sorted(self.r.sample(range(self.next_id), min(self.next_id, self.r.randrange(1, 8))))

    def predicate(self):
        some = ", ".join(map(str, self.some_ids()))
        return self.r.choice([f"id IN ({some})", f"id % {self.r.randrange(2, 5)} = 0", "g = 'p'", "n = 2 AND g <> 'q'",
                              "s IS NULL", "x > 0", f"id < {self.r.randrange(self.next_id + 1)}"])

    def append(self):
        write_deltalake(self.path, self.rows(self.r.randrange(1, 20)), mode="append")

    def append_wider(self):
        new = [c for c in ("extra", "later") if c not in self.columns]
        if new:
            self.columns.append(new[0])
        write_deltalake(self.path, self.rows(self.r.randrange(1, 5)), mode="append", schema_mode="merge")

    def delete(self):
        DeltaTable(self.path).delete(self.predicate())

    def update(self):
        column, value = self.r.choice([("s", "'new'"), ("x", "coalesce(x, 0) + 1"), ("s", "NULL"), ("n", "9")])
        DeltaTable(self.path).update(updates={column: value}, predicate=self.predicate())

    def merge(self):
        ids = self.some_ids() + [self.next_id, self.next_id + 1]
        self.next_id += 2
        m = DeltaTable(self.path).merge(self.rows(0, ids), "t.id = s.id", source_alias="s", target_alias="t")
        if self.r.random() < 0.4:
            m = m.when_matched_delete("s.n = 1")
        if self.r.random() < 0.8:
            m = m.when_matched_update_all()
        if self.r.random() < 0.8:
            m = m.when_not_matched_insert_all()
        m.execute()

    def overwrite(self):
        write_deltalake(self.path, self.rows(self.r.randrange(1, 15)), mode="overwrite")

    def overwrite_some(self):
        rows = self.rows(self.r.randrange(1, 6))
        rows = rows.set_column(1, "g", pa.array(["p"] * rows.num_rows))
        write_deltalake(self.path, rows, mode="overwrite", predicate="g = 'p'")

    def optimize(self):
        DeltaTable(self.path).optimize.compact()

    def checkpoint(self):
        DeltaTable(self.path).create_checkpoint()

    def step(self):
        names = ["append"] * 3 + ["delete", "update", "merge", "overwrite"] * 2 + [
            "append_wider", "overwrite_some", "optimize", "checkpoint"]
        name = self.r.choice(names)
        getattr(self, name)()
        self.log.append(f"{DeltaTable(self.path).version()} {name}")


def counted(table, columns):
    """Rows as a multiset, a column that isn't there as null."""
    lists = [table.column(c).to_pylist() if c in table.column_names else [None] * table.num_rows for c in columns]
    return Counter(zip(*lists))


class Checker:
    def __init__(self, silt, writer, read_deltalake):
        self.silt, self.w = silt, writer
        t = DeltaTable(writer.path)
        self.last, self.columns = t.version(), [f.name for f in t.schema().fields]
        self.versions = [counted(read_deltalake(writer.path, version=v), self.columns) for v in range(self.last + 1)]

    def run(self, *args):
        self.silt(*args, "--format", "parquet", "--output", "out.parquet")
        return pq.read_table(self.silt.dir / "out.parquet")

    def rows(self, version):
        got = counted(self.run("read", self.w.path, "--version", version), self.columns)
        assert got == self.versions[version], f"rows of version {version}"

    def turn(self, before, after, changes):
        """`changes` applied to one version's rows make the other's."""
        kinds = changes.column("_change_type").to_pylist()
        assert set(kinds) <= GAINS | LOSSES
        gained = counted(changes.filter(pa.array([k in GAINS for k in kinds], pa.bool_())), self.columns)
        lost = counted(changes.filter(pa.array([k in LOSSES for k in kinds], pa.bool_())), self.columns)
        rows = Counter(self.versions[before])
        rows.update(gained)
        rows.subtract(lost)
        assert +rows == self.versions[after] and not -rows, f"changes from {before} to {after}"
        return gained, lost

    def feed(self, before, after):
        changes = self.run("changes", self.w.path, "--from", before + 1, "--to", after)
        assert changes.column_names == self.columns + FEED
        self.turn(before, after, changes)
        versions = set(changes.column("_commit_version").to_pylist())
        assert versions <= set(range(before + 1, after + 1))

    def net(self, before, after, keys):
        more = ["--keys", "id"] if keys else []
        changes = self.run("changes", self.w.path, "--from", before, "--to", after, "--net", *more)
        gained, lost = self.turn(before, after, changes)
        assert not gained & lost, "a row that is on both sides is no difference"

    def all(self):
        for v in range(self.last + 1):
            self.rows(v)
        for v in range(self.last):
            self.feed(v, v + 1)
        for _ in range(4):
            before, after = sorted(self.w.r.sample(range(self.last + 1), 2))
            self.feed(before, after)
            self.net(before, after, self.w.r.random() < 0.5)


@pytest.mark.slow
def test_rows_and_changes(silt, read_deltalake):
    for seed in range(SEED, SEED + TABLES):
        writer = Writer(silt.dir / f"t{seed}", seed)
        for _ in range(writer.r.randrange(3, 9)):
            writer.step()
        try:
            Checker(silt, writer, read_deltalake).all()
        except AssertionError as e:
            raise AssertionError(f"SILT_SEED={seed}: {e}; operations: {writer.log}") from e
