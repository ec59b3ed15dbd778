"""Tables of SQLite and PostgreSQL as targets: every strategy, each run several times over."""
import random
import shutil

import pytest

from databases import Postgres, Server, Sqlite

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


@pytest.fixture(scope="session")
def postgres_server():
    server = Server()
    yield server
    server.stop()


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
