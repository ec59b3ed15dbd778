"""All versions of rows (scd2) in SQLite and PostgreSQL: as in a Delta table, and as a naive model has them."""
import datetime
import os
import random
import shutil

import pytest

from databases import Postgres, Sqlite, postgres_server # noqa: F401, a fixture
from pipelines import read

CONFIG = """\
pipeline: shop
checkpoint_path: state
connections:
  wh: %(connection)s
tables:
%(tables)s"""
TABLE = """\
  - table_name: %(name)s
    source: {path: "inbox/*.csv"}
    loading_strategy: scd2
    primary_keys: [%(keys)s]
    tracking_columns: [v]
    schema: {%(schema)s}
%(more)s    write: {%(write)s}
"""
SCHEMA = "k: long, v: string, w: long, at: timestamp"
TIMED = "    scd2_effective_from: at\n"
WHOLE = "    scd2_close_missing: true\n"
COLUMNS = ("k", "v", "w", "at", "effective_date", "end_date", "is_current")


@pytest.fixture(params=["sqlite", "postgres"])
def db(request, silt):
    if request.param == "sqlite":
        return Sqlite(silt.dir)
    return Postgres(request.getfixturevalue("postgres_server"))


def configure(silt, db, more="", schema=SCHEMA, keys="k", delta=True):
    tables = [("t", f"connection: wh, format: {db.format}, path: t")]
    if delta:
        tables.append(("d", "path: lake/d"))
    silt.write("silt.yaml", CONFIG % {"connection": db.connection, "tables": "".join(
        TABLE % {"name": n, "write": w, "more": more, "schema": schema, "keys": keys} for n, w in tables)})


def put(silt, name, *rows, header="k,v,w,at"):
    silt.write(f"inbox/{name}.csv", "\n".join(
        [header] + [",".join("" if v is None else str(v) for v in row) for row in rows]) + "\n")


def versions(db, columns=COLUMNS):
    """Sorted; instants as datetimes, flags as booleans."""
    return sorted((tuple(value(c, v) for c, v in zip(columns, row))
                   for row in db.rows(f"SELECT {', '.join(columns)} FROM t")), key=by_null)


def by_null(row):
    return [(v is None, v) for v in row]


def value(column, text):
    if text is None:
        return None
    if column in ("at", "effective_date", "end_date"):
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00").ljust(0)).replace(tzinfo=None) \
            if not text.endswith("+00") else datetime.datetime.fromisoformat(text + ":00").replace(tzinfo=None)
    if column == "is_current":
        return text in ("1", "t")
    return int(text) if column in ("k", "w") else text


def in_delta(silt):
    rows = read(silt, "d", *COLUMNS)
    return sorted((tuple(None if v == "" else v == "true" if c == "is_current" else value(c, v)
                         for c, v in zip(COLUMNS, row)) for row in rows), key=by_null)


def assert_sound(silt):
    for _ in range(3):
        assert silt("run", "--json").json["total_files_processed"] == 0
    silt("validate-consistency")
    assert all(t["proven"] for t in silt("prove", "--json").json["tables"])


def day(n):
    return datetime.datetime(2024, 1, 1) + datetime.timedelta(days=n)


def test_late_rows_split_the_history(silt, db):
    configure(silt, db, TIMED)
    put(silt, "1", (1, "a", 1, "2024-01-05"), (2, "b", 1, "2024-01-05"), (None, "n", 1, "2024-01-05"))
    put(silt, "2", (1, "b", 1, "2024-01-09"), (1, "c", 1, "2024-01-12"), (2, "b", 2, "2024-01-09"))
    silt("run")
    put(silt, "3", (1, "mid", 1, "2024-01-10"), (2, "x", 1, "2024-01-07"), (None, "n", 1, "2024-01-02"))
    table = silt("run", "--json").json["tables"][0]
    assert (table["rows"], table["rows_inserted"], table["rows_updated"]) == (3, 2, 1)
    assert [(k, v, s.day, e and e.day, f) for k, v, _, _, s, e, f in versions(db)] == [
        (1, "a", 5, 9, False), (1, "b", 9, 10, False), (1, "c", 12, None, True), (1, "mid", 10, 12, False),
        (2, "b", 5, 7, False), (2, "b", 9, None, True), (2, "x", 7, 9, False), (None, "n", 2, None, True)]
    assert versions(db) == in_delta(silt)
    assert_sound(silt)


# ---- a naive model: all that is known of a key, in the order of time, folded (as in tests/ops/scd2.c)


class Model:
    def __init__(self, timed, whole):
        self.timed, self.whole = timed, whole
        self.keys = {} # key -> [(start, end or None, v, w, at)]

    def load(self, rows, now):
        for key in {r[0] for r in rows} | (set(self.keys) if self.whole else set()):
            self.load_key(key, [r for r in rows if r[0] == key], now)

    def load_key(self, key, rows, now):
        known = self.keys.get(key, [])
        events = [] # (moment, rank: 0 ends, 1 told again, 2 begins, 3 a row; v, w, told)
        for start, end, v, w, at in known:
            events.append((start, 2, v, w, at))
            if self.timed and start < at < (end or now):
                events.append((at, 1, v, w, at))
            if end:
                events.append((end, 0, None, None, None))
        told = {} # the later row of one moment counts
        for _, v, w, at in rows:
            moment = at if self.timed else now
            told[moment] = (moment, 3, v, w, at)
        is_open = any(end is None for _, end, *_ in known)
        if self.timed and self.whole and rows and known and not is_open:
            newest = max(told)
            if newest < max(end for _, end, *_ in known):
                told[now] = (now,) + told.pop(newest)[1:]
        if not rows and self.whole and is_open:
            told[now] = (now, 0, None, None, None)
        if told:
            self.keys[key] = self.fold(events + list(told.values()))

    @staticmethod
    def fold(events):
        last = {}
        for e in sorted(events, key=lambda e: e[:2]):
            last[e[0]] = e
        out, is_open = [], False
        for moment, rank, v, w, told in last.values():
            if is_open and (rank == 0 or out[-1][2] != v):
                out[-1][1] = moment
            if rank == 0:
                is_open = False
            elif is_open and out[-1][2] == v:
                out[-1][3:] = [w, told]
            else:
                out.append([moment, None, v, w, told])
                is_open = True
        return [tuple(v) for v in out]

    def rows(self):
        return sorted(((key, v, w, at, start, end, end is None) for key, all_of in self.keys.items()
                       for start, end, v, w, at in all_of), key=by_null)


def ranked(rows):
    """Times of loads are the clock's: only their order is known."""
    times = sorted({t for row in rows for t in row[4:6] if t})
    return [row[:4] + tuple(t and times.index(t) for t in row[4:6]) + row[6:] for row in rows]


def random_files(rng, timed, keys):
    """Rows (key, v, w, at) of one to three files, without times each key once."""
    used, files = set(), []
    for _ in range(rng.randint(1, 3)):
        rows = [(rng.choice(keys), rng.choice([None, "a", "b", "it's"]), rng.randint(0, 2), day(rng.randint(0, 23)))
                for _ in range(rng.randint(0, 11))]
        if not timed:
            rows = [r for r in rows if not (r[0] in used or used.add(r[0]))]
        files.append(rows)
    return files


@pytest.mark.parametrize("timed, whole", [(True, False), (False, False), (False, True), (True, True)])
def test_against_a_model(silt, db, timed, whole):
    seed = os.environ.get("SILT_SEED", f"{timed}{whole}{db.format}")
    rng, model = random.Random(seed), Model(timed, whole)
    configure(silt, db, (TIMED if timed else "") + (WHOLE if whole else ""))
    keys = [*range(8), None]
    number = 0
    for batch in range(5):
        files = random_files(rng, timed, keys)
        if whole:
            files = [sum(files, [])] # an extract is one file
            if not files[0]:
                continue
        for rows in files:
            number += 1
            put(silt, f"{number:03}", *rows)
        before = len(versions(db)) if batch else 0
        if timed or whole: # files of which each is true by the time of its load are batches of their own
            model.load(sum(files, []), day(10000 + batch))
        else:
            for i, rows in enumerate(files):
                model.load(rows, day(10000 + batch * 10 + i))
        tables = silt("run", "--json").json["tables"]
        got = versions(db)
        assert ranked(got) == ranked(model.rows()), (seed, batch)
        assert ranked(got) == ranked(in_delta(silt)), (seed, batch)
        assert len({tuple(t[c] for c in ("rows", "rows_inserted", "rows_updated", "rows_unchanged", "rows_deduplicated"))
                    for t in tables}) == 1, tables # counts are those of Delta tables
        assert before <= len(got) or timed
        silt("validate-consistency")
    assert_sound(silt)


@pytest.mark.parametrize("turn", range(3))
def test_the_order_of_batches_doesnt_matter(silt, db, turn):
    """As long as no key goes back to values that it had."""
    rng = random.Random(turn)
    rows = [(k, f"v{i}", i, day(2 * i + rng.randint(0, 1))) for k in [*range(6), None] for i in range(5)]
    model = Model(True, False)
    model.load(rows, day(10000))
    rng.shuffle(rows)
    configure(silt, db, TIMED, delta=False)
    size = rng.randint(3, 11)
    for i in range(0, len(rows), size):
        put(silt, f"{i:03}", *rows[i:i + size])
        silt("run")
    assert versions(db) == model.rows()
    assert_sound(silt)


# ---- by hand


def test_keys_of_several_columns_and_nulls(silt, db):
    configure(silt, db, TIMED, "a: int, b: string, v: string, at: date", "a, b", delta=False)
    keys = [(a, b) for a in (1, None) for b in ("x", None)]
    put(silt, "1", *[(*k, "old", "2024-01-01") for k in keys], header="a,b,v,at")
    silt("run")
    put(silt, "2", *[(*k, "new", "2024-01-05") for k in keys], header="a,b,v,at")
    put(silt, "3", (2, None, "new", "2024-01-05"), header="a,b,v,at")
    table = silt("run", "--json").json["tables"][0]
    assert (table["rows_inserted"], table["rows_updated"]) == (5, 0)
    assert sorted(db.rows("SELECT count(*), count(end_date) FROM t GROUP BY a, b")) == [("1", "0")] + [("2", "1")] * 4
    assert_sound(silt)


def test_keys_that_vanish_from_an_extract(silt, db):
    configure(silt, db, WHOLE, delta=False)
    for name, rows in (("1", [(1, "a"), (2, "b")]), ("2", [(1, "a")]), ("3", [(1, "a"), (2, "b")])):
        put(silt, name, *rows, header="k,v")
    silt("run")
    rows = sorted(db.rows("SELECT k, v, is_current FROM t"))
    assert [(k, v, f in "1t") for k, v, f in rows] == [("1", "a", True), ("2", "b", False), ("2", "b", True)]
    put(silt, "4", header="k,v")
    assert "no rows" in silt("run", rc=None).out
    assert sorted(db.rows("SELECT k, v, is_current FROM t")) == rows
    (silt.dir / "inbox/4.csv").unlink()
    silt("run")
    assert_sound(silt)


ALL_TYPES = """\
SELECT * FROM (VALUES
 (1, true, 127::TINYINT, (-32768)::SMALLINT, (-9223372036854775807 - 1)::BIGINT, 1.1::FLOAT, 0.1::DOUBLE,
  12345678901234567890.12::DECIMAL(22,2), 'text ''"\\ ä€😀\n\tx', '\\x00\\xFFa'::BLOB, DATE '0001-01-01',
  TIMESTAMPTZ '2024-02-29 23:59:59.999999+00', TIMESTAMP '2024-02-29 23:59:59.999999'),
 (2, false, 0, 0, 0, 'inf'::FLOAT, 'nan', (-0.01), '', ''::BLOB, '9999-12-31', '1969-12-31 23:59:59.5+00', '0001-01-01'),
 (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (4, true, -128, 32767, 9223372036854775807, 3.4028235e38::FLOAT, 1.7976931348623157e308, 0, '\\N', 'b'::BLOB,
  '2000-02-29', '0001-01-01 00:00:00+00', '9999-12-31 23:59:59.999999')
) v(id, bo, i8, i16, i64, f32, f64, de, st, bi, da, ti, nt) ORDER BY id"""


def test_values_that_come_back_are_the_same(silt, db):
    """Of every type, tracked: told again nothing changes; and in keys."""
    import duckdb
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    names = "bo i8 i16 i64 f32 f64 de st bi da ti nt".split()
    (silt.dir / "inbox").mkdir()
    for keys, tracked in (("id", names), (", ".join(["id"] + names), ["id2"])):
        silt.write("silt.yaml", CONFIG % {"connection": db.connection, "tables": TABLE % {
            "name": "t", "write": f"connection: wh, format: {db.format}, path: t{len(tracked)}", "more": "",
            "schema": "", "keys": keys}})
        silt.write("silt.yaml", (silt.dir / "silt.yaml").read_text().replace("*.csv", "*.parquet").replace(
            "    schema: {}\n", "").replace("[v]", f"[{', '.join(tracked)}]"))
        shutil.rmtree(silt.dir / "state", ignore_errors=True)
        for i in range(3):
            con.execute(f"COPY (SELECT *, id AS id2, {i} AS n FROM ({ALL_TYPES})) TO '{silt.dir}/inbox/{i}.parquet'")
        silt("run")
        assert db.rows(f"SELECT count(*), min(n), max(n) FROM t{len(tracked)}") == [("4", "2", "2")]
        assert_sound(silt)


def test_json_counts_as_changed(silt, db):
    """It doesn't come back as it went there: it can't be tracked, and is written again where it is told again."""
    configure(silt, db, "", "k: long, v: string, j: 'array<int>'", delta=False)
    silt.write("silt.yaml", (silt.dir / "silt.yaml").read_text().replace("*.csv", "*.json"))
    for i, rows in enumerate(('{"k":1,"v":"a","j":[1,2]}\n{"k":2,"v":"a","j":null}\n',
                              '{"k":1,"v":"a","j":[1,2]}\n{"k":2,"v":"a","j":[3]}\n',
                              '{"k":1,"v":"a","j":null}\n{"k":2,"v":"b","j":[3]}\n')):
        silt.write(f"inbox/{i}.json", rows)
    silt("run")
    assert sorted(db.rows("SELECT k, v, j FROM t")) == [("1", "a", None), ("2", "a", "[3]"), ("2", "b", "[3]")]
    assert_sound(silt)
    silt.write("silt.yaml", (silt.dir / "silt.yaml").read_text().replace("[v]", "[j]"))
    silt.write("inbox/9.json", '{"k":1,"v":"a","j":[1,2]}\n')
    assert "databases don't compare values of its type" in silt("run", rc=None).out


def test_new_columns(silt, db):
    configure(silt, db, TIMED + "    on_new_column: evolve\n", delta=False)
    silt.write("silt.yaml", "\n".join(line for line in (silt.dir / "silt.yaml").read_text().split("\n")
                                      if "schema" not in line))
    put(silt, "1", (1, "a", "2024-01-01"), (2, "b", "2024-01-01"), header="k,v,at")
    silt("run")
    put(silt, "2", (1, "a", "2024-01-05", "x"), (2, "c", "2024-01-03", "y"), header="k,v,at,rowid")
    silt("run")
    assert sorted(db.rows('SELECT k, v, "rowid" FROM t WHERE v <> \'b\'')) == [("1", "a", "x"), ("2", "c", "y")]
    put(silt, "3", (2, "b2", "2024-01-02", "z"), header="k,v,at,rowid")
    silt("run")
    assert sorted(db.rows('SELECT v, "rowid" FROM t WHERE k = 2'), key=str) == [("b", None), ("b2", "z"), ("c", "y")]
    assert_sound(silt)


def test_versions_that_arent_whole_are_found(silt, db):
    configure(silt, db, TIMED, delta=False)
    put(silt, "1", (1, "a", 0, "2024-01-01"), (1, "b", 0, "2024-01-05"), (2, "b", 0, "2024-01-01"))
    silt("run")
    assert_sound(silt)
    db.execute("UPDATE t SET end_date = NULL WHERE v = 'a'")
    found = silt("validate-consistency", rc=3)
    assert "Versions of 1 key: versions overlap" in found.out and "k = 1: versions overlap" in found.out
    put(silt, "2", (1, "late", 0, "2024-01-03"))
    assert "overlap, or have no start" in silt("run", rc=None).out # nobody builds on that
    assert len(db.rows("SELECT k FROM t")) == 3


def test_a_table_of_somebody_else(silt, db):
    db.execute("CREATE TABLE t (k integer, v text)")
    configure(silt, db, delta=False)
    put(silt, "1", (1, "a", 0, "2024-01-01"))
    assert "Silt hasn't made it" in silt("run", rc=2).out
    assert db.rows("SELECT count(*) FROM t") == [("0",)]


def test_a_value_without_a_place(silt, db):
    """Its file is named, the other's rows are loaded."""
    configure(silt, db, TIMED, "k: long, v: string, w: date, at: timestamp", delta=False)
    put(silt, "1", (1, "a", "2024-01-01", "2024-01-01"), (2, "b", "12024-01-01", "2024-01-01"))
    put(silt, "2", (1, "b", "2024-01-01", "2024-01-03"))
    assert "0001 to 9999" in silt("run", rc=5).out
    assert db.rows("SELECT k, v FROM t") == [("1", "b")]


def test_lost_state(silt, db):
    """The ledgers in the database tell what was loaded."""
    configure(silt, db, TIMED, delta=False)
    put(silt, "1", (1, "a", 0, "2024-01-01"))
    silt("run")
    shutil.rmtree(silt.dir / "state")
    put(silt, "2", (1, "b", 0, "2024-01-05"))
    assert silt("run", "--json").json["tables"][0]["rows"] == 1
    assert_sound(silt)
    assert len(db.rows("SELECT k FROM t")) == 2
