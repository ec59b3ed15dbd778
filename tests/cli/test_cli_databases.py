"""Tables of SQLite and PostgreSQL as targets: every strategy, each run several times over."""
import json
import random
import shutil
import struct

import pytest

from databases import Postgres, Sqlite, postgres_server # noqa: F401, a fixture

CONFIG = """\
pipeline: shop
checkpoint_path: state
retry_attempts: 2
connections:
  wh: %(connection)s
tables:
  - table_name: t
    source: {path: "inbox/*.csv"%(source)s}
    loading_strategy: %(strategy)s
%(more)s
    write: {connection: wh, format: %(format)s, path: t%(write)s}
"""


@pytest.fixture(params=["sqlite", "postgres"])
def db(request, silt):
    if request.param == "sqlite":
        return Sqlite(silt.dir)
    return Postgres(request.getfixturevalue("postgres_server"))


def configure(silt, db, strategy="append", more="", write="", source=""):
    silt.write("silt.yaml", CONFIG % {"connection": db.connection, "format": db.format, "more": more,
                                      "strategy": strategy, "write": write, "source": source})


def put(silt, name, rows, header="id,name"):
    """A file of rows; None is an empty field."""
    lines = "".join(",".join("" if v is None else str(v) for v in row) + "\n" for row in rows)
    silt.write(f"inbox/{name}.csv", header + "\n" + lines)


def run(silt, rc=0):
    """A run; gives the counts of its table."""
    return silt("run", "--json", rc=rc).json["tables"][0]


def assert_sound(silt):
    """Nothing changes any more, and all of it can be proven."""
    for _ in range(2):
        assert "Nothing to do" in silt("run").out
    silt("validate-consistency")
    assert silt("prove", "--json").json["tables"][0]["proven"]


def ordered(rows):
    return sorted(rows, key=lambda row: [(v is None, v or "") for v in row])


# ---- append


def test_append(silt, db):
    configure(silt, db)
    put(silt, "a", [(1, "Ann"), (2, None)])
    put(silt, "b", [(2, "O'Brien \\ \t\"x\"")])
    assert run(silt)["rows"] == 3
    assert_sound(silt)
    put(silt, "c", [])
    silt.write("inbox/d.csv", "")
    assert run(silt)["rows"] == 0
    assert_sound(silt)
    assert ordered(db.rows("SELECT id, name FROM t")) == [
        ("1", "Ann"), ("2", "O'Brien \\ \t\"x\""), ("2", None)]
    assert ordered(db.rows("SELECT DISTINCT _source_file, _batch_id FROM t")) == [
        (str(silt.dir / "inbox/a.csv"), "0"), (str(silt.dir / "inbox/b.csv"), "0")]
    assert db.rows("SELECT count(DISTINCT _load_timestamp) FROM t") == [("1",)]
    assert db.rows("SELECT app_id, version FROM _silt_txn") == [("shop/t", "1")]
    assert db.rows("SELECT count(*) FROM _silt_ledger") == [("2",)]
    proof = silt("prove", "--json").json["tables"][0]
    assert (proof["method"], proof["files"], proof["rows_in_target"]) == ("recount", 4, 3)


def test_unload(silt, db):
    configure(silt, db)
    for name in "abc":
        put(silt, name, [(i, name) for i in range(10)])
        run(silt)
    assert silt("unload", "inbox/b.csv", "--dry-run", "--json").json["tables"][0]["rows"] == 10
    assert db.rows("SELECT count(*) FROM t") == [("30",)]
    silt("unload", "inbox/b.csv", "--yes")
    assert_sound(silt)
    assert ordered(db.rows("SELECT DISTINCT name FROM t")) == [("a",), ("c",)]
    silt("unload", "inbox/a.csv", "--again", "--yes")
    assert run(silt)["rows"] == 10
    assert_sound(silt)
    assert ordered(db.rows("SELECT name, count(*) FROM t GROUP BY name")) == [("a", "10"), ("c", "10")]


def test_lost_state(silt, db):
    configure(silt, db)
    put(silt, "a", [(1, "Ann")])
    run(silt)
    shutil.rmtree(silt.dir / "state")
    put(silt, "b", [(2, "Bob")])
    assert run(silt)["rows"] == 1
    assert_sound(silt)
    silt("reset-state", "--yes")
    assert_sound(silt)
    assert ordered(db.rows("SELECT id FROM t")) == [("1",), ("2",)]


def test_lost_ledgers(silt, db):
    """Then the rows tell which files they are from."""
    configure(silt, db)
    put(silt, "a", [(1, "Ann")])
    run(silt)
    db.execute("DELETE FROM _silt_ledger")
    shutil.rmtree(silt.dir / "state")
    silt("run")
    silt("run")
    assert db.rows("SELECT id FROM t") == [("1",)]


def test_a_table_that_went_away(silt, db):
    configure(silt, db)
    put(silt, "a", [(1, "Ann")])
    run(silt)
    db.execute("DROP TABLE t")
    assert "went back" in silt("run", rc=3).out
    silt("validate-consistency", rc=3)
    silt("reset-state", "--forget", "--yes")
    assert run(silt)["rows"] == 1
    assert_sound(silt)
    assert db.rows("SELECT id FROM t") == [("1",)]


def test_rows_that_went_away(silt, db):
    configure(silt, db)
    put(silt, "a", [(1, "Ann"), (2, "Bob")])
    run(silt)
    db.execute("DELETE FROM t WHERE id = 1")
    assert "1 rows in the target, batch 0 loaded 2" in silt("validate-consistency", rc=3).out
    assert not silt("prove", "--json", rc=3).json["tables"][0]["proven"]


# ---- upsert, append_once: against dictionaries


def file_of(rng, batch, keys):
    """Rows (a, b, at, value) of one file, no key twice."""
    chosen = rng.sample(keys, rng.randint(0, min(12, len(keys))))
    return [(a, b, f"2024-01-{rng.randint(1, 28):02}" if rng.random() < 0.9 else None,
             f"v{batch}-{i}") for i, (a, b) in enumerate(chosen)]


@pytest.mark.parametrize("strategy, newest", [("upsert", False), ("upsert", True),
                                              ("append_once", False)])
def test_against_a_dictionary(silt, db, strategy, newest):
    configure(silt, db, strategy, "    primary_keys: [a, b]\n    schema: {a: int, b: string, at: date, "
              "value: string}", ", dedup_strategy: newest_wins, timestamp_col: at" if newest else "")
    rng = random.Random(f"{strategy}{newest}{db.format}")
    keys = [(a, b) for a in (None, 1, 2, 3, 4) for b in (None, "x", "y", "it's")]
    model, counts = {}, {"inserted": 0, "updated": 0, "unchanged": 0}
    for batch in range(6):
        rows = file_of(rng, batch, keys)
        put(silt, f"f{batch}", rows, "a,b,at,value")
        wanted = dict.fromkeys(counts, 0)
        for a, b, at, value in rows:
            old = model.get((a, b))
            if old is None:
                action = "inserted"
            elif strategy == "append_once" or (newest and old[0] and (not at or at < old[0])):
                action = "unchanged"
            else:
                action = "updated"
            wanted[action] += 1
            if action != "unchanged":
                model[a, b] = (at, value)
        got = run(silt)
        assert {k: got[f"rows_{k}"] for k in wanted} == wanted, (batch, got)
        assert ordered(db.rows("SELECT a, b, at, value FROM t")) == ordered(
            [(None if a is None else str(a), b, at, value) for (a, b), (at, value) in model.items()])
    assert_sound(silt)


def test_newest_within_a_batch(silt, db):
    configure(silt, db, "upsert", "    primary_keys: [id]",
              ", dedup_strategy: newest_wins, timestamp_col: at")
    put(silt, "a", [(1, "old", 1), (1, "new", 3), (1, "mid", 2), (None, "n1", None), (None, "n2", None)],
        "id,name,at")
    got = run(silt)
    assert (got["rows_inserted"], got["rows_deduplicated"]) == (2, 3)
    assert ordered(db.rows("SELECT id, name FROM t")) == [("1", "new"), (None, "n2")]
    assert_sound(silt)


def test_keys_twice_in_a_file(silt, db):
    configure(silt, db, "upsert", "    primary_keys: [id]")
    put(silt, "a", [(1, "a"), (2, "b"), (1, "c")])
    put(silt, "b", [(3, "d")])
    result = silt("run", "--json", rc=5).json
    assert "more than once in this file" in str(result)
    assert db.rows("SELECT id FROM t") == [("3",)]
    silt("run", rc=5) # the second try of two
    put(silt, "a", [(1, "a"), (2, "b")])
    silt("run", "--retry-failed")
    assert_sound(silt)
    assert ordered(db.rows("SELECT id, name FROM t")) == [("1", "a"), ("2", "b"), ("3", "d")]


def test_the_first_of_equal_keys_stays(silt, db):
    configure(silt, db, "append_once", "    primary_keys: [id]")
    put(silt, "a", [(1, "first"), (1, "second")])
    put(silt, "b", [(1, "third"), (2, "x")])
    got = run(silt)
    assert (got["rows_inserted"], got["rows_deduplicated"]) == (2, 2)
    assert ordered(db.rows("SELECT id, name FROM t")) == [("1", "first"), ("2", "x")]
    assert_sound(silt)


def test_a_table_that_has_a_key_twice(silt, db):
    """Made by somebody else, without an index: both rows are the source's afterwards."""
    db.execute("CREATE TABLE t (id integer, name text); INSERT INTO t VALUES (1,'a'),(1,'b'),(2,'c')")
    configure(silt, db, "upsert", "    primary_keys: [id]\n    schema: {id: %s, name: string}"
              % ("long" if db.format == "sqlite" else "int"))
    put(silt, "a", [(1, "new"), (3, "d")])
    got = run(silt)
    assert (got["rows_inserted"], got["rows_updated"]) == (1, 1)
    assert ordered(db.rows("SELECT id, name FROM t")) == [
        ("1", "new"), ("1", "new"), ("2", "c"), ("3", "d")]


# ---- overwrite


def test_overwrite(silt, db):
    configure(silt, db, "overwrite")
    put(silt, "a", [(1, "Ann")])
    put(silt, "b", [(2, "Bob")])
    run(silt)
    assert_sound(silt)
    assert len(db.rows("SELECT id FROM t")) == 2
    put(silt, "c", [(3, "Cy")])
    run(silt)
    assert_sound(silt)
    assert db.rows("SELECT id, name FROM t") == [("3", "Cy")]
    put(silt, "d", [(4, "Di")])
    put(silt, "e", [("x", "not a number")])
    silt("run", rc=1)
    assert db.rows("SELECT id, name FROM t") == [("3", "Cy")]


# ---- columns


def test_new_columns(silt, db):
    configure(silt, db)
    put(silt, "a", [(1, "Ann")])
    run(silt)
    put(silt, "b", [(2, "Bob", "2024-01-02")], "id,name,born")
    assert "born" in silt("run", rc=5).out
    configure(silt, db, more="    on_new_column: evolve")
    silt("run", "--retry-failed")
    put(silt, "c", [(3, "Cy")])
    run(silt)
    assert_sound(silt)
    assert ordered(db.rows("SELECT id, name, born FROM t")) == [
        ("1", "Ann", None), ("2", "Bob", "2024-01-02"), ("3", "Cy", None)]
    proof = silt("prove", "--json").json["tables"][0]
    assert proof["files"] == 3


def test_names_that_have_to_be_quoted(silt, db):
    configure(silt, db, "upsert", "    primary_keys: [\"the key\"]")
    put(silt, "a", [(1, "x", 2)], '"the key","sel""ect",order')
    run(silt)
    put(silt, "b", [(1, "y", 3)], '"the key","sel""ect",order')
    run(silt)
    assert db.rows('SELECT "the key", "sel""ect", "order" FROM t') == [("1", "y", "3")]
    assert_sound(silt)


# ---- files that change, columns of every type


def test_a_changed_file_is_loaded_again(silt, db):
    configure(silt, db, more="    on_change: reload")
    put(silt, "a", [(i, "a") for i in range(5)])
    put(silt, "b", [(i, "b") for i in range(5)])
    run(silt)
    put(silt, "a", [(9, "changed"), (8, "changed")])
    assert run(silt)["rows"] == 2
    assert_sound(silt)
    assert ordered(db.rows("SELECT name, count(*) FROM t GROUP BY name")) == [("b", "5"), ("changed", "2")]


VALUES = """\
SELECT * FROM (VALUES
 (1, true, 127::TINYINT, (-32768)::SMALLINT, 2147483647::INTEGER, (-9223372036854775807 - 1)::BIGINT,
  1.5::FLOAT, 0.1::DOUBLE, 12345678901234567890.12::DECIMAL(22,2), 'text ''"\\ ä€😀\n\tx', '\\x00\\xFFa'::BLOB,
  DATE '0001-01-01', TIMESTAMPTZ '2024-02-29 23:59:59.999999+00', [1, NULL, 3], {'a': 1, 'b': 'x'}),
 (2, false, 0, 0, 0, 0, 'inf'::FLOAT, 'nan', (-0.01), '', ''::BLOB, '9999-12-31', '1969-12-31 23:59:59.5+00', [], NULL),
 (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (4, true, -128, 32767, -2147483648, 9223372036854775807, 3.4028235e38::FLOAT, 1.7976931348623157e308, 0, '\\N', 'b'::BLOB,
  '2000-02-29', '0001-01-01 00:00:00+00', [7], {'a': NULL, 'b': 'it''s'})
) v(id, bo, i8, i16, i32, i64, f32, f64, de, st, bi, da, ti, li, sr) ORDER BY id"""


def test_types_by_value(silt, db):
    import duckdb
    configure(silt, db)
    (silt.dir / "inbox").mkdir()
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.execute(f"COPY ({VALUES}) TO '{silt.dir}/inbox/v.parquet' (FORMAT parquet)")
    silt.write("silt.yaml", (silt.dir / "silt.yaml").read_text().replace("*.csv", "*.parquet"))
    run(silt)
    assert_sound(silt)
    wanted = con.execute(VALUES).fetchall()
    names = "id, bo, i8, i16, i32, i64, f32, f64, de, st, bi, da, ti, li, sr"
    if db.format == "sqlite":
        got = db.values(f"SELECT {names} FROM t ORDER BY id")
        as_sqlite = {"bo": int, "de": str, "da": str, "f64": lambda v: "NaN" if v != v else v,
                     "ti": lambda v: v.strftime("%Y").zfill(4) + v.strftime("-%m-%dT%H:%M:%S.%fZ")}
        for row, read in zip(wanted, got):
            for name, value, is_ in zip(names.split(", "), row, read):
                if name in ("li", "sr"):
                    assert is_ is None and value is None or json.loads(is_) == value, (name, is_)
                else:
                    assert is_ == (as_sqlite.get(name, lambda v: v)(value) if value is not None else None), name
        assert db.values("SELECT DISTINCT typeof(bo), typeof(i64), typeof(f32), typeof(de), typeof(st), "
                         "typeof(bi) FROM t WHERE id IN (1, 4)") == [
                             ("integer", "integer", "real", "text", "text", "blob")]
        return
    assert db.rows("SELECT string_agg(format_type(atttypid, atttypmod), '|' ORDER BY attnum) FROM pg_attribute "
                   "WHERE attrelid = 't'::regclass AND attnum BETWEEN 1 AND 15") == [(
                       "integer|boolean|smallint|smallint|integer|bigint|real|double precision|"
                       "numeric(22,2)|text|bytea|date|timestamp with time zone|jsonb|jsonb",)]
    got = db.rows("SELECT id, bo, i8, i16, i32, i64, f32, f64, de, encode(convert_to(st, 'UTF8'), 'hex'), "
                  "encode(bi, 'hex'), da, to_char(ti AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), li, sr "
                  "FROM t ORDER BY id")
    for row, read in zip(wanted, got):
        for name, value, is_ in zip(names.split(", "), row, read):
            if value is None:
                assert is_ is None, name
            elif name in ("li", "sr"):
                assert json.loads(is_) == value, name
            elif name in ("f32", "f64"):
                kind = "f" if name == "f32" else "d"
                read_value = struct.unpack(kind, struct.pack(kind, float(is_)))[0]
                assert read_value == value or value != value and is_ == "NaN", name
            elif name == "st":
                assert bytes.fromhex(is_).decode() == value
            elif name == "bi":
                assert bytes.fromhex(is_) == value
            elif name == "bo":
                assert is_ == ("t" if value else "f")
            elif name == "ti":
                assert is_ == value.strftime("%Y").zfill(4) + value.strftime("-%m-%d %H:%M:%S.%f")
            else:
                assert is_ == str(value), name


def test_values_that_have_no_place_fail_their_file(silt, db):
    configure(silt, db, more="    schema: {id: int, name: string, at: date}")
    put(silt, "a", [(1, "x", "2024-01-01")], "id,name,at")
    put(silt, "b", [(2, "x", "12024-01-01")], "id,name,at")
    result = silt("run", "--json", rc=5).json
    failed = [f["file_path"] for f in result["failures"]]
    assert failed == [str(silt.dir / "inbox/b.csv")] and "0001 to 9999" in str(result["failures"])
    assert db.rows("SELECT id FROM t") == [("1",)]


# ---- tables of others, and other writers


def test_a_table_that_stands_already(silt, db):
    types = {"sqlite": "id INTEGER, name TEXT, extra TEXT DEFAULT 'e'",
             "postgres": "id bigint, name varchar(20), n numeric(10,2), u uuid, extra text DEFAULT 'e'"}
    db.execute(f"CREATE TABLE t ({types[db.format]}); INSERT INTO t (id, name) VALUES (1, 'mine')")
    configure(silt, db)
    put(silt, "a", [(2, "Silt's")])
    run(silt)
    assert_sound(silt)
    assert ordered(db.rows("SELECT id, name, _batch_id FROM t")) == [
        ("1", "mine", None), ("2", "Silt's", "0")]
    if db.format == "postgres": # what isn't Silt's to fill keeps its default
        assert db.rows("SELECT extra FROM t WHERE id = 2") == [("e",)]
        put(silt, "b", [(3, "x" * 21)])
        assert "too long" in silt("run", rc=1).out
        assert len(db.rows("SELECT id FROM t")) == 2


def test_another_pipeline_in_the_same_table(silt, db):
    configure(silt, db)
    put(silt, "a", [(1, "Ann")])
    run(silt)
    text = (silt.dir / "silt.yaml").read_text()
    silt.write("other.yaml", text.replace("pipeline: shop", "pipeline: other").replace("state", "state2"))
    silt("run", "--config", "other.yaml")
    silt("run", "--config", "other.yaml")
    assert db.rows("SELECT id FROM t") == [("1",), ("1",)]
    assert ordered(db.rows("SELECT app_id, version FROM _silt_txn")) == [("other/t", "0"), ("shop/t", "0")]


def test_a_lock_of_somebody_else(silt):
    db = Sqlite(silt.dir)
    db.connection = "{path: warehouse.db, lock_wait_seconds: 1}"
    configure(silt, db)
    put(silt, "a", [(1, "Ann")])
    run(silt)
    put(silt, "b", [(2, "Bob")])
    other = db.connect()
    other.execute("BEGIN IMMEDIATE")
    out = silt("run", rc=1).out
    assert "database is locked" in out and "for more than 1 seconds" in out
    other.execute("ROLLBACK")
    other.close()
    silt("run")
    assert_sound(silt)
    assert db.rows("SELECT id FROM t") == [("1",), ("2",)]


def test_a_backup_that_was_restored(silt):
    db = Sqlite(silt.dir)
    configure(silt, db)
    put(silt, "a", [(1, "Ann")])
    run(silt)
    shutil.copy(db.path, silt.dir / "backup")
    put(silt, "b", [(2, "Bob")])
    run(silt)
    shutil.copy(silt.dir / "backup", db.path)
    out = silt("run", rc=3).out
    assert "went back" in out and "b.csv" in out


# ---- mistakes


@pytest.mark.parametrize("text, message", [
    ("write: {connection: wh, format: %s, path: t, partition_by: [id]}", "a database has no folders of rows"),
    ("write: {format: %s, path: t}", "write.connection: is missing: it names the database"),
    ("deletion_vectors: on\n    write: {connection: wh, format: %s, path: t}", "they are of Delta tables"),
    ("maintenance: {optimize_below: 1MB}\n    write: {connection: wh, format: %s, path: t}", "VACUUM and ANALYZE"),
    ("write: {connection: wh, format: %s, path: a/t}", "the name of a table is allowed"),
    ("write: {connection: wh, format: %s, path: _silt_txn}", "Silt's own"),
    ("constraints: [{name: c, check: id > 0, persist: true}]\n    write: {connection: wh, format: %s, path: t}",
     "CHECK"),
])
def test_mistakes_in_the_file(silt, text, message):
    for kind, connection in ("sqlite", "w.db"), ("postgres", "postgresql://u:s3cret@nowhere/db"):
        silt.write("silt.yaml", f"pipeline: p\ncheckpoint_path: s\nconnections: {{wh: {{path: '{connection}'}}}}\n"
                   f"tables:\n  - table_name: t\n    source: {{path: '*.csv'}}\n    {text % kind}\n")
        result = silt("check-config", rc=2)
        assert message in result.err + result.out and "s3cret" not in result.err + result.out


def test_no_database_answers(silt):
    db = Sqlite(silt.dir)
    db.format, db.connection = "postgres", "{path: 'postgresql://me:s3cret@127.0.0.1:9/db?connect_timeout=2'}"
    configure(silt, db)
    put(silt, "a", [(1, "Ann")])
    for args, rc in (("run",), 1), (("status",), 0), (("validate-consistency",), 3):
        result = silt(*args, rc=None)
        assert "s3cret" not in result.out + result.err and "127.0.0.1" in result.out + result.err
    silt.write("silt.yaml", (silt.dir / "silt.yaml").read_text().replace("?connect", "?s3cret=%zz&connect"))
    result = silt("run", rc=2)
    assert "can't be understood" in result.out and "s3cret" not in result.err + result.out


# ---- what runs do for any target


@pytest.mark.parametrize("what", ["quarantine", "rescue"])
def test_bad_rows(silt, db, what):
    configure(silt, db, more=f"    on_bad_row: {what}\n    schema: {{id: int, name: string, n: int}}")
    put(silt, "a", [(1, "fine", 1), (2, "bad", "x"), (3, "fine", 3)], "id,name,n")
    put(silt, "b", [(4, "fine", 4)], "id,name,n")
    run(silt)
    assert_sound(silt)
    rows = ordered(db.rows("SELECT id, name, n FROM t"))
    assert rows == [("1", "fine", "1")] + [("2", "bad", None)] * (what == "rescue") + [
        ("3", "fine", "3"), ("4", "fine", "4")]


@pytest.mark.parametrize("strategy", ["append", "upsert"])
def test_constraints(silt, db, strategy):
    keys = "    primary_keys: [id]\n" if strategy == "upsert" else ""
    for policy in "drop", "quarantine", "warn", "fail":
        configure(silt, db, strategy, f"{keys}    constraints: [{{name: positive, check: id > 0, on_violation: {policy}}}]")
        n = {"fail": 1, "drop": 2, "quarantine": 3, "warn": 4}[policy]
        put(silt, policy, [(n, "good"), (-n, policy)])
        silt("run", rc=5 if policy == "fail" else 0)
    assert ordered(db.rows("SELECT id FROM t")) == [("-4",), ("2",), ("3",), ("4",)]
    silt("validate-consistency", rc=None)
    assert silt("status", "--json").json["tables"][0]["files_failed"] == 1


def test_rows_that_only_the_database_finds_bad(silt, db):
    """Their file fails as a whole, whatever is to become of bad rows."""
    configure(silt, db, more="    on_bad_row: skip\n    schema: {id: int, name: string, at: date}")
    put(silt, "a", [(1, "x", "2024-01-01")], "id,name,at")
    put(silt, "b", [(2, "x", "2024-01-01"), (3, "x", "12024-01-01"), (4, "bad", "x")], "id,name,at")
    result = silt("run", "--json", rc=5).json
    assert [f["file_path"] for f in result["failures"]] == [str(silt.dir / "inbox/b.csv")]
    assert db.rows("SELECT id FROM t") == [("1",)]
    silt("validate-consistency")


def test_a_dry_run_leaves_no_trace(silt, db):
    configure(silt, db)
    put(silt, "a", [(1, "Ann")])
    plan = silt("run", "--dry-run", "--json").json["tables"][0]
    assert (plan["files_waiting"], plan["rows_estimated"], plan["problem"]) == (1, 1, None)
    if db.format == "sqlite":
        assert not db.path.exists()
    else:
        assert db.rows("SELECT count(*) FROM pg_class WHERE relname IN ('t', '_silt_txn')") == [("0",)]
    run(silt)
    assert_sound(silt)


def test_a_backup_is_caught_up_with(silt):
    db = Sqlite(silt.dir)
    configure(silt, db, more="    on_restore: reload")
    put(silt, "a", [(1, "Ann")])
    run(silt)
    shutil.copy(db.path, silt.dir / "backup")
    put(silt, "b", [(2, "Bob")])
    run(silt)
    shutil.copy(silt.dir / "backup", db.path)
    put(silt, "c", [(3, "Cy")])
    run(silt)
    assert ordered(db.rows("SELECT id, count(*) FROM t GROUP BY id")) == [("1", "1"), ("2", "1"), ("3", "1")]
    assert_sound(silt)


# ---- bad rows


def rejects(silt):
    out = silt("read", "state/rejects", "--format", "csv", "--columns", "row_number,status,raw_text").out
    return sorted(out.split()[1:])


@pytest.mark.parametrize("strategy", ["append", "upsert", "append_once", "overwrite", "scd2"])
def test_quarantine_and_replay(silt, db, strategy):
    """What is rejected and what is committed are one; mended rows are loaded once, into the same table."""
    keys = "" if strategy in ("append", "overwrite") else "    primary_keys: [id]\n"
    configure(silt, db, strategy, keys + ("    tracking_columns: [name]\n" if strategy == "scd2" else "") +
              "    schema: {id: long, name: string}\n    on_bad_row: quarantine\n")
    put(silt, "a", [(1, "Ann"), ("x2", "Bob")])
    got = run(silt)
    assert (got["rows"], got["rows_rejected"]) == (2, 1)
    assert rejects(silt) == ['2,open,"x2,Bob"']
    assert_sound(silt)
    mended = silt("read", "state/rejects", "--where", "status = 'open'", "--columns", "reject_id,row_json",
                  "--format", "json").out.replace("x2", "2")
    silt.write("mended.ndjson", mended)
    for i in range(2):
        silt("replay", "--table", "t", "--file", "mended.ndjson", rc=0 if i == 0 else 2)
        assert rejects(silt) == ['2,replayed,"x2,Bob"']
        assert ordered(db.rows("SELECT id, name FROM t")) == [("1", "Ann"), ("2", "Bob")]
        assert_sound(silt)


@pytest.mark.parametrize("policy, rows", [("skip", [("1", "Ann", None)]),
                                          ("rescue", [("1", "Ann", None), (None, "Bob", "x2")])])
def test_other_policies(silt, db, policy, rows):
    configure(silt, db, more=f"    schema: {{id: long, name: string}}\n    on_bad_row: {policy}\n")
    put(silt, "a", [(1, "Ann"), ("x2", "Bob")])
    run(silt)
    assert_sound(silt)
    rescued = "_rescued_data" if policy == "rescue" else "NULL"
    got = db.rows(f"SELECT id, name, {rescued} FROM t")
    assert ordered([(i, n, r and json.loads(r)["id"]) for i, n, r in got]) == ordered(rows)


def test_too_many_bad_rows(silt, db):
    configure(silt, db, more="    schema: {id: long, name: string}\n    on_bad_row: quarantine\n    max_bad_rows: 1\n")
    put(silt, "a", [(1, "Ann"), ("x2", "Bob"), ("x3", "Cy")])
    put(silt, "b", [(4, "Di"), ("x5", "Ed")])
    silt("run", rc=5)
    assert db.rows("SELECT id FROM t") == [("4",)]
    assert rejects(silt) == ['2,open,"x5,Ed"']
