"""One table of the conformance matrix going through all operations, one after the other: Silt does them, everybody who
can reads what there is then, another one writes on now and then, and a model in memory says what the rows have to be."""
import json
import queue
import subprocess
import threading
from pathlib import Path

import deltalake
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from conformance.matrix_files import files_without, wrong_statistics
from conformance.matrix_rows import COLUMNS, as_texts, canonical, difference

ARROW = {"BIGINT": pa.int64(), "INT": pa.int32(), "STRING": pa.string(), "DATE": pa.date32(),
         "TIMESTAMP": pa.timestamp("us", "UTC"), "TIMESTAMP_NTZ": pa.timestamp("us"), "DOUBLE": pa.float64(),
         "DECIMAL(12,3)": pa.decimal128(12, 3), "BOOLEAN": pa.bool_(), "BINARY": pa.binary(),
         "STRUCT<a: INT, b: ARRAY<STRING>>": pa.struct([("a", pa.int32()), ("b", pa.list_(pa.string()))]),
         "MAP<STRING, INT>": pa.map_(pa.string(), pa.int32())}

SPARK = {"BIGINT": "long", "INT": "integer", "STRING": "string", "DATE": "date", "TIMESTAMP": "timestamp",
         "TIMESTAMP_NTZ": "timestamp_ntz", "DOUBLE": "double", "DECIMAL(12,3)": "decimal(12,3)", "BOOLEAN": "boolean",
         "BINARY": "binary"}


class Model:
    """What the table's rows have to be: by id, a value for each column, by the names that columns had at first. Columns
    of values that aren't known aren't in it."""

    def __init__(self, feature):
        self.feature = feature
        self.kinds = {name: kind for name, (kind, _) in COLUMNS.items()}
        self.names = {name: name for name in COLUMNS}  # what a column is called by now
        for name in feature.given:
            self.kinds[name] = feature.extra[name][0]
            self.names[name] = name
        self.rows, self.next = {}, 1

    def new(self, ids):
        """Rows as a source has them, by first names."""
        made = {}
        for i in ids:
            row = {name: value(i) for name, (_, value) in COLUMNS.items()}
            row.update({name: self.feature.extra[name][1](row) for name in self.feature.given})
            row.update({name: None for name in self.names if name not in row})  # added since
            made[i] = row
        return made

    def fresh(self, count):
        self.next += count
        return self.new(range(self.next - count, self.next))

    def whole(self, row):
        """As the table has it: what is computed included, empty texts of partition columns null."""
        row = {n: v for n, v in row.items() if n in self.names}
        for name in self.feature.partition_by:
            if row.get(name) == "":
                row[name] = None
        for name, (_, value) in self.feature.extra.items():
            if value and name not in self.feature.given:
                row[name] = value(row)
        return row

    def put(self, rows):
        return {**self.rows, **{i: self.whole(row) for i, row in rows.items()}}

    def canonical(self, rows=None):
        made = []
        for row in (self.rows if rows is None else rows).values():
            made.append({self.names.get(n, n): canonical(v) for n, v in row.items()})
        return made

    def arrow(self, rows):
        """As a source: without what the table computes."""
        fields = [pa.field(self.names[n], ARROW[self.kinds[n]]) for n in self.names]
        return pa.Table.from_pylist([{self.names[n]: as_arrow(row[n]) for n in self.names} for row in rows.values()],
                                    pa.schema(fields))


def as_arrow(value):
    return list(value.items()) if isinstance(value, dict) and "k" in value else value


class Spark:
    """Spark, in a process of its own, that answers questions of several threads."""

    def __init__(self, python, folder):
        script = Path(__file__).resolve().parent / "spark_matrix.py"
        self.said = open(folder / "spark.log", "w")
        self.process = subprocess.Popen([python, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said,
                                        text=True)
        self.lock, self.asked, self.waiting = threading.Lock(), 0, {}
        self.reader = threading.Thread(target=self.hand_out, daemon=True)
        self.reader.start()

    def hand_out(self):
        for line in self.process.stdout:
            answer = json.loads(line)
            self.waiting.pop(answer["id"]).put(answer)
        with self.lock:
            self.process.stdin.close()
            for one in self.waiting.values():
                one.put({"error": f"it ended: {self.said.name}"})

    def __call__(self, **question):
        mine = queue.Queue()
        with self.lock:
            self.asked += 1
            self.waiting[self.asked] = mine
            self.process.stdin.write(json.dumps({"id": self.asked, **question}) + "\n")
            self.process.stdin.flush()
        answer = mine.get()
        if "error" in answer:
            raise RuntimeError(f"Spark: {answer['error']}")
        return answer["answer"]

    def close(self):
        with self.lock:
            self.process.stdin.close()
        self.process.wait(60)
        self.said.close()


class Cell:
    """What came of one operation: problems (none: fine), or why Silt refused it; who read it, who wrote on."""

    def __init__(self, operation, called=(), others=False):
        self.operation, self.called, self.problems, self.refused = operation, called, [], None
        self.readers, self.writers = [], []
        self.versions, self.others = range(0), others

    def wrong(self, what):
        self.problems.append(str(what)[:3000])


class Do:
    """What an operation is: commands, and the rows afterwards (None: as they were)."""

    def __init__(self, *commands, rows=None, names=None, kinds=None, target=None):
        self.commands, self.rows, self.target = commands, rows, target
        self.names, self.kinds = names, kinds  # of columns, afterwards


class Chain:
    """`readers`: others by name, each a function of a path that gives an Arrow table; `point`: of a path and conditions
    that gives how many rows each has. `limits`: (who, which operation, or None) that are known not to work."""

    def __init__(self, feature, silt, readers, points, limits, spark=None, turn=0):
        self.feature, self.silt, self.readers = feature, silt, readers
        self.limits, self.spark, self.turn, self.points = limits, spark, turn, points
        self.path = silt.dir / "t"
        self.model = Model(feature)
        self.saved = {}  # the rows of versions
        self.ids = {}    # row ids, by id
        self.cells = []
        self.sources = 0
        self.feed_from = None  # the first version whose feed has the columns of today
        self.met = set()       # limits that showed
        self.wild = [n for n, (_, value) in feature.extra.items() if value is None]

    def has(self, word):
        return any(word in x for x in (*self.feature.create, *self.feature.later))

    def source(self, rows):
        """Of these rows a file to be written."""
        self.sources += 1
        path = self.silt.dir / f"source-{self.sources}.parquet"
        pq.write_table(self.model.arrow(rows), path)
        return path

    def version(self):
        return max(int(p.name[:20]) for p in (self.path / "_delta_log").glob("*.json") if len(p.name) == 25)

    def actions(self, version):
        text = (self.path / f"_delta_log/{version:020}.json").read_text()
        return [json.loads(line) for line in text.splitlines()]

    # ---- one operation after the other

    def create(self):
        columns = [f"{n} {kind}{' NOT NULL' if n in self.feature.not_null else ''}" for n, (kind, _) in COLUMNS.items()]
        columns += [f"{n} {kind}" for n, (kind, _) in self.feature.extra.items()]
        by = [x for name in self.feature.partition_by for x in ("--partition-by", name)]
        self.silt("create", "t", "--schema", ", ".join(columns), *self.feature.create, *by)
        if not self.feature.later:
            self.feed_from = 0

    def alter_later(self):
        if self.feature.later:
            self.silt("alter", "t", *self.feature.later)
            self.feed_from = self.version() + 1

    def step(self, name, do, called=()):
        """`called`: what the history calls the commits, where there are any."""
        cell = Cell(name, called)
        self.cells.append(cell)
        before, there, old = self.version(), self.files(), dict(self.model.rows)
        for command in do.commands:
            result = self.silt(*command, rc=None)
            if result.rc != 0:
                return self.refuse(cell, result, there)
        self.model.names, self.model.rows = do.names or self.model.names, self.model.rows if do.rows is None else do.rows
        self.model.kinds.update(do.kinds or {})
        if do.names or do.kinds:
            self.feed_from = self.version() + 1
        if do.target:
            self.look(cell, do.target)
            return cell
        writer = self.next_writer(cell)
        self.committed(cell, before, old, last=not writer or bool(writer[2]))
        self.check_files(cell)
        if writer:
            self.write_on(cell, *writer)
        return cell

    def check_files(self, cell):
        actions = [a for v in cell.versions for a in self.actions(v)]
        for problem in wrong_statistics(self.path, actions):
            cell.wrong(problem)
        if self.has("materializePartitionColumns"):
            missing = files_without(self.path, actions, self.feature.partition_by)
            if missing and cell.operation != "restore":  # which brings back files of others
                cell.wrong(f"partition columns aren't in {missing}")

    def files(self):
        return {p for p in self.path.rglob("*") if p.is_file()}

    def refuse(self, cell, result, there):
        """By a reason, and the table is as it was."""
        cell.refused = (result.err.strip() or result.out.strip())
        if result.rc not in (1, 2):
            cell.wrong(result)
        if self.files() != there:
            cell.wrong(f"refused, and left {self.files() ^ there}")
        return cell

    def committed(self, cell, before, old, last=True):
        """The newest version, by all (by Spark, which takes long, once another one has gone on); and what is told of it."""
        after = self.version()
        cell.versions = range(before + 1, after + 1)
        self.saved[after] = self.model.canonical()
        tracked = self.has("RowTracking") and bool(self.ids or self.feed_from is not None)
        rows = self.look(cell, self.path, tracked, by_spark=last)
        self.check_ids(cell, rows)
        if self.has("ChangeDataFeed") and self.feed_from is not None and self.feed_from <= before + 1 <= after:
            self.check_feed(cell, old)

    # ---- what is read

    def by_silt(self, path, *more):
        return arrow_of(self.silt, "read", path, *more)

    def known(self, rows):
        """Without what the model doesn't know."""
        return [{k: v for k, v in row.items() if k not in self.wild and not k.startswith("_row_")} for row in rows]

    def look(self, cell, path, tracked=False, by_spark=True):
        """The rows, which all have to agree on, with their ids where those are tracked. What others can be asked of alone
        Silt isn't, to be quicker, unless they wrote it."""
        if tracked or self.spark or self.wild or cell.others or any((n, None) in self.limits for n in self.readers):
            rows = self.by_silt(path, *(["--row-ids"] if tracked else []))
            wrong = difference(self.known(rows), self.model.canonical())
            if wrong:
                cell.wrong(f"silt reads {wrong}")
        else:
            rows = self.model.canonical()
        plain = [{k: v for k, v in row.items() if not k.startswith("_row_")} for row in rows]
        for name, read in self.readers.items():
            self.other(cell, name, cell.readers, lambda read=read: difference(canonical_rows(read(path)), plain))
        if self.spark and by_spark:
            self.other(cell, "Spark", cell.readers, lambda: self.look_by_spark(cell, path, rows, tracked))
        for name in self.wild:
            numbers = [row[name] for row in rows if row[name] is not None]
            if len(set(numbers)) != len(numbers):
                cell.wrong(f"{name}: numbers aren't unique: {sorted(numbers)}")
        return rows

    def look_by_spark(self, cell, path, rows, tracked):
        answer = self.spark(do="read", table=str(path), row_ids=tracked,
                            fresh=path != self.path or "checkpoint" in cell.operation)
        found = [(f["name"], f["type"]) for f in answer["schema"]["fields"] if isinstance(f["type"], str)]
        wanted = [(self.model.names[n], SPARK[k]) for n, k in self.model.kinds.items() if n in self.model.names and k in SPARK]
        if [f for f in found if f[0] in dict(wanted)] != wanted:
            return f"columns {found}, wanted {wanted}"
        if path == self.path and answer["version"] != self.version():
            return f"version {answer['version']}, wanted {self.version()}"
        if path == self.path:
            self.properties = answer["metadata"]["configuration"]
            self.protocol = answer["protocol"]
        return difference(answer["rows"], rows)

    def other(self, cell, name, done, attempt):
        """What another one does, and how that has to end: None is fine, a text isn't, unless it is known."""
        limit = next((k for k in ((name, cell.operation), (name, None)) if k in self.limits), None)
        try:
            wrong = attempt()
        except Exception as e:
            wrong = f"{type(e).__name__}: {str(e)[:600]}"
        if wrong and limit:
            self.met.add(limit)
        elif wrong:
            cell.wrong(f"{name}: {wrong}")
        elif not limit:
            done.append(name)

    def check_ids(self, cell, rows):
        ids = {row["id"]: row["_row_id"] for row in rows if "_row_id" in row}
        if len(set(ids.values())) != len(ids) or None in ids.values():
            cell.wrong(f"row ids aren't unique: {ids}")
        lost = {i: (was, ids[i]) for i, was in self.ids.items() if i in ids and ids[i] != was}
        if lost:
            cell.wrong(f"rows have lost their ids: {lost}")
        if ids:
            self.ids = ids

    def check_feed(self, cell, old):
        """The rows before, and what the feed tells, make the rows now."""
        feed = self.feed(cell.versions[0], cell.versions[-1])
        rows = [text for text in as_texts(self.model.canonical(old))]
        told = {kind: [] for kind in ("insert", "delete", "update_preimage", "update_postimage")}
        for row in feed:
            told[row.pop("_change_type")].append({k: v for k, v in row.items() if not k.startswith("_commit_")})
        for text in as_texts(self.known(told["delete"] + told["update_preimage"])):
            if text not in rows:
                return cell.wrong(f"the feed has a row that went which wasn't there: {text}")
            rows.remove(text)
        rows += as_texts(self.known(told["insert"] + told["update_postimage"]))
        if sorted(rows) != as_texts(self.model.canonical()):
            cell.wrong(f"rows before and feed don't make the rows now; the feed: {feed}")
        if len(told["update_preimage"]) != len(told["update_postimage"]):
            cell.wrong(f"updates are told in halves: {told}")
        return None

    def feed(self, first, last):
        rows = arrow_of(self.silt, "changes", self.path, "--from", first, "--to", last)
        return [{k: v for k, v in row.items() if k != "_commit_timestamp"} for row in rows]

    # ---- what is looked at once

    def check_end(self):
        for name, check in (("older versions", self.check_older), ("history", self.check_history),
                            ("change feed", self.check_whole_feed), ("points", self.check_points),
                            ("doctor", self.check_health)):
            cell = Cell(name)
            self.cells.append(cell)
            check(cell)

    def check_older(self, cell):
        """The rows of four older versions."""
        versions = sorted(self.saved)
        for version in versions[:-1:max(1, len(versions) // 4)]:
            rows = self.by_silt(self.path, "--version", version)
            wrong = difference(self.known(rows), self.saved[version])
            if wrong:
                cell.wrong(f"silt, version {version}: {wrong}")
            for name, read in self.readers.items():
                self.other(cell, name, cell.readers, lambda: difference(canonical_rows(read(self.path, version)), rows))
            if self.spark:
                self.other(cell, "Spark", cell.readers, lambda: difference(
                    self.spark(do="read", table=str(self.path), version=version)["rows"], rows))

    def check_history(self, cell):
        """What each operation is called, and its metrics, which are numbers."""
        histories = {"deltalake": lambda: deltalake.DeltaTable(self.path).history()}
        if self.spark:
            histories["Spark"] = lambda: self.spark(do="tell", table=str(self.path), feed_from=None)["history"]
        for name, read in histories.items():
            if name in self.readers or name == "Spark":
                self.other(cell, name, cell.readers, lambda: self.wrong_history(read()))

    def wrong_history(self, history):
        told = {h["version"]: h for h in history}
        if sorted(told) != list(range(self.version() + 1)):
            return f"versions {sorted(told)}, wanted all up to {self.version()}"
        for cell in self.cells:
            for version in cell.versions:
                if cell.called and told[version]["operation"] not in cell.called:
                    return f"{cell.operation} is told as {told[version]['operation']}, wanted {cell.called}"
                metrics = told[version].get("metrics", told[version].get("operationMetrics")) or {}
                if any(not str(v).isdigit() for v in metrics.values()):
                    return f"{cell.operation}: metrics {metrics}"
        return None

    def check_whole_feed(self, cell):
        if not self.has("ChangeDataFeed"):
            return
        feed = self.feed(self.feed_from, self.version())
        if self.spark:
            self.other(cell, "Spark", cell.readers, lambda: difference(
                self.spark(do="tell", table=str(self.path), feed_from=self.feed_from)["feed"], feed))
        if "deltalake" in self.readers:
            self.other(cell, "deltalake feed", cell.readers, lambda: difference(self.feed_by_deltalake(), feed))

    def feed_by_deltalake(self):
        batches = deltalake.DeltaTable(self.path).load_cdf(starting_version=self.feed_from, ending_version=self.version())
        return [{k: v for k, v in row.items() if k != "_commit_timestamp"} for row in canonical_rows(pa.table(batches))]

    def check_points(self, cell):
        """Readers that skip files by statistics find the rows with the least and the greatest value of each column."""
        wanted = {}
        for column, kind in self.model.kinds.items():
            values = [row[column] for row in self.model.rows.values() if column in self.model.names]
            values = [v for v in values if v is not None and v != "" and not isinstance(v, (float, bytes, dict))]
            for value in {min(values), max(values)} if values else ():
                if not set(str(value)) & set("'\"\\`"):
                    wanted[f"`{self.model.names[column]}` = {literal(value, kind)}"] = values.count(value)
        for name, find in self.points.items():
            self.other(cell, name, cell.readers, lambda: wrong_counts(wanted, find(self.path, list(wanted))))
        if self.spark:
            some = list(wanted)[self.turn % 3::3]
            self.other(cell, "Spark", cell.readers, lambda: wrong_counts(
                {w: wanted[w] for w in some}, self.spark(do="find", table=str(self.path), where=some)))

    def check_health(self, cell):
        lines = self.silt("doctor", "t", "--deep", "--json", rc=None).out.splitlines()
        told = [json.loads(line) for line in lines]
        bad = [t for t in told if t.get("severity", "note") != "note"]
        if bad or not told or told[-1]["kind"] != "summary" or told[-1]["errors"]:
            cell.wrong(f"doctor: {bad or told}")
        for (who, what), limit in self.limits.items():
            # Writes tell of themselves (cant_write), and deltalake hasn't always had a turn.
            asked = who in self.readers or (who == "deltalake feed" and self.has("ChangeDataFeed"))
            if what is None and limit.tried and asked and (who, what) not in self.met:
                cell.wrong(f"{who} was said not to work with this table ({limit.reason}), and it did")

    # ---- others write on

    def next_writer(self, cell):
        """After every other operation one of them, each time by something else: who, what, and why that can't work."""
        self.turn += 1
        if self.turn % 2 or cell.operation == "create" and self.feature.later:
            return None
        # deltalake removes Spark's p=ü/… by the name p=%C3%BC/…, which Spark takes for another file.
        beside = self.spark and (self.turn % 4 or self.feature.partition_by)
        name = "Spark" if beside else "deltalake"
        kinds = [k for k in WRITES[name] if not (self.has("appendOnly") and k in ("update", "delete", "merge"))]
        kind = kinds[self.turn // 4 % len(kinds)]
        return name, kind, next((k for k in ((f"{name} writes", kind), (f"{name} writes", None)) if k in self.limits), None)

    def write_on(self, cell, name, kind, limit):
        if not limit:
            self.one_writes(cell, name, kind)
        elif self.limits[limit].tried and limit not in self.met:
            self.cant_write(cell, name, kind, limit)

    def cant_write(self, cell, name, kind, limit):
        there = self.files()
        try:
            by_deltalake(self.path, kind, self.model, self.model.next)
            cell.wrong(f"{name} writes by {kind}, which it was said not to: {self.limits[limit].reason}")
        except Exception:
            self.met.add(limit)
        for path in self.files() - there:
            path.unlink()

    def one_writes(self, cell, name, kind):
        before, old, n = self.version(), dict(self.model.rows), self.model.next
        changed, gone, new = WRITES[name][kind](self.model, n)
        self.model.next += len(new)
        try:
            if name == "Spark":
                self.spark(do="sql", statements=[statement(kind, n).replace("{t}", f"delta.`{self.path}`")])
            else:
                by_deltalake(self.path, kind, self.model, n)
        except Exception as e:
            return cell.wrong(f"{name} can't go on with {kind}: {type(e).__name__}: {str(e)[:600]}")
        kept = {i: row for i, row in self.model.rows.items() if i not in gone}
        kept.update({i: {**kept[i], "v": changed[i]} for i in changed if i in kept})
        kept.update({i: self.model.whole(row) for i, row in new.items()})
        self.model.rows = kept
        if self.version() == before and (changed or gone or new):
            cell.wrong(f"{name} wrote no version by {kind}")
        problems = len(cell.problems)
        on = Cell(f"{cell.operation}: {name} goes on with {kind}", others=True)
        self.committed(on, before, old)
        cell.problems += [f"after {name}'s {kind}: {p}" for p in on.problems]
        if len(cell.problems) == problems:
            cell.writers.append(name)
        return None


# ---- what others write: rows whose v changes, ids that go, rows that come

def inserted(model, n):
    rows = model.new([n, n + 1])
    for row in rows.values():
        row["p"] = "p1"  # the empty one isn't written as null by deltalake
    return {}, set(), rows


def bare(model, n):
    """As an INSERT of three columns leaves a row."""
    rows = {i: dict.fromkeys(model.names) for i in (n, n + 1)}
    for i, row in rows.items():
        row.update(id=i, p="p1", v=i)
    return {}, set(), rows


def updated(model, n):
    return {i: -1 for i in model.rows if i % 9 == 5}, set(), {}


def deleted(model, n):
    return {}, {i for i in model.rows if i % 8 == 6}, {}


def merged(model, n):
    here = {i: -2 for i in model.rows if i % 6 == 2}
    return here, {i for i in model.rows if i % 12 == 8}, bare(model, n)[2]


def nothing(model, n):
    return {}, set(), {}


WRITES = {"Spark": {"insert": bare, "merge": merged, "delete": deleted, "optimize": nothing, "update": updated},
          "deltalake": {"append": inserted, "delete": deleted, "update": updated, "optimize": nothing, "merge": merged}}


def statement(kind, n):
    return {
        "insert": f"INSERT INTO {{t}} (id, p, v) VALUES ({n}, 'p1', {n}), ({n + 1}, 'p1', {n + 1})",
        "update": "UPDATE {t} SET v = -1 WHERE id % 9 = 5",
        "delete": "DELETE FROM {t} WHERE id % 8 = 6",
        "optimize": "OPTIMIZE {t}",
        "merge": f"MERGE INTO {{t}} t USING (SELECT id, id % 12 = 8 AS gone FROM {{t}} WHERE id % 6 = 2 UNION ALL "
                 f"SELECT * FROM VALUES ({n}L, false), ({n + 1}L, false)) s ON t.id = s.id WHEN MATCHED AND s.gone THEN "
                 "DELETE WHEN MATCHED THEN UPDATE SET v = -2 WHEN NOT MATCHED THEN INSERT (id, p, v) VALUES (s.id, 'p1', s.id)",
    }[kind]


def by_deltalake(path, kind, model, n):
    table = deltalake.DeltaTable(path)
    if kind == "append":
        deltalake.write_deltalake(table, model.arrow(inserted(model, n)[2]), mode="append")
    elif kind == "delete":
        table.delete("id % 8 = 6")
    elif kind == "update":
        table.update(updates={"v": "-1"}, predicate="id % 9 = 5")
    elif kind == "optimize":
        table.optimize.compact()
    else:
        ids = [i for i in model.rows if i % 6 == 2] + [n, n + 1]
        source = pa.table({"id": pa.array(ids, pa.int64()), "gone": [i % 12 == 8 and i < n for i in ids]})
        merge = table.merge(source, "t.id = s.id", source_alias="s", target_alias="t")
        merge.when_matched_delete("s.gone").when_matched_update({"v": "-2"}).when_not_matched_insert(
            {"id": "s.id", "p": "'p1'", "v": "s.id"}).execute()


# ---- values

def canonical_rows(table):
    return [{k: canonical(v) for k, v in row.items()} for row in table.to_pylist()]


def arrow_of(silt, *command):
    out = silt.dir / "rows.arrow"
    silt(*command, "--format", "arrow", "--output", out)
    with pa.ipc.open_stream(out) as stream:
        return canonical_rows(stream.read_all())


def literal(value, kind):
    if kind in ("DATE", "TIMESTAMP", "TIMESTAMP_NTZ"):
        return f"{kind} '{value}'"
    if kind.startswith("DECIMAL"):
        return f"CAST('{value}' AS {kind})"
    return f"'{value}'" if isinstance(value, str) else str(value)


def wrong_counts(wanted, found):
    wrong = [(w, n, f) for (w, n), f in zip(wanted.items(), found, strict=True) if n != f]
    return f"rows by condition, wanted, found: {wrong}" if wrong else None
