"""Tables that are only read: logs without data, ten million rows, the same with deletion vectors, a change feed."""
import glob, json, os, shutil, struct, uuid, zlib
from pathlib import Path
from data import SCAN, db, header, rows, write_version

LOG = dict(id="BIGINT", name="VARCHAR", p="INTEGER")
THEN = 1_700_000_000_000


# ---- logs

def partitioned(actions):
    actions[1]["metaData"]["partitionColumns"] = ["p"]
    return actions


def log_add(i):
    stats = {"numRecords": 1000, "minValues": {"id": i * 1000, "name": f"a{i:07d}"},
             "maxValues": {"id": i * 1000 + 999, "name": f"z{i:07d}"}, "nullCount": {"id": 0, "name": 0}}
    return {"path": f"p={i % 8}/part-{i:07d}-c000.snappy.parquet", "partitionValues": {"p": str(i % 8)},
            "size": 100_000 + i % 1000, "modificationTime": THEN, "dataChange": True, "stats": json.dumps(stats)}


def commits_table(table, s):
    """Commits of one file each, and no checkpoint."""
    write_version(table, 0, partitioned(header(LOG)) + [{"commitInfo": {"timestamp": THEN, "operation": "CREATE"}}])
    for v in range(1, s["log_commits"]):
        write_version(table, v, [{"add": log_add(v)}, {"commitInfo": {"timestamp": THEN + v, "operation": "WRITE"}}])


def checkpoint_table(table, s, crc):
    """A checkpoint of `adds` + 1 files at version 10; with `crc` a commit after it that has a checksum file."""
    n = s["adds"]
    write_version(table, 10, [{"add": log_add(n)}])
    protocol, meta = partitioned(header(LOG))
    m = meta["metaData"]
    stats = """'{"numRecords":1000,"minValues":{"id":' || i*1000 || ',"name":"a' || lpad(i::VARCHAR,7,'0') ||
      '"},"maxValues":{"id":' || (i*1000+999) || ',"name":"z' || lpad(i::VARCHAR,7,'0') || '"},"nullCount":{"id":0,"name":0}}'"""
    key = f"{table}/_delta_log/{10:020d}.checkpoint.parquet"
    db().execute(f"""COPY (
      WITH a AS (SELECT range i FROM range({n + 1}))
      SELECT NULL::STRUCT("appId" VARCHAR, "version" BIGINT, "lastUpdated" BIGINT) txn,
        {{'path': 'p=' || (i % 8) || '/part-' || lpad(i::VARCHAR,7,'0') || '-c000.snappy.parquet',
          'partitionValues': MAP {{'p': (i % 8)::VARCHAR}}, 'size': (100000 + i % 1000)::BIGINT,
          'modificationTime': {THEN}::BIGINT, 'dataChange': true, 'stats': {stats}}} AS add,
        NULL::STRUCT("path" VARCHAR, "deletionTimestamp" BIGINT, "dataChange" BOOLEAN) remove,
        NULL::STRUCT(id VARCHAR, "format" STRUCT(provider VARCHAR, options MAP(VARCHAR,VARCHAR)), "schemaString" VARCHAR,
          "partitionColumns" VARCHAR[], "configuration" MAP(VARCHAR,VARCHAR), "createdTime" BIGINT) "metaData",
        NULL::STRUCT("minReaderVersion" INTEGER, "minWriterVersion" INTEGER) protocol FROM a
      UNION ALL SELECT NULL, NULL, NULL, {{'id': '{m['id']}', 'format': {{'provider': 'parquet', 'options': MAP {{}}::MAP(VARCHAR,VARCHAR)}},
        'schemaString': $1, 'partitionColumns': ['p'], 'configuration': MAP {{}}::MAP(VARCHAR,VARCHAR), 'createdTime': {THEN}}}, NULL
      UNION ALL SELECT NULL, NULL, NULL, NULL, {{'minReaderVersion': 1, 'minWriterVersion': 2}}
      ) TO '{key}' (FORMAT parquet, COMPRESSION snappy)""", [m["schemaString"]])
    log = Path(table) / "_delta_log"
    (log / "_last_checkpoint").write_text(json.dumps({"version": 10, "size": n + 3}))
    if not crc:
        return
    info = {"timestamp": THEN, "operation": "WRITE", "operationParameters": {}, "txnId": str(uuid.UUID(int=9))}
    write_version(table, 11, [{"commitInfo": info}, {"add": log_add(n + 1)}])
    total = sum(100_000 + i % 1000 for i in range(n + 2))
    (log / f"{11:020d}.crc").write_text(json.dumps({
        "txnId": info["txnId"], "tableSizeBytes": total, "numFiles": n + 2, "numMetadata": 1, "numProtocol": 1,
        "setTransactions": [], "domainMetadata": [], "metadata": m, "protocol": protocol["protocol"]}))


# ---- rows

def add_action(con, table, name):
    path = f"{table}/{name}"
    n, i0, i1, t0, t1, d0, d1, k0, k1 = con.execute(f"""SELECT count(*), min(id), max(id), min(ts), max(ts), min(d), max(d),
        min(k), max(k) FROM read_parquet('{path}')""").fetchone()
    ts = lambda t: t.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    stats = {"numRecords": n, "minValues": {"id": i0, "ts": ts(t0), "d": str(d0), "k": k0},
             "maxValues": {"id": i1, "ts": ts(t1), "d": str(d1), "k": k1}, "nullCount": {"id": 0, "ts": 0, "d": 0, "k": 0}}
    return {"add": {"path": name, "partitionValues": {}, "size": os.path.getsize(path), "modificationTime": THEN,
                    "dataChange": True, "stats": json.dumps(stats)}}


def scan_table(table, s, files=100, commits=10):
    """Rows with ids 0 and up, by id in `files` files, over `commits` commits."""
    con, per, adds = db(), s["scan"] // files, []
    os.makedirs(table)
    for f in range(files):
        name = f"part-{f:05d}.parquet"
        con.execute(f"COPY (SELECT {','.join(SCAN)} FROM ({rows(f * per, per)}) ORDER BY id) TO '{table}/{name}' (FORMAT parquet)")
        adds.append(add_action(con, table, name))
    each = files // commits
    for v in range(commits):
        write_version(table, v, (header(SCAN) if v == 0 else []) + adds[v * each:(v + 1) * each])


def many_table(table, s):
    """Small files, over each of which the ids are spread."""
    con, files, adds = db(), s["many"], []
    os.makedirs(table)
    for f in range(files):
        name = f"part-{f:05d}.parquet"
        con.execute(f"COPY (SELECT {','.join(SCAN)} FROM ({rows(f, s['many_rows'], files)})) TO '{table}/{name}' (FORMAT parquet)")
        adds.append(add_action(con, table, name))
    write_version(table, 0, header(SCAN) + adds)


Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def z85(data):
    numbers = (int.from_bytes(data[i:i + 4], "big") for i in range(0, len(data), 4))
    return "".join(Z85[v // 85 ** e % 85] for v in numbers for e in (4, 3, 2, 1, 0))


def with_deletion_vectors(table, base, every=20, properties=None, columns=SCAN):
    """The files of `base`, and of each every 20th row deleted (0: none): one .bin file of portable Roaring bitmaps."""
    from pyroaring import BitMap
    shutil.copytree(base, table, copy_function=os.link)
    adds = [json.loads(line)["add"] for log in sorted(glob.glob(f"{base}/_delta_log/*.json"))
            for line in open(log) if line.startswith('{"add"')]
    shutil.rmtree(f"{table}/_delta_log")
    name, blob, before, after = uuid.UUID(int=0xD5), b"\x01", [], []
    for a in adds if every else []:
        gone = BitMap(range(0, json.loads(a["stats"])["numRecords"], every))
        data = struct.pack("<iQI", 1681511377, 1, 0) + gone.serialize()
        dv = dict(storageType="u", pathOrInlineDv=z85(name.bytes), offset=len(blob), sizeInBytes=len(data), cardinality=len(gone))
        blob += struct.pack(">I", len(data)) + data + struct.pack(">I", zlib.crc32(data))
        before.append({"remove": {"path": a["path"], "deletionTimestamp": THEN + 1, "dataChange": True,
                                  "extendedFileMetadata": True, "partitionValues": {}, "size": a["size"]}})
        after.append({"add": {**a, "deletionVector": dv}})
    protocol, meta = header(columns)
    meta["metaData"]["configuration"] = properties or {}
    protocol["protocol"] = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"],
                            "writerFeatures": ["deletionVectors"]}
    write_version(table, 0, [protocol, meta] + [{"add": a} for a in adds])
    if every:
        Path(f"{table}/deletion_vector_{name}.bin").write_bytes(blob)
        write_version(table, 1, before + after)


def feed_table(table, s):
    """Appends, updates and deletes by deltalake with the change feed on."""
    from deltalake import DeltaTable, write_deltalake
    con, n, columns = db(), s["dim"] // 5, ",".join(SCAN)
    arrow = lambda sql: con.execute(f"SELECT {columns} FROM ({sql})").to_arrow_table()
    write_deltalake(table, arrow(rows(0, n)), configuration={"delta.enableChangeDataFeed": "true"})
    for v in range(s["feed"]):
        t = DeltaTable(table)
        if v % 4 == 3:
            t.delete(f"id >= {v * 100} AND id < {v * 100 + 50}")
        elif v % 4 == 1:
            t.update(updates={"k": "k + 1"}, predicate=f"id % 1000 = {v}")
        else:
            write_deltalake(table, arrow(rows(n * (v + 2), n // 100)), mode="append")


MAKERS = {"commits10k": commits_table,
          "checkpoint": lambda t, s: checkpoint_table(t, s, False), "checkpoint-crc": lambda t, s: checkpoint_table(t, s, True),
          "scan": scan_table, "manyfiles": many_table, "feed": feed_table}
