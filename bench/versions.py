"""What scd2 starts from: a dimension with one version of each key, and a source of which half has changed."""
import json, os
from data import VERSIONS, db, header, rows, write_version

SOURCE = list(VERSIONS)[:6]


def dimension(table, s, files=4):
    con, per, adds = db(), s["dim"] // files, []
    os.makedirs(table)
    for f in range(files):
        name = f"part-{f:05d}.parquet"
        con.execute(f"""COPY (SELECT {','.join(SOURCE)}, ts valid_from, NULL::TIMESTAMPTZ valid_to, true is_current
            FROM ({rows(f * per, per)}) ORDER BY id) TO '{table}/{name}' (FORMAT parquet)""")
        adds.append({"add": {"path": name, "partitionValues": {}, "size": os.path.getsize(f"{table}/{name}"),
                             "modificationTime": 1700000000000, "dataChange": True,
                             "stats": json.dumps({"numRecords": per})}})
    write_version(table, 0, header(VERSIONS) + adds)


def source(out, s):
    """As many rows as a tenth of the keys have changed, as many haven't, a hundredth is new."""
    n = s["dim"]
    parts = rows(0, n // 10, 10, 1), rows(5, n // 10, 10), rows(n, n // 100, 1, 1)
    os.makedirs(out)
    db().execute(f"COPY (SELECT {','.join(SOURCE)} FROM ({' UNION ALL '.join(parts)}) ORDER BY hash(id)) "
                 f"TO '{out}/source.parquet' (FORMAT parquet)")


MAKERS = {"dim": dimension, "src-dim": source}
