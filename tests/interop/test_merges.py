"""silt merge: random merges against a model in Python (nested loops over lists of rows), what deltalake makes of the
same merge, and what deltalake and DuckDB read of the results.

They are the same each time: SILT_SEED=n takes others, SILT_RUNS=n makes as many of each kind."""
import json
import os
import random
import shutil

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

COLUMNS = {"id": pa.int64(), "k": pa.int32(), "p": pa.string(), "v": pa.int64(), "name": pa.string()}
SCHEMA = "id long, k int, p string, v long, name string"
KINDS = {
    "plain": [], "partitioned": ["--partition-by", "p"], "feed": ["--property", "delta.enableChangeDataFeed=true"],
    "vectors": ["--property", "delta.enableDeletionVectors=true"],
    "vectors, feed, partitioned": ["--property", "delta.enableDeletionVectors=true", "--partition-by", "p",
                                   "--property", "delta.enableChangeDataFeed=true"],
    "rows, mapped": ["--property", "delta.enableRowTracking=true", "--property", "delta.columnMapping.mode=name"],
}
RUNS = int(os.environ.get("SILT_RUNS", "2"))
SEED = os.environ.get("SILT_SEED", "20779")  # any number


# ---- expressions: (SQL, function of a target row and a source row; None is null)


def three(op):
    return lambda a, b: None if a is None or b is None else op(a, b)


def both(a, b):
    return False if a is False or b is False else None if a is None or b is None else True


def either(a, b):
    return True if a is True or b is True else None if a is None or b is None else False


def negated(a):
    return None if a is None else not a


class Expressions:
    """Random ones over the sides that there are: "t", "s" or both."""

    def __init__(self, rng, sides):
        self.rng, self.sides = rng, sides

    def column(self, names):
        side, name = self.rng.choice(self.sides), self.rng.choice(names)
        return f"{side}.{name}", lambda t, s: (t if side == "t" else s)[name]

    def number(self, depth=1):
        kind = self.rng.randrange(6 if depth else 3)
        if kind == 0:
            n = self.rng.randrange(-3, 12)
            return f"CAST({n} AS BIGINT)", lambda t, s: n
        if kind < 3:
            return self.column(["id", "v"])
        (a, fa), (b, fb) = self.number(depth - 1), self.number(depth - 1)
        if kind == 3:
            return f"({a} + {b})", lambda t, s: three(lambda x, y: x + y)(fa(t, s), fb(t, s))
        if kind == 4:
            return f"coalesce({a}, {b})", lambda t, s: fb(t, s) if fa(t, s) is None else fa(t, s)
        c, fc = self.condition(depth - 1)
        return f"CASE WHEN {c} THEN {a} ELSE {b} END", lambda t, s: fa(t, s) if fc(t, s) else fb(t, s)

    def text(self):
        kind = self.rng.randrange(4)
        if kind == 0:
            word = self.rng.choice(["x", "THEN", "a, b", "AND 'q"])
            return "'" + word.replace("'", "\\'") + "'", lambda t, s: word
        if kind == 1:
            (a, fa), (b, fb) = self.column(["name", "p"]), self.column(["name", "p"])
            return f"({a} || {b})", lambda t, s: three(lambda x, y: x + y)(fa(t, s), fb(t, s))
        return self.column(["name", "p"])

    def condition(self, depth=2):
        kind = self.rng.randrange(7 if depth else 4)
        if kind < 2:
            sign, op = self.rng.choice([("<", lambda x, y: x < y), (">=", lambda x, y: x >= y), ("=", lambda x, y: x == y)])
            (a, fa), (b, fb) = self.number(0), self.number(0)
            return f"{a} {sign} {b}", lambda t, s: three(op)(fa(t, s), fb(t, s))
        if kind == 2:
            a, fa = self.column(list(COLUMNS))
            return f"{a} IS NOT NULL", lambda t, s: fa(t, s) is not None
        if kind == 3:
            a, fa = self.column(["name", "p"])
            return f"{a} IN ('p1', 'n1', 'n2')", lambda t, s: None if fa(t, s) is None else fa(t, s) in ("p1", "n1", "n2")
        (a, fa), (b, fb) = self.condition(depth - 1), self.condition(depth - 1)
        if kind == 4:
            return f"({a} AND {b})", lambda t, s: both(fa(t, s), fb(t, s))
        if kind == 5:
            return f"({a} OR {b})", lambda t, s: either(fa(t, s), fb(t, s))
        return f"NOT ({a})", lambda t, s: negated(fa(t, s))

    def value(self, column):
        if column == "k":
            return self.column(["k"])
        return self.number() if column in ("id", "v") else self.text()


# ---- merges


class Clause:
    """when: "matched", "not matched", "by source"; action: "update", "delete", "insert"; values None: star."""

    def __init__(self, rng, when, last):
        over = Expressions(rng, {"matched": ["t", "s"], "not matched": ["s"], "by source": ["t"]}[when])
        self.when = when
        self.condition = None if last else over.condition()
        self.action = "insert" if when == "not matched" else rng.choice(["update", "update", "delete"])
        self.values = None
        if self.action != "delete" and (when == "by source" or rng.random() < 0.6):
            names = rng.sample(list(COLUMNS), rng.randint(1, len(COLUMNS)))
            self.values = {c: over.value(c) for c in names}

    def __str__(self):
        when = {"by source": "not matched by source"}.get(self.when, self.when)
        text = f"when {when}" + (f" and {self.condition[0]}" if self.condition else "") + " then "
        if self.action == "delete":
            return text + "delete"
        if self.action == "insert":
            return text + ("insert *" if self.values is None else
                           f"insert ({', '.join(self.values)}) values ({', '.join(v[0] for v in self.values.values())})")
        return text + ("update set *" if self.values is None else
                       "update set " + ", ".join(f"{c} = {v[0]}" for c, v in self.values.items()))

    def row(self, t, s):
        old = dict(t) if self.action == "update" else dict.fromkeys(COLUMNS)
        new = {c: s[c] for c in COLUMNS} if self.values is None else {c: f(t, s) for c, (_, f) in self.values.items()}
        return {**old, **new}


class Merge:
    def __init__(self, rng):
        name = rng.choice(["id", "id", "id, p", "on", "on and", "range"])
        eq = three(lambda a, b: a == b)
        self.keys = name.split(", ") if name.startswith("id") else None
        if self.keys:
            self.on = " AND ".join(f"t.{k} = s.{k}" for k in self.keys)
            self.matches = lambda t, s: all(t[k] == s[k] for k in self.keys)
        elif name == "on":
            self.on, self.matches = "t.id = s.id", lambda t, s: eq(t["id"], s["id"])
        elif name == "on and":
            more, f = Expressions(rng, ["t", "s"]).condition(1)
            self.on, self.matches = f"t.id = s.id AND {more}", lambda t, s: both(eq(t["id"], s["id"]), f(t, s))
        else:
            self.on, self.matches = "t.id >= s.id AND t.id <= s.id + 1", lambda t, s: both(
                three(lambda a, b: a >= b)(t["id"], s["id"]), three(lambda a, b: a <= b + 1)(t["id"], s["id"]))
        self.clauses, self.met = [], False
        for when, odds in (("matched", 0.9), ("not matched", 0.7), ("by source", 0.25)):
            count = rng.randint(1, 3) if rng.random() < odds else 0
            self.clauses += [Clause(rng, when, i == count - 1 and rng.random() < 0.6) for i in range(count)]
        if not self.clauses:
            self.clauses = [Clause(rng, "matched", True)]

    def first(self, when, t, s):
        return next((c for c in self.clauses if c.when == when and (not c.condition or c.condition[1](t, s) is True)), None)

    def apply(self, target, source):
        """The rows afterwards and the feed; None where rows meet."""
        out, feed, hit = [], [], [False] * len(source)
        for t in target:
            pairs = [i for i, s in enumerate(source) if self.matches(t, s) is True]
            for i in pairs:
                hit[i] = True
            self.met = self.met or len(pairs) > 1
            if pairs:
                acting = [(c, source[i]) for i in pairs if (c := self.first("matched", t, source[i]))]
                if len(acting) > 1 and any(c.action != "delete" for c, _ in acting):
                    return None
                clause, s = acting[0] if acting else (None, None)
            else:
                clause, s = self.first("by source", t, None), None
            if not clause:
                out.append(t)
            elif clause.action == "delete":
                feed.append(("delete", t))
            else:
                new = clause.row(t, s)
                out.append(new)
                feed += [("update_preimage", t), ("update_postimage", new)]
        for s, was in zip(source, hit):
            clause = None if was else self.first("not matched", None, s)
            if clause:
                new = clause.row(None, s)
                out.append(new)
                feed.append(("insert", new))
        return out, feed

    def arguments(self):
        on = ["--keys", ",".join(self.keys)] if self.keys else ["--on", self.on]
        return on + [x for c in self.clauses for x in ("--when", str(c))]

    def by_deltalake(self, path, source):
        merger = deltalake.DeltaTable(path).merge(source, self.on, source_alias="s", target_alias="t")
        for c in self.clauses:
            condition = c.condition and c.condition[0]
            values = c.values and {k: v[0].replace("\\'", "''") for k, v in c.values.items()}
            name = "when_" + {"by source": "not_matched_by_source"}.get(c.when, c.when.replace(" ", "_")) + "_" + c.action
            if c.action == "delete":
                getattr(merger, name)(condition)
            elif values is None:
                getattr(merger, name + "_all")(condition)
            else:
                getattr(merger, name)(values, condition)
        merger.execute()


# ---- rows


def some_rows(rng, count, ids, keyed):
    rows = [{"id": rng.choice(ids), "k": rng.randrange(5), "p": f"p{rng.randrange(3)}", "v": rng.randrange(10),
             "name": f"n{rng.randrange(6)}"} for _ in range(count)]
    for row in rows:
        for c in ("k", "p", "v", "name"):
            if rng.random() < 0.08:
                row[c] = None
    if keyed:
        rows = list({r["id"]: r for r in rows}.values())
    elif rng.random() < 0.3:
        rows[0]["id"] = None
    return rows


def table_of(rows):
    return pa.table({c: pa.array([r[c] for r in rows], t) for c, t in COLUMNS.items()})


def bag(rows):
    return sorted((tuple(r[c] for c in COLUMNS) for r in rows), key=repr)


def read(silt, *more):
    return [json.loads(line) for line in silt("read", "t", "--json", *more).out.splitlines()]


def give(silt, rng, rows):
    """The source as a file of some kind."""
    if rng.random() < 0.5:
        pq.write_table(table_of(rows), silt.dir / "s.parquet")
        return "s.parquet"
    silt.write("s.ndjson", "".join(json.dumps(r) + "\n" for r in rows))
    return "s.ndjson"


def step(silt, rng, kind, model, version, read_deltalake, read_duckdb):
    """One random merge. The rows afterwards, and the version."""
    source = some_rows(rng, rng.choice([1, 4, 12]), range(-2, 40), rng.random() < 0.7)
    merge = Merge(rng)
    file = give(silt, rng, source)
    result = merge.apply(model, source)
    said = f"{merge.arguments()} of {source}"
    if result is None:
        r = silt("merge", "t", file, *merge.arguments(), rc=1)
        assert bag(read(silt)) == bag(model), said
        assert "by several rows of the source each" in r.err, r
        return model, version
    rows, feed = result
    # deltalake has no keys whose nulls are equal; and a row that meets two of the source and that no clause takes
    # it sometimes leaves twice
    nulls = any(r[k] is None for r in model + source for k in merge.keys or [])
    deltalakes = "vectors" not in kind and "mapped" not in kind and not nulls and not merge.met
    if deltalakes:
        shutil.rmtree(silt.dir / "copy", ignore_errors=True)
        shutil.copytree(silt.dir / "t", silt.dir / "copy")
        merge.by_deltalake(silt.dir / "copy", table_of(source))
    r = silt("merge", "t", file, *merge.arguments(), "--json").json
    assert bag(read(silt)) == bag(rows), said
    counts = {k: sum(x[0] == k for x in feed) for k in ("insert", "delete", "update_preimage")}
    assert (r["rows_inserted"], r["rows_deleted"], r["rows_updated"]) == tuple(counts.values()), said
    assert bag(read_duckdb(silt.dir / "t").to_pylist()) == bag(rows), said
    if deltalakes:
        assert bag(read_deltalake(silt.dir / "t").to_pylist()) == bag(rows), said
        assert bag(read_deltalake(silt.dir / "copy").to_pylist()) == bag(rows), f"deltalake: {said}"
    if r["outcome"] == "nothing":
        assert not feed, said
        return rows, version
    assert r["committed_version"] == version + 1, said
    if "feed" in kind:
        out = silt("changes", "t", "--from", version + 1, "--json").out if feed else ""
        changes = [json.loads(line) for line in out.splitlines()]
        assert sorted(repr((c["_change_type"], bag([c]))) for c in changes) == sorted(
            repr((what, bag([row]))) for what, row in feed), said
    return rows, version + 1


@pytest.mark.parametrize("run", range(RUNS))
@pytest.mark.parametrize("kind", KINDS)
def test_random_merges_are_as_in_the_model(silt, read_deltalake, read_duckdb, kind, run):
    rng = random.Random(f"{SEED} {kind} {run}")
    silt("create", "t", "--schema", SCHEMA, *KINDS[kind])
    model, version = [], 0
    for start in (0, 10, 20):
        rows = some_rows(rng, 10, range(start, start + 10), rng.random() < 0.8)
        pq.write_table(table_of(rows), silt.dir / "a.parquet")
        silt("write", "t", "a.parquet")
        model, version = model + rows, version + 1
    for _ in range(6):
        model, version = step(silt, rng, kind, model, version, read_deltalake, read_duckdb)
    assert silt("doctor", "t", "--deep").rc == 0


# ---- tables of deltalake


@pytest.mark.parametrize("partition_by", [None, ["p"]])
def test_merges_into_a_table_of_deltalake(silt, read_deltalake, read_duckdb, partition_by):
    rows = [{"id": i, "k": i % 5, "p": f"p{i % 3}", "v": i, "name": f"n{i}"} for i in range(30)]
    deltalake.write_deltalake(silt.dir / "t", table_of(rows), partition_by=partition_by)
    source = [{**r, "v": -1} for r in rows[10:15]] + [{**r, "id": r["id"] + 100} for r in rows[:3]]
    pq.write_table(table_of(source), silt.dir / "s.parquet")
    silt("merge", "t", "s.parquet", "--keys", "id", "--when", "matched then update set *", "--when", "not matched then insert *",
         "--when", "not matched by source and t.id >= 25 then delete")
    want = [r for r in rows[:25] if not 10 <= r["id"] < 15] + source
    assert bag(read_deltalake(silt.dir / "t").to_pylist()) == bag(read_duckdb(silt.dir / "t").to_pylist()) == bag(want)
    table = deltalake.DeltaTable(silt.dir / "t")
    last = table.history(1)[0]
    assert last["operation"] == "MERGE"
    assert str(last["operationMetrics"]["numTargetRowsInserted"]) == "3"
    table.merge(table_of([{**rows[0], "v": 77}]), "t.id = s.id", source_alias="s",
                target_alias="t").when_matched_update_all().execute()
    assert [r["v"] for r in read(silt) if r["id"] == 0] == [77]


def test_deltalake_reads_the_feed_of_a_merge(silt):
    silt("create", "t", "--schema", SCHEMA, *KINDS["feed"])
    rows = [{"id": i, "k": i % 5, "p": f"p{i % 3}", "v": i, "name": f"n{i}"} for i in range(6)]
    pq.write_table(table_of(rows), silt.dir / "a.parquet")
    silt("write", "t", "a.parquet")
    pq.write_table(table_of([{**rows[1], "v": 9}, {**rows[2], "id": 50}, rows[3]]), silt.dir / "s.parquet")
    silt("merge", "t", "s.parquet", "--keys", "id", "--when", "matched and s.id = 3 then delete",
         "--when", "matched then update set *", "--when", "not matched then insert *")
    feed = pa.table(deltalake.DeltaTable(silt.dir / "t").load_cdf(starting_version=2)).to_pylist()
    assert sorted((r["_change_type"], r["id"], r["v"]) for r in feed) == [
        ("delete", 3, 3), ("insert", 50, 2), ("update_postimage", 1, 9), ("update_preimage", 1, 1)]


# ---- upsert and append_once, the same way


@pytest.mark.parametrize("mode", ["upsert", "append_once"])
@pytest.mark.parametrize("kind", KINDS)
def test_random_upserts_are_as_in_the_model(silt, read_deltalake, read_duckdb, kind, mode):
    rng = random.Random(f"{SEED} {kind} {mode}")
    silt("create", "t", "--schema", SCHEMA, *KINDS[kind])
    model = {}
    for _ in range(6):
        source = some_rows(rng, rng.choice([2, 8, 20]), range(0, 40), True)
        if rng.random() < 0.4:
            source[0]["id"] = None  # nulls are equal
        r = silt("write", "t", give(silt, rng, source), "--mode", mode, "--keys", "id", "--json").json
        known = {row["id"] for row in source} & set(model)
        inserted = len(source) - len(known)
        updated, unchanged = (0, len(known)) if mode == "append_once" else (r["rows_updated"], r["rows_unchanged"])
        assert (r["rows_inserted"], r["rows_updated"], r["rows_unchanged"]) == (inserted, updated, unchanged)
        assert updated + unchanged == len(known)
        for row in source:
            if mode == "upsert" or row["id"] not in model:
                model[row["id"]] = row
        want = bag(model.values())
        assert bag(read(silt)) == want
        assert bag(read_duckdb(silt.dir / "t").to_pylist()) == want
        if "vectors" not in kind and "mapped" not in kind:
            assert bag(read_deltalake(silt.dir / "t").to_pylist()) == want
    assert silt("doctor", "t", "--deep").rc == 0
