"""delta-rs through its Python package, as a user writes the script."""
import os, sys, uuid
from datetime import datetime, timezone
sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from queries import queries
PYTHON = "venv"
INSTALLED = ["venv/lib/python3*/site-packages/deltalake", "venv/lib/python3*/site-packages/arro3",
             "venv/lib/python3*/site-packages/pyarrow"]


def start():
    global pa, pc, DeltaTable, write_deltalake
    import pyarrow as pa, pyarrow.compute as pc
    from deltalake import DeltaTable, write_deltalake


def source_schema():
    return pa.schema([("id", pa.int64()), ("k", pa.int32()), ("amount", pa.decimal128(12, 2)), ("price", pa.float64()),
                      ("name", pa.string()), ("category", pa.string()), ("note", pa.string()),
                      ("ts", pa.timestamp("us", "UTC")), ("d", pa.date32()), ("flag", pa.int32())])


def full_schema():
    return pa.unify_schemas([source_schema(), pa.schema([
        ("_source_file", pa.string()), ("_load_timestamp", pa.timestamp("us", "UTC")), ("_batch_id", pa.string())])])


def read_file(path, form):
    import pyarrow.csv as pcsv, pyarrow.json as pjson, pyarrow.parquet as pq
    schema = source_schema()
    if form == "csv":
        return pcsv.open_csv(path, convert_options=pcsv.ConvertOptions(column_types=schema))
    if form == "parquet":
        return pq.ParquetFile(path).iter_batches()
    # pyarrow reads no decimals or dates from JSON text: read others, then cast
    loose = {"amount": pa.float64(), "ts": pa.string(), "d": pa.string()}
    t = pjson.read_json(path, parse_options=pjson.ParseOptions(
        explicit_schema=pa.schema([(f.name, loose.get(f.name, f.type)) for f in schema])))
    cols = {c: t[c] for c in t.column_names}
    cols["amount"] = pc.round(cols["amount"], 2).cast(pa.decimal128(12, 2), safe=False)
    cols["ts"] = pc.strptime(pc.utf8_slice_codeunits(cols["ts"], 0, 19), "%Y-%m-%d %H:%M:%S", "us").cast(pa.timestamp("us", "UTC"))
    cols["d"] = cols["d"].cast(pa.date32())
    return pa.table(cols).select(schema.names).to_batches()


def batches(files, form, batch_id):
    now = pa.scalar(datetime.now(timezone.utc), pa.timestamp("us", "UTC"))

    def all_of_them():
        for path in files:
            for b in read_file(path, form):
                n = b.num_rows
                arrays = [x.cast(f.type) for x, f in zip(b.columns, source_schema())]
                arrays += [pa.repeat(pa.scalar(path), n), pa.repeat(now, n), pa.repeat(pa.scalar(batch_id), n)]
                yield pa.RecordBatch.from_arrays(arrays, schema=full_schema())
    return pa.RecordBatchReader.from_batches(full_schema(), all_of_them())


def load_append(a):
    files = sorted(e.path for e in os.scandir(a["src"]))
    write_deltalake(a["table"], batches(files, a["variant"], str(uuid.uuid4())), mode="append")


def load_small_files(a):
    """With a tracker as users write it: a table of the files that are loaded."""
    tracker = a["state"] + "/tracker"
    found = {e.path: e.stat() for e in os.scandir(a["src"])}
    known = set()
    if os.path.isdir(tracker):
        known = set(pa.table(DeltaTable(tracker).to_pyarrow_table(columns=["path"]))["path"].to_pylist())
    new = sorted(set(found) - known)
    if not new:
        return {"new": 0}
    b = str(uuid.uuid4())
    write_deltalake(a["table"], batches(new, "csv", b), mode="append")
    write_deltalake(tracker, pa.table({"path": new, "size": [found[f].st_size for f in new], "batch_id": [b] * len(new),
                                       "mtime": [int(found[f].st_mtime) for f in new]}), mode="append")
    return {"new": len(new)}


def commits(a):
    """sequential: n in this process; child: the same, one of eight."""
    if a["variant"] == "concurrent8":
        return sys.modules["__main__"].eight(__file__, a)
    bad = []
    for i in range(a["n"]):
        now = datetime.now(timezone.utc)
        row = dict(id=a.get("w", 0) * 1000 + i, k=1, amount=None, price=1.5, name="x", category="c", note="n", ts=now,
                   d=None, flag=1, _source_file="f", _load_timestamp=now, _batch_id=str(i))
        try:
            write_deltalake(a["table"], pa.Table.from_pylist([row], schema=full_schema()), mode="append")
        except Exception as e:
            bad.append(f"{type(e).__name__}: {str(e)[:80]}")
    return {"commits": a["n"] - len(bad), "failures": bad}


def log_replay(a):
    t = DeltaTable(a["table"])
    return t.version() if a["variant"] == "open" else len(t.file_uris())


def scan(a):
    from deltalake import QueryBuilder
    select, where = queries(a["variant"], a["n"])
    t = DeltaTable(a["table"], version=4 if a["variant"] == "time_travel" else None)
    found = QueryBuilder().register("t", t).execute(f"SELECT {select} FROM t WHERE {where or 'true'}")
    return pa.table(found)["n"][0].as_py()


def cdf(a):
    import pyarrow.parquet as pq
    pq.write_table(pa.table(DeltaTable(a["table"]).load_cdf(starting_version=1).read_all()), a["state"] + "/cdf.parquet")


def checkpoint(a):
    DeltaTable(a["table"]).create_checkpoint()


def optimize(a):
    t = DeltaTable(a["table"])
    m = t.optimize.z_order(["k", "d"]) if a["variant"] == "zorder" else t.optimize.compact()
    return {"added": m["numFilesAdded"]}


def merger(a):
    import pyarrow.parquet as pq
    return DeltaTable(a["table"]).merge(pq.read_table(a["src"]), predicate="t.id = s.id", source_alias="s", target_alias="t")


def upsert(a):
    merger(a).when_matched_update_all(predicate="s.ts > t.ts").when_not_matched_insert_all().execute()


def append_once(a):
    merger(a).when_not_matched_insert_all().execute()


def scd2(a):
    """By hand, in one merge: what has changed stands in the source twice, with its key, which ends a version, and without."""
    import pyarrow.parquet as pq
    from deltalake import QueryBuilder
    now = pa.scalar(datetime.now(timezone.utc), pa.timestamp("us", "UTC"))
    source = pq.read_table(a["src"])
    found = QueryBuilder().register("t", DeltaTable(a["table"])).execute("SELECT id, name n, note o, amount m FROM t WHERE is_current")
    plain = lambda t: t.cast(pa.schema([(f.name, pa.string() if "string" in str(f.type) else f.type) for f in t.schema]))
    both = plain(source).join(plain(pa.table(found)), "id", join_type="left outer")
    differs = [pc.fill_null(pc.not_equal(both[x], both[y]), True) for x, y in (("name", "n"), ("note", "o"), ("amount", "m"))]
    changed = both.filter(pc.or_(pc.or_(differs[0], differs[1]), differs[2])).select(source.column_names)
    ends, begins = changed.append_column("key", changed["id"]), changed.append_column("key", pa.nulls(len(changed), pa.int64()))
    staged = pa.concat_tables([ends, begins]).append_column("valid_from", pa.repeat(now, 2 * len(changed)))
    values = {c: f"s.{c}" for c in [*source.column_names, "valid_from"]}
    (DeltaTable(a["table"]).merge(staged, predicate="t.id = s.key AND t.is_current", source_alias="s", target_alias="t")
     .when_matched_update(updates={"valid_to": "s.valid_from", "is_current": "false"})
     .when_not_matched_insert(updates={**values, "is_current": "true"}, predicate="s.key IS NULL").execute())


def footprint(a):
    return len(DeltaTable(a["table"]).file_uris()) if a["variant"] == "open_tiny" else None
