"""What a source table deletes: scd2 ends versions, upsert into databases deletes rows; against a naive model.

The sources are written by delta-rs; the targets are read by it, by sqlite3 and by psql."""
import datetime
import json
import os
import random

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from databases import Postgres, Sqlite, postgres_server # noqa: F401, a fixture

HEAD = """\
pipeline: shop
checkpoint_path: state
connections: {wh: %s}
tables:
"""
TABLE = """\
  - table_name: %(name)s
    source: {path: lake/bronze, format: delta%(source)s}
    primary_keys: [id]
%(strategy)s    write: %(write)s
"""
UPSERT = "    loading_strategy: upsert\n"
SCD2 = "    loading_strategy: scd2\n    tracking_columns: [name]\n"
TIMED = SCD2 + "    scd2_effective_from: _commit_timestamp\n"
STAMPED = ", change_columns: [_commit_timestamp]"
BEGINNING = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)


@pytest.fixture(params=["sqlite", "postgres"])
def db(request, silt):
    if request.param == "sqlite":
        return Sqlite(silt.dir)
    return Postgres(request.getfixturevalue("postgres_server"))


def configure(silt, db, *tables):
    """tables: (name, strategy, source's keys, "delta" or "db")"""
    silt.write("silt.yaml", HEAD % (db.connection if db else "{path: none.db}") + "".join(TABLE % {
        "name": name, "strategy": strategy, "source": source,
        "write": "{path: lake/%s}" % name if where == "delta"
        else "{connection: wh, format: %s, path: %s}" % (db.format, name)} for name, strategy, source, where in tables))


class Source:
    """A table with a feed, and what it had at each version: {id: (name, n)}. Version v is made v minutes after midnight."""

    def __init__(self, silt):
        self.path, self.states = str(silt.dir / "lake/bronze"), []

    def note(self, **rows_now):
        self.states.append(rows_now["state"])
        version = len(self.states) - 1
        log = f"{self.path}/_delta_log/{version:020}.json"
        at = (BEGINNING + datetime.timedelta(minutes=version)).timestamp()
        os.utime(log, (at, at))
        assert DeltaTable(self.path).version() == version

    def now(self):
        return dict(self.states[-1]) if self.states else {}

    def add(self, rows, mode="append"):
        table = pa.table({"id": pa.array(list(rows), pa.int64()), "name": [v[0] for v in rows.values()],
                          "n": pa.array([v[1] for v in rows.values()], pa.int64())})
        fed = None if self.states else {"delta.enableChangeDataFeed": "true"}
        write_deltalake(self.path, table, mode=mode, configuration=fed)
        self.note(state=dict(rows) if mode == "overwrite" else {**self.now(), **rows})

    def delete(self, *keys):
        DeltaTable(self.path).delete(" or ".join(where(k) for k in keys))
        self.note(state={k: v for k, v in self.now().items() if k not in keys})

    def update(self, key, name, n):
        DeltaTable(self.path).update(predicate=where(key), updates={"name": f"'{name}'", "n": str(n)})
        self.note(state={**self.now(), key: (name, n)})

    def rename(self, key, to):
        """Another key."""
        DeltaTable(self.path).update(predicate=where(key), updates={"id": str(to)})
        state = self.now()
        state[to] = state.pop(key)
        self.note(state=state)

    def history(self, first):
        """(id, name, n, since, until) by numbers of versions; what is loaded begins with all rows of `first`."""
        out = []
        for key in sorted({k for s in self.states for k in s}, key=str):
            before = None
            for version, state in list(enumerate(self.states))[first:]:
                row = state.get(key)
                if before and (not row or row[0] != before[1]):
                    before[4] = version
                    before = None
                if row and not before:
                    out.append(before := [key, *row, version, None])
                elif row:
                    before[2] = row[1]
        return sorted(map(tuple, out), key=str)


def where(key):
    return "id is null" if key is None else f"id = {key}"


def random_step(rng, source, keys):
    there = source.now()
    free = [k for k in keys if k not in there]
    fresh = lambda k: (rng.choice("abc"), rng.randint(0, 3)) # noqa: E731
    what = rng.choice(["add", "add", "delete", "delete", "update", "rename", "overwrite"])
    if what == "add" and free or not there:
        source.add({k: fresh(k) for k in rng.sample(free, rng.randint(1, len(free)))})
    elif what == "update":
        source.update(rng.choice(list(there)), *fresh(None))
    elif what == "rename" and [k for k in free if k is not None]:
        source.rename(rng.choice(list(there)), rng.choice([k for k in free if k is not None]))
    elif what == "overwrite":
        source.add({k: fresh(k) for k in rng.sample(keys, 3)}, mode="overwrite")
    else:
        source.delete(*rng.sample(list(there), rng.randint(1, len(there))))


def versions(rows):
    """Rows (id, name, n, effective_date, end_date, is_current) as the model has them, with times."""
    assert all((end is None) == current for *_, end, current in rows)
    return sorted((row[:5] for row in rows), key=str)


def time_of(text):
    if text is None or isinstance(text, datetime.datetime):
        return text
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00") if "Z" in text else text + ":00")


def in_database(db, table):
    number = lambda text: None if text is None else int(text) # noqa: E731
    return versions([(number(i), name, int(n), time_of(s), time_of(e), c in ("1", "t")) for i, name, n, s, e, c in db.rows(
        f"SELECT id, name, n, effective_date, end_date, is_current FROM {table}")])


def in_delta(silt, table, read_deltalake):
    return versions([tuple(r[c] for c in ("id", "name", "n", "effective_date", "end_date", "is_current"))
                     for r in read_deltalake(silt.dir / f"lake/{table}").to_pylist()])


def dated(history):
    """The times of versions."""
    time = lambda v: None if v is None else BEGINNING + datetime.timedelta(minutes=v) # noqa: E731
    return sorted(((*row[:3], time(row[3]), time(row[4])) for row in history), key=str)


def ranked(rows):
    """Where times are those of loads only their order is known, and that one is of one version."""
    times = sorted({t for row in rows for t in row[3:5] if t is not None})
    return sorted(((*row[:3], *(None if t is None else times.index(t) for t in row[3:5])) for row in rows), key=str)


def run(silt):
    return silt("run", "--json").json["tables"]


def assert_sound(silt):
    for _ in range(2):
        assert silt("run", "--json").json["total_files_processed"] == 0
    silt("validate-consistency")
    assert all(t["proven"] for t in silt("prove", "--json").json["tables"])


def test_random_histories(silt, db, read_deltalake):
    seed = os.environ.get("SILT_SEED", db.format)
    rng, source = random.Random(seed), Source(silt)
    configure(silt, db, ("timed", TIMED, STAMPED, "delta"), ("timed_db", TIMED, STAMPED, "db"),
              ("loads", SCD2, "", "delta"), ("loads_db", SCD2, "", "db"), ("latest", UPSERT, "", "db"))
    keys, first = [*range(1, 6), None], rng.randint(0, 2)
    for _ in range(first + 1):
        random_step(rng, source, keys)
    for batch in range(4):
        tables = {t["table_name"]: t for t in run(silt)}
        wanted = source.history(first)
        assert in_delta(silt, "timed", read_deltalake) == dated(wanted), (seed, batch)
        assert in_database(db, "timed_db") == dated(wanted), (seed, batch)
        for got in in_delta(silt, "loads", read_deltalake), in_database(db, "loads_db"):
            assert ranked(got) == ranked(wanted), (seed, batch)
        assert sorted(db.rows("SELECT id, name, n FROM latest"), key=str) == sorted(
            ((None if k is None else str(k), v[0], str(v[1])) for k, v in source.now().items()), key=str), (seed, batch)
        counts = {name: [t[c] for c in ("rows", "rows_inserted", "rows_updated", "rows_unchanged")]
                  for name, t in tables.items()}
        assert counts["timed"] == counts["timed_db"] and counts["loads"] == counts["loads_db"], (seed, batch)
        assert counts["timed"][1] == counts["loads"][1], (seed, batch)
        silt("validate-consistency")
        for _ in range(rng.randint(1, 5)):
            random_step(rng, source, keys)
    run(silt)
    assert_sound(silt)


def test_counts(silt, db, read_deltalake):
    source = Source(silt)
    configure(silt, db, ("timed", TIMED, STAMPED, "delta"), ("timed_db", TIMED, STAMPED, "db"),
              ("latest", UPSERT, "", "db"), ("latest_too", UPSERT, "", "delta"))
    source.add({1: ("a", 0), 2: ("b", 0), None: ("c", 0)})
    run(silt)
    source.add({3: ("d", 0)})
    source.delete(1, None)
    source.rename(2, 20)
    source.delete(3)
    for table in run(silt):
        counts = [table["rows"], *(table[f"rows_{c}"] for c in "inserted updated deleted unchanged deduplicated".split())]
        # 3 came and went; an upsert of all four versions doesn't find it
        assert counts == ([6, 1, 0, 3, 1, 1] if table["table_name"].startswith("latest") else [6, 2, 4, 0, 0, 0]), table
    metrics = DeltaTable(silt.dir / "lake/latest_too").history(1)[0]["operationMetrics"]
    assert [int(metrics[f"numTargetRows{c}"]) for c in ("Inserted", "Updated", "Deleted")] == [1, 0, 3]
    shown = silt("runs", "show", silt("runs", "--json").json["runs"][0]["run_id"], "--json").json
    assert [t["rows_deleted"] for t in shown["tables"]] == [0, 0, 3, 3]
    proven = silt("prove", "--json").json["tables"]
    assert [(t["rows_updated"], t["rows_deleted"]) for t in proven] == [(4, 0), (4, 0), (0, 3), (0, 3)]
    assert db.rows("SELECT id, name FROM latest") == [("20", "b")]
    assert in_database(db, "timed_db") == in_delta(silt, "timed", read_deltalake) == dated(source.history(0))
    assert_sound(silt)
    source.add({1: ("a", 1), 3: ("e", 1)})
    run(silt)
    assert in_database(db, "timed_db") == dated(source.history(0))
    assert_sound(silt)


def test_upsert_deletes_by_several_keys_and_nulls(silt, db):
    path = str(silt.dir / "lake/bronze")
    keys = [(a, b) for a in (1, 2, None) for b in ("x", "y", None)]
    write_deltalake(path, pa.table({"a": pa.array([a for a, _ in keys], pa.int64()), "b": [b for _, b in keys]}),
                    configuration={"delta.enableChangeDataFeed": "true"})
    configure(silt, db, ("t", UPSERT, "", "db"))
    silt.write("silt.yaml", (silt.dir / "silt.yaml").read_text().replace("[id]", "[a, b]"))
    run(silt)
    DeltaTable(path).delete("(a = 1 and b = 'x') or (a = 2 and b is null) or (a is null and b = 'y') or "
                            "(a is null and b is null)")
    table = run(silt)[0]
    assert (table["rows_updated"], table["rows_deleted"], table["rows_unchanged"]) == (0, 4, 0)
    left = [(None if a is None else str(a), b) for a, b in keys
            if (a, b) not in ((1, "x"), (2, None), (None, "y"), (None, None))]
    assert sorted(db.rows("SELECT a, b FROM t"), key=str) == sorted(left, key=str)
    assert_sound(silt)


@pytest.mark.parametrize("way, left", [("ignore", [("1", "a"), ("2", "b")]), ("fail", [("1", "a"), ("2", "b")])])
@pytest.mark.parametrize("strategy", [UPSERT, SCD2])
def test_deletes_that_are_not_applied(silt, db, strategy, way, left):
    source = Source(silt)
    configure(silt, db, ("t", strategy, f", on_source_change: {way}", "db"))
    source.add({1: ("a", 0), 2: ("b", 0)})
    run(silt)
    source.delete(1)
    result = silt("run", rc=None)
    assert ("version 1 deletes 1 rows" in result.out) == (way == "fail")
    assert ("apply ends their versions" in result.out) == (way == "fail" and strategy == SCD2)
    assert sorted(db.rows("SELECT id, name FROM t")) == left


def test_ends_of_versions_in_the_feed(silt):
    source = Source(silt)
    configure(silt, None, ("t", SCD2, "", "delta"))
    source.add({1: ("a", 0), 2: ("b", 0), 3: ("c", 0)})
    silt("create", "lake/t", "--schema", "id BIGINT, name STRING, n BIGINT, effective_date TIMESTAMP, end_date TIMESTAMP, "
         "is_current BOOLEAN", "--property", "delta.enableChangeDataFeed=true", "--property", "delta.enableRowTracking=true")
    run(silt)
    before = {r["id"]: r["_row_id"] for r in map(json.loads, silt(
        "read", "lake/t", "--row-ids", "--format", "json").out.splitlines())}
    source.delete(1)
    source.rename(2, 20)
    run(silt)
    fed = pa.table(DeltaTable(silt.dir / "lake/t").load_cdf(starting_version=2)).to_pylist()
    told = sorted((r["id"], r["_change_type"], r["name"], r["is_current"], r["end_date"] is None) for r in fed)
    assert told == [(1, "update_postimage", "a", False, False), (1, "update_preimage", "a", True, True),
                    (2, "update_postimage", "b", False, False), (2, "update_preimage", "b", True, True),
                    (20, "insert", "b", True, True)]
    after = {r["id"]: r["_row_id"] for r in map(json.loads, silt(
        "read", "lake/t", "--row-ids", "--format", "json").out.splitlines())}
    assert after.pop(20) not in before.values() and after == before
    assert_sound(silt)


def test_gaps_are_faults_where_nothing_is_deleted(silt):
    source = Source(silt)
    configure(silt, None, ("t", TIMED, STAMPED, "delta"))
    source.add({1: ("a", 0)})
    source.delete(1)
    source.add({1: ("a", 0)})
    silt.write("silt.yaml", (silt.dir / "silt.yaml").read_text().replace("_timestamp]", "_timestamp], starting_version: 0"))
    run(silt)
    assert_sound(silt)
    silt.write("silt.yaml", (silt.dir / "silt.yaml").read_text().replace("format: delta", "format: delta, on_source_change: ignore"))
    assert "Versions of 1 key: a gap" in silt("validate-consistency", rc=3).out


@pytest.mark.parametrize("strategy", [UPSERT, SCD2, TIMED], ids=["upsert", "scd2", "timed"])
@pytest.mark.parametrize("where", ["delta", "sqlite"])
def test_rejects_of_before_deletes_were_ignored(silt, strategy, where, read_deltalake):
    """Rows say whether they delete, where deletes were followed when they were rejected; replayed, they still do."""
    stamped = STAMPED if strategy == TIMED else ""
    rules = strategy + "    constraints: [{name: few, check: n < %d, on_violation: quarantine}]\n"
    db = Sqlite(silt.dir)
    place = "delta" if where == "delta" else "db"
    configure(silt, db, ("t", rules % 5, stamped + ", on_source_change: apply", place))
    source = Source(silt)
    source.add({1: ("a", 1), 2: ("b", 9)})
    silt("run")
    configure(silt, db, ("t", rules % 10, stamped + ", on_source_change: ignore", place))
    silt("replay", "--table", "t")
    rows = db.rows("select id, name, n from t") if place == "db" else [
        tuple(str(r[c]) for c in ("id", "name", "n")) for r in read_deltalake(silt.dir / "lake/t").to_pylist()]
    assert sorted(rows) == [("1", "a", "1"), ("2", "b", "9")]


def test_a_version_that_is_known_without_its_time(silt, read_deltalake):
    """Where ledgers were lost, rows alone may have told that it was loaded: it is loaded again with the time it was made."""
    text = TABLE.replace("    primary_keys: [id]\n", "") % {
        "name": "t", "source": STAMPED + ", starting_version: 0", "strategy": "", "write": "{path: lake/t}"}
    silt.write("silt.yaml", HEAD % "{path: none.db}" + text)
    source = Source(silt)
    for i in range(3):
        source.add({i: ("a", i)})
    silt("run")
    times = lambda: {r["id"]: r["_commit_timestamp"] for r in read_deltalake(silt.dir / "lake/t").to_pylist()} # noqa: E731
    made = {i: BEGINNING + datetime.timedelta(minutes=i) for i in range(3)}
    assert times() == made
    silt("unload", source.path + "@v1", "--again", "--yes")
    assert set(times()) == {0, 2}
    DeltaTable(silt.dir / "state/file_processing_tracker").update(
        predicate="status = 'pending'", updates={"file_modified_time": "cast('1970-01-01T00:00:00Z' as timestamp)"})
    silt("run")
    assert times() == made
