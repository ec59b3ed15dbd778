"""Two pipelines that append to one target, also of the very same files: each judges its own rows, and takes none of the
other's away."""
import shutil
import sqlite3

import duckdb
import pytest
from deltalake import DeltaTable, write_deltalake

CONFIG = """\
pipeline: %s
checkpoint_path: state-%s
%stables:
  - table_name: sales
    source: {path: "%s/*.csv"}
    on_restore: reload
    on_change: reload
    write: {%s}
"""
WRITES = {"delta": "path: lake/sales", "parquet": "format: parquet, path: lake/sales", "csv": "format: csv, path: lake/sales",
          "sqlite": "format: sqlite, connection: db, path: sales"}


class Shop:
    def __init__(self, silt, kind):
        self.silt, self.kind = silt, kind
        for name in "ab":
            self.configure(name, f"inbox-{name}")

    def configure(self, name, inbox):
        more = "connections: {db: {path: shop.db}}\n" if self.kind == "sqlite" else ""
        self.silt.write(f"{name}.yaml", CONFIG % (name, name, more, inbox, WRITES[self.kind]))

    def put(self, inbox, name, keys):
        self.silt.write(f"{inbox}/{name}.csv", "id,kind\n" + "".join(f"{k},x\n" for k in keys))

    def __call__(self, name, *args, rc=0):
        return self.silt(*args, "--config", f"{name}.yaml", rc=rc)

    def ids(self):
        if self.kind == "sqlite":
            with sqlite3.connect(self.silt.dir / "shop.db") as db:
                return sorted(row[0] for row in db.execute("SELECT id FROM sales"))
        if self.kind in ("parquet", "csv"):
            files = [str(p) for p in (self.silt.dir / "lake/sales").glob(f"*.{self.kind}")]
            query = f"SELECT id FROM read_{self.kind}(?)"
            return sorted(row[0] for row in duckdb.execute(query, [files]).fetchall()) if files else []
        out = self.silt("sql", "SELECT id FROM delta('lake/sales') ORDER BY id", "--format", "csv").out
        return [int(line) for line in out.split()[1:]]

    def assert_sound(self, proven=True):
        for name in "ab":
            self(name, "validate-consistency")
            assert self(name, "fix-inconsistencies", "--json").json["fixes_applied"] == 0
            if proven:
                self(name, "prove")


@pytest.fixture(params=WRITES)
def shop(silt, request):
    return Shop(silt, request.param)


def problems(result):
    report = result.json
    return report["inconsistencies"] + [p for t in report["tables"] for p in t["inconsistencies"]]


def test_each_judges_its_own(shop):
    shop.put("inbox-a", "one", [1, 2])
    shop.put("inbox-b", "two", [3])
    for _ in range(3):
        shop("a", "run")
        shop("b", "run")
    assert shop.ids() == [1, 2, 3]
    shop.assert_sound()
    shop("a", "unload", "inbox-a/one.csv", "--yes")
    assert shop.ids() == [3]
    shop.assert_sound()
    assert shop("b", "reset-state", "--forget", "--delete-rows", "--yes").rc == 0
    assert shop.ids() == []


def test_the_same_files(shop):
    """The same path under the same number: their counts tell them apart, single rows don't."""
    for name in "ab":
        shop.configure(name, "inbox")
    shop.put("inbox", "one", [1, 2])
    for _ in range(3):
        shop("a", "run")
        shop("b", "run")
    assert shop.ids() == [1, 1, 2, 2]
    shop.assert_sound()
    r = shop("a", "unload", "inbox/one.csv", "--yes", rc=3)
    assert "4 rows of " in r.err and "batch 0 loaded 2" in r.err
    r = shop("b", "reset-state", "--forget", "--delete-rows", "--yes", rc=3)
    assert "can't be told from them" in r.err
    shop.put("inbox", "one", [7, 8, 9])
    r = shop("a", "run", rc=None)
    assert r.rc in (1, 3), r
    assert shop.ids() == [1, 1, 2, 2]
    shop("b", "validate-consistency")


def test_recovery_without_ledgers_asks_those_of_the_other(shop):
    """Which files are ours is told by rows; rows that the other's ledgers vouch for aren't evidence of ours."""
    for name in "ab":
        shop.configure(name, "inbox")
    shop.put("inbox", "one", [1])
    shop("a", "run")
    shop.put("inbox", "two", [2])
    shop("b", "run") # one and two, as batch 0
    shop.put("inbox", "three", [3])
    def lose(name):
        if shop.kind == "sqlite":
            with sqlite3.connect(shop.silt.dir / "shop.db") as db:
                db.execute(f"DELETE FROM _silt_ledger WHERE app_id = '{name}/sales'")
        else:
            shutil.rmtree(shop.silt.dir / f"lake/sales/_silt/ledger/{name}")
        shutil.rmtree(shop.silt.dir / f"state-{name}")
    lose("a")
    shop("a", "run") # two, which b has loaded, and three
    assert shop.ids() == [1, 1, 2, 2, 3]
    shop("b", "run")
    assert shop.ids() == [1, 1, 2, 2, 3, 3]
    shop("b", "validate-consistency")
    lose("b")
    lose("a")
    shop.put("inbox", "four", [4])
    r = shop("a", "run", rc=3) # now nothing tells
    assert "those of 'b/sales'" in r.out + r.err
    assert shop.ids() == [1, 1, 2, 2, 3, 3]


def test_damage_is_told_by_whose_it_is(silt):
    shop = Shop(silt, "delta")
    shop.put("inbox-a", "one", [1, 2])
    shop.put("inbox-b", "two", [3, 4])
    shop("a", "run")
    shop("b", "run")
    table = DeltaTable(silt.dir / "lake/sales")
    rows = table.to_pyarrow_table()
    write_deltalake(table, rows.filter([s.endswith("two.csv") for s in rows["_source_file"].to_pylist()]), mode="append")
    shop("a", "validate-consistency")
    r = shop("b", "validate-consistency", "--json", rc=3)
    assert [p for p in problems(r) if "4 rows in the target, batch 0 loaded 2" in p], r


def test_rows_of_writers_without_ledgers(silt):
    """A plain writer's appId isn't taken for a pipeline's; its rows have no audit columns."""
    shop = Shop(silt, "delta")
    shop.put("inbox-a", "one", [1, 2])
    shop("a", "run")
    silt.write("more.csv", "id,kind\n9,y\n")
    silt("write", "lake/sales", "more.csv", "--mode", "append", "--app-id", "tool/x", "--txn-version", "0")
    shop("a", "validate-consistency")
    shop("a", "prove")
    assert shop.ids() == [1, 2, 9]


def test_rows_that_may_be_anothers_stay(silt):
    """The other's ledgers are lost: nothing of what may be its is reported by us, let alone removed."""
    shop = Shop(silt, "delta")
    shop.put("inbox-a", "one", [1, 2])
    shop.put("inbox-b", "two", [3])
    shop("a", "run")
    shop("b", "run")
    silt.write("inbox-b/four.csv", "id,kind\n4,x\n")
    shop("b", "run")
    (silt.dir / "lake/sales/_silt/ledger/b/sales/00000000000000000000.json").unlink()
    r = shop("b", "validate-consistency", "--json", rc=3)
    assert any("Missing ledger" in p for p in problems(r)), r
    shop("a", "validate-consistency")
    assert shop.ids() == [1, 2, 3, 4]


def one_file_twice(silt):
    """Two pipelines loaded a file of two rows into one table; the rows of `a` are gone, deleted by hand."""
    shop = Shop(silt, "delta")
    for name in "ab":
        shop.configure(name, "inbox")
    shop.put("inbox", "one", [1, 2])
    shop("a", "run")
    shop("b", "run")
    first = silt("sql", "SELECT min(_load_timestamp)::VARCHAR FROM delta('lake/sales')", "--format", "csv").out.split("\n")[1]
    silt("delete", "lake/sales", "--where", f"_load_timestamp = TIMESTAMP '{first}'")
    return shop


def test_an_unload_takes_only_its_own_rows(silt):
    """What stands there of the file and the batch is as much as was loaded, but it is the other's."""
    shop = one_file_twice(silt)
    assert shop.ids() == [1, 2]
    shop("a", "reset-state", "--table", "sales", "--yes")
    r = shop("a", "unload", "inbox/one.csv", "--yes", rc=3)
    assert "0 rows of" in r.err and "batch 0 loaded 2" in r.err
    assert shop.ids() == [1, 2]


@pytest.mark.parametrize("damage", ["gone", "all gone", "unreadable"])
def test_nothing_is_taken_that_may_be_of_lost_ledgers(silt, damage):
    """As many rows are there as our ledger says, but whether they are ours only the other's ledgers could tell."""
    shop = one_file_twice(silt)
    shop("a", "reset-state", "--table", "sales", "--yes") # the table is accepted as it is
    ledgers = silt.dir / "lake/sales/_silt/ledger/b"
    kept = silt.dir / "kept"
    shutil.copytree(ledgers, kept)
    if damage == "all gone":
        shutil.rmtree(ledgers)
    for path in ledgers.rglob("*.json"):
        path.unlink() if damage == "gone" else path.write_text("{")
    for command in (["unload", "inbox/one.csv"], ["reset-state", "--forget", "--delete-rows"]):
        r = shop("a", *command, "--yes", rc=3)
        assert "may be those of 'b/sales'" in r.err and "_silt/ledger/b/sales" in r.err, r
        assert shop.ids() == [1, 2]
    shutil.rmtree(ledgers, ignore_errors=True)
    shutil.copytree(kept, ledgers)
    r = shop("a", "unload", "inbox/one.csv", "--yes", rc=3)
    assert "0 rows of" in r.err
    assert shop("a", "reset-state", "--forget", "--delete-rows", "--yes").rc == 0
    assert shop.ids() == [1, 2]


@pytest.mark.parametrize("kind", ["delta", "parquet"])
def test_a_checkpoint_path_that_is_anothers_table(silt, kind):
    """What others stage in the table's folder at the moment isn't swept as litter of ours."""
    shop = Shop(silt, kind)
    shop.put("inbox-a", "one", [1, 2])
    shop("a", "run")
    scratch = silt.dir / "lake/sales/_silt/scratch/0b5e6c1e-1111-4000-8000-000000000000"
    scratch.mkdir(parents=True)
    (scratch / "rows.parquet").write_bytes(b"half of it")
    before = {p: p.stat().st_mtime_ns for p in (silt.dir / "lake/sales").rglob("*") if p.is_file()}
    text = (silt.dir / "b.yaml").read_text()
    silt.write("b.yaml", text.replace("state-b", "lake/sales").replace("path: lake/sales}", "path: lake/other}"))
    shop.put("inbox-b", "two", [3])
    shop("b", "run")
    shop("b", "reset-state", "--yes")
    shop("b", "run")
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert shop.ids() == [1, 2]
    shop("a", "validate-consistency")
