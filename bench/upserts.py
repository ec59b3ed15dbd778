"""What upserts start from: ten million rows with even ids, in order, in 20 files, and sources of which part is there.

A source's rows differ from the table's in all but id and note: `salt` 1, which is a second in ts as well. The rows that are
there lie where base-dv has none deleted.
"""
import os
from data import SCAN, db, header, rows, write_version
from tables import add_action

ON = {"delta.enableDeletionVectors": "true"}


def base_table(table, s, files=20):
    con, per, adds = db(), s["base"] // files, []
    os.makedirs(table)
    for f in range(files):
        name = f"part-{f:05d}.parquet"
        con.execute(f"COPY (SELECT {','.join(SCAN)} FROM ({rows(2 * f * per, per, 2)}) ORDER BY id) TO '{table}/{name}' (FORMAT parquet)")
        adds.append(add_action(con, table, name))
    write_version(table, 0, header(SCAN) + adds)


def source(out, s, kind):
    """Half of the rows are there, half are new, evenly over all keys; `clustered`: the highest keys; `once`: 90 % are
    there."""
    n = s["base"]
    m = {"scattered": n // 100, "tiny": max(n // 10_000, 20), "clustered": n // 100, "once": n // 10, "large": n * 3 // 10}[kind]
    there = m * 9 // 10 if kind == "once" else m // 2
    if kind == "clustered":
        lo = 2 * (n - n // 100)
        parts = rows(lo + 2, there, 4, 1), rows(lo + 1, m - there, 4, 1)
    else:
        parts = rows(2, there, 2 * (n // there), 1), rows(1, m - there, 2 * (n // (m - there)), 1)
    os.makedirs(out)
    db().execute(f"COPY (SELECT {','.join(SCAN)} FROM ({parts[0]} UNION ALL {parts[1]}) ORDER BY hash(id)) "
                 f"TO '{out}/source.parquet' (FORMAT parquet)")


MAKERS = {"base": base_table} | {f"src-{k}": lambda out, s, k=k: source(out, s, k)
                                 for k in ("scattered", "tiny", "clustered", "once", "large")}
