"""What the protocol asks of each commit, checkpoint and checksum, by the log alone: a replay that knows nothing of Silt.

    assert not broken_rules(path)

Commits of others are replayed, too, but not judged."""
import json
import re
import struct
import uuid
import zlib
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import pyarrow.parquet as pq

from conformance.log_schema import broken_metadata, features_used, leaves, physical, schema_of

FOR_READERS = {"columnMapping", "deletionVectors", "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck", "typeWidening",
               "variantType"}
FOR_WRITERS = {"appendOnly", "invariants", "checkConstraints", "generatedColumns", "allowColumnDefaults", "changeDataFeed",
               "identityColumns", "rowTracking", "domainMetadata", "clustering", "inCommitTimestamp", "checkpointProtection",
               "materializePartitionColumns"}
BY_VERSION = {"appendOnly": 2, "invariants": 2, "checkConstraints": 3, "changeDataFeed": 4, "generatedColumns": 4,
              "columnMapping": 5, "identityColumns": 6}
NEEDS = {"rowTracking": "domainMetadata", "clustering": "domainMetadata"}
ADD = {"path", "partitionValues", "size", "modificationTime", "dataChange", "stats", "tags", "deletionVector", "baseRowId",
       "defaultRowCommitVersion", "clusteringProvider"}
REMOVE = (ADD - {"modificationTime", "clusteringProvider"}) | {"deletionTimestamp", "extendedFileMetadata"}
Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
PARTITION_VALUES = {"timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", "boolean": "true|false",
                    "timestamp_ntz": r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d(\.\d{1,6})?)?", "date": r"\d{4}-\d\d-\d\d",
                    **dict.fromkeys(("byte", "short", "integer", "long"), r"-?\d+")}


def broken_rules(table):
    log = Log(Path(table))
    while log.path(log.version + 1).exists():
        log.next_commit()
    log.check_checkpoints()
    return log.problems


def vector_id(vector):
    if not vector:
        return None
    return vector["storageType"] + vector["pathOrInlineDv"] + (f"@{vector['offset']}" if "offset" in vector else "")


def once(pairs):
    names = Counter(name for name, _ in pairs)
    assert not names or max(names.values()) == 1, f"a member twice: {names}"
    return dict(pairs)


def loads(text):
    return json.loads(text, object_pairs_hook=once)


class Log:
    def __init__(self, table):
        self.table, self.folder, self.problems, self.version = table, table / "_delta_log", [], -1
        self.protocol = self.metadata = self.stamp = None
        self.files, self.tombs, self.txns, self.domains = {}, {}, {}, {}
        self.high, self.columns, self.states = -1, {}, {}

    def path(self, version, ending="json"):
        return self.folder / f"{version:020}.{ending}"

    def wrong(self, what):
        if self.ours:
            self.problems.append(f"version {self.version} ({self.info.get('operation')}): {what}")

    def has(self, feature):
        named = self.protocol.get("writerFeatures")
        return feature in named if named is not None else self.protocol["minWriterVersion"] >= BY_VERSION.get(feature, 99)

    def on(self, name):
        return self.metadata["configuration"].get(f"delta.{name}", "").lower() == "true"

    # ---- a commit

    def next_commit(self):
        self.version += 1
        told = [next(iter(loads(line).items())) for line in self.path(self.version).read_text().split("\n") if line]
        by = {kind: [a for k, a in told if k == kind] for kind in
              ("commitInfo", "protocol", "metaData", "add", "remove", "cdc", "txn", "domainMetadata")}
        self.info = (by["commitInfo"] or [{}])[0]
        self.ours = self.info.get("engineInfo", "").startswith("silt/")
        if sum(map(len, by.values())) != len(told):
            self.wrong(f"unknown actions: {Counter(k for k, _ in told)}")
        for kind, name in (("add", "path"), ("remove", "path"), ("cdc", "path"), ("txn", "appId"), ("domainMetadata", "domain")):
            names = Counter(a[name] for a in by[kind])
            if names and max(names.values()) > 1:
                self.wrong(f"{kind} twice: {names}")
        if len(by["commitInfo"]) != 1 or len(by["protocol"]) > 1 or len(by["metaData"]) > 1:
            self.wrong("commitInfo, protocol or metaData are told more than once, or not at all")
        was_dated = bool(self.metadata) and self.on("enableInCommitTimestamps")
        self.check_protocol(*by["protocol"])
        self.check_metadata(*by["metaData"])
        self.check_stamp(told[0][0], was_dated)
        before, high = dict(self.files), self.high
        for domain in by["domainMetadata"]:
            self.check_domain(domain)
        for txn in by["txn"]:
            if self.txns.get(txn["appId"], {"version": -1})["version"] >= txn["version"]:
                self.wrong(f"a txn goes back: {txn}")
            self.txns[txn["appId"]] = txn
        for remove in by["remove"]:
            self.check_remove(remove, before)
        for add in by["add"]:
            self.check_add(add, before, high)
        for cdc in by["cdc"]:
            self.check_cdc(cdc)
        self.check_row_ids()
        self.states[self.version] = {"protocol": self.protocol, "metadata": self.metadata, "files": dict(self.files),
                                     "tombs": dict(self.tombs), "txns": dict(self.txns), "domains": dict(self.domains)}
        if self.path(self.version, "crc").exists():
            self.check_crc(loads(self.path(self.version, "crc").read_text()))

    def check_protocol(self, new=None):
        if not new:
            return
        readers, writers = set(new.get("readerFeatures", ())), set(new.get("writerFeatures", ()))
        r, w = new["minReaderVersion"], new["minWriterVersion"]
        if (r == 3) != ("readerFeatures" in new) or (w == 7) != ("writerFeatures" in new) or (r == 3 and w != 7):
            self.wrong(f"versions and features: {new}")
        if readers - FOR_READERS or writers - FOR_READERS - FOR_WRITERS or readers - writers:
            self.wrong(f"features: {new}")
        if (writers & FOR_READERS) - readers - ({"columnMapping"} if r == 2 else set()):
            self.wrong(f"readers aren't told of {(writers & FOR_READERS) - readers}")
        if any(f in writers and needed not in writers for f, needed in NEEDS.items()):
            self.wrong(f"a feature without what it needs: {writers}")
        lost = set(self.protocol.get("writerFeatures", ())) - writers if self.protocol else set()
        if lost and "DROP FEATURE" not in self.info["operation"]:
            self.wrong(f"features are lost: {lost}")
        self.protocol = new

    def check_metadata(self, new=None):
        if new:
            old, self.metadata = self.metadata, new
            for problem in broken_metadata(old, new, self.info.get("operation", ""), self.columns):
                self.wrong(problem)
        missing = {f for f in features_used(self.metadata) if not self.has(f)}
        if missing:
            self.wrong(f"used without the feature: {missing}")
        self.schema = schema_of(self.metadata)
        fields = {f["name"]: f for f in self.schema["fields"]}
        self.partitions = {physical(fields[n], self.metadata): fields[n]["type"] for n in self.metadata["partitionColumns"]}

    def check_stamp(self, first, was_dated):
        stamp = self.info.get("inCommitTimestamp")
        if not self.on("enableInCommitTimestamps"):
            if stamp is not None:
                self.wrong("inCommitTimestamp, though it isn't enabled")
        elif first != "commitInfo" or not isinstance(stamp, int) or (was_dated and stamp <= self.stamp):
            self.wrong(f"in-commit timestamp {self.stamp} → {stamp}, the first action is {first}")
        elif not was_dated and self.version > 0:
            told = [self.metadata["configuration"].get(f"delta.inCommitTimestampEnablement{x}") for x in ("Version", "Timestamp")]
            if told != [str(self.version), str(stamp)]:
                self.wrong(f"in-commit timestamps since {told}, {stamp}")
        self.stamp = stamp

    def check_domain(self, domain):
        name, was = domain["domain"], self.domains.pop(domain["domain"], None)
        if set(domain) != {"domain", "configuration", "removed"} or not self.has("domainMetadata"):
            self.wrong(f"domain {domain}")
        if domain["removed"]:
            self.high = -1 if name == "delta.rowTracking" else self.high
            if not was or was["configuration"] != domain["configuration"]:
                self.wrong(f"{domain} takes away {was}")
            return
        self.domains[name] = domain
        if name == "delta.rowTracking":
            high = loads(domain["configuration"])["rowIdHighWaterMark"]
            if high < self.high:
                self.wrong(f"row ids up to {self.high} → {high}")
            self.high = high
        if name == "delta.clustering":
            some = [tuple(c) if isinstance(c, list) else (c,) for c in loads(domain["configuration"])["clusteringColumns"]]
            if self.partitions or not self.has("clustering") or set(some) - {p for p, _ in leaves(self.schema, self.metadata)}:
                self.wrong(f"clustered by {some}")

    # ---- files

    def check_path(self, path):
        if re.search(r"%(?![0-9A-Fa-f]{2})", path) or re.search(r'[\x00-\x20"<>\\^`{|}#?\x7f]', path):
            self.wrong(f"no URI: {path!r}")
        if ":" in path.split("/")[0] and not path.startswith("file:"):
            self.wrong(f"a URI of another scheme: {path!r}")

    def check_remove(self, remove, before):
        path, was = remove["path"], before.get(remove["path"])
        self.check_path(path)
        self.tombs[path, vector_id(remove.get("deletionVector"))] = remove
        if not was and path.endswith(".bin"):
            return  # of a deletion vector, by DROP FEATURE
        if not was or was.get("deletionVector") != remove.get("deletionVector"):
            return self.wrong(f"{path} isn't there so: {remove}, {was}")
        self.files.pop(path, None)
        if set(remove) - REMOVE or not isinstance(remove.get("deletionTimestamp"), int):
            self.wrong(f"remove {remove}")
        same = ["partitionValues", "size"] if remove.get("extendedFileMetadata") else []
        same += ["baseRowId", "defaultRowCommitVersion"] if self.has("rowTracking") else []
        if any(remove.get(k) != was.get(k) for k in same):
            self.wrong(f"{remove} isn't what was added: {was}")
        if remove["dataChange"] and self.on("appendOnly"):
            self.wrong("the table is append-only")

    def check_add(self, add, before, high):
        path, was = add["path"], before.get(add["path"])
        self.check_path(path)
        if path in self.files and vector_id(self.files[path].get("deletionVector")) != vector_id(add.get("deletionVector")):
            self.wrong(f"{path} is there twice")
        if set(add) - ADD or [type(add[k]) for k in ("size", "modificationTime", "dataChange")] != [int, int, bool]:
            self.wrong(f"add {add}")
        self.check_partition(add)
        stats = loads(add["stats"]) if add.get("stats") else {}
        if set(stats) - {"numRecords", "tightBounds", "minValues", "maxValues", "nullCount"}:
            self.wrong(f"statistics {stats}")
        if add.get("deletionVector"):
            self.check_vector(add, was, stats)
        if self.has("rowTracking") and not self.on("rowTrackingSuspended"):
            ids, kept = [[a.get(k) for k in ("baseRowId", "defaultRowCommitVersion")] for a in (add, was or {})]
            if None in ids or (None not in kept and ids != kept):
                self.wrong(f"row ids {ids}, were {kept}")
            elif None in kept and self.info["operation"] not in ("RESTORE", "CLONE") and (ids[0] <= high or ids[1] != self.version):
                self.wrong(f"row ids {ids}, {high} is given")
            elif ids[0] + stats["numRecords"] - 1 > self.high:
                self.wrong(f"row ids from {ids[0]} on, the highest is {self.high}")
        self.files[path] = add
        self.tombs.pop((path, vector_id(add.get("deletionVector"))), None)

    def check_partition(self, file):
        if set(file["partitionValues"]) != set(self.partitions):
            self.wrong(f"partition values {file['partitionValues']}, columns {self.partitions}")
        for name, value in file["partitionValues"].items():
            form = PARTITION_VALUES.get(self.partitions.get(name), ".*")
            if value is not None and (value == "" or not re.fullmatch(form, value, re.DOTALL)):
                self.wrong(f"partition value {value!r} of {self.partitions.get(name)}")

    def check_vector(self, add, was, stats):
        vector = add["deletionVector"]
        kept = was and vector_id(was.get("deletionVector")) == vector_id(vector)
        new = not kept and self.info["operation"] not in ("RESTORE", "CLONE")
        if not self.has("deletionVectors") or (new and not self.on("enableDeletionVectors")):
            self.wrong("a deletion vector, though these aren't enabled")
        if not 0 < vector["cardinality"] <= stats["numRecords"]:
            self.wrong(f"{vector} of {stats}")
        if vector["storageType"] != "u":
            return
        name = vector["pathOrInlineDv"]
        number = b"".join(sum(Z85.index(c) * 85 ** (4 - i) for i, c in enumerate(name[at:at + 5])).to_bytes(4, "big")
                          for at in range(len(name) - 20, len(name), 5))
        file = self.table / name[:-20] / f"deletion_vector_{uuid.UUID(bytes=number)}.bin"
        if not file.exists():
            return  # vacuumed
        data, at = file.read_bytes(), vector["offset"]
        size, magic = struct.unpack_from(">i", data, at)[0], struct.unpack_from("<I", data, at + 4)[0]
        if (data[0], size, magic) != (1, vector["sizeInBytes"], 1681511377):
            self.wrong(f"{vector}: {data[0]}, {size}, {magic}")
        if struct.unpack_from(">I", data, at + 4 + size)[0] != zlib.crc32(data[at + 4:at + 4 + size]):
            self.wrong(f"{vector}: checksum")

    def check_cdc(self, cdc):
        self.check_path(cdc["path"])
        self.check_partition(cdc)
        if cdc["dataChange"] or not self.on("enableChangeDataFeed") or not cdc["path"].startswith("_change_data/"):
            self.wrong(f"cdc {cdc}")

    def check_row_ids(self):
        spans = sorted((f["baseRowId"], f["baseRowId"] + loads(f["stats"])["numRecords"]) for f in self.files.values()
                       if f.get("baseRowId") is not None)
        if any(low < end for (_, end), (low, _) in zip(spans, spans[1:])):
            self.wrong(f"row ids twice: {spans}")
        if self.on("enableRowTracking") and len(spans) != len(self.files):
            self.wrong("row tracking is enabled, and files have no row ids")

    # ---- what sums it up

    def check_crc(self, crc):
        wanted = {"tableSizeBytes": sum(f["size"] for f in self.files.values()), "numFiles": len(self.files), "numMetadata": 1,
                  "numProtocol": 1, "metadata": self.metadata, "protocol": self.protocol}
        for name, value in wanted.items():
            if crc[name] != value:
                self.wrong(f".crc: {name} {crc[name]}, is {value}")
        if crc.get("inCommitTimestampOpt") != self.stamp:
            self.wrong(f".crc: {crc.get('inCommitTimestampOpt')}, is {self.stamp}")
        if {d["domain"]: d for d in crc.get("domainMetadata", self.domains.values())} != self.domains:
            self.wrong(f".crc: domains {crc['domainMetadata']}, are {self.domains}")
        if {t["appId"]: t for t in crc.get("setTransactions", self.txns.values())} != self.txns:
            self.wrong(f".crc: txns {crc['setTransactions']}, are {self.txns}")

    def check_checkpoints(self):
        self.ours, files, sizes = True, {}, {}
        for file in sorted(self.folder.glob("[0-9]*.checkpoint.*")):
            alone = file.name.split(".")[2] if file.name.count("-") == 4 else "or parts"  # of V2 there may be several
            files.setdefault((int(file.name[:20]), alone), []).append(file)
        for (self.version, _), parts in files.items():
            self.info = {"operation": "checkpoint"}
            self.said = 0
            self.check_checkpoint([row for p in parts for row in self.rows_of(p)], self.states[self.version])
            sizes[self.version] = self.said
        last = loads((self.folder / "_last_checkpoint").read_text()) if (self.folder / "_last_checkpoint").exists() else None
        wanted = last and {**last, "version": max(sizes), "size": sizes[max(sizes)],
                           "numOfAddFiles": len(self.states[max(sizes)]["files"])}
        if last != wanted:
            self.wrong(f"_last_checkpoint {last}, wanted {wanted}")

    def rows_of(self, file):
        """The actions, those of sidecars included; without members that are null."""
        as_json = file.suffix == ".json"
        rows = [loads(line) for line in file.read_text().split("\n") if line] if as_json else pq.read_table(file).to_pylist()
        self.said += len(rows)
        for row in rows:
            action = {k: v for k, v in row.items() if v is not None}
            if len(action) != 1:
                self.wrong(f"not one action: {action}")
            if "sidecar" in action:
                sidecar = self.folder / "_sidecars" / unquote(action["sidecar"]["path"])
                if sidecar.stat().st_size != action["sidecar"]["sizeInBytes"]:
                    self.wrong(f"{sidecar} isn't as large as {action}")
                yield from self.rows_of(sidecar)
            else:
                yield action

    def check_checkpoint(self, rows, state):
        told = {}
        for row in rows:
            [(kind, action)] = row.items()
            told.setdefault(kind, []).append(clean(action))
        extra = set(told) - {"protocol", "metaData", "txn", "add", "remove", "domainMetadata", "checkpointMetadata"}
        if extra or told["protocol"] != [clean(state["protocol"])] or told["metaData"] != [clean(state["metadata"])]:
            self.wrong(f"{extra}, {told['protocol']}, {told['metaData']}")
        as_json = state["metadata"]["configuration"].get("delta.checkpoint.writeStatsAsJson") != "false"
        for name, key, wanted in (("txn", "appId", state["txns"]), ("domainMetadata", "domain", state["domains"])):
            if {a[key]: a for a in told.get(name, ())} != {k: clean(v) for k, v in wanted.items()}:
                self.wrong(f"{name} {told.get(name)}, wanted {wanted}")
        parsed = ("stats_parsed", "partitionValues_parsed", *(() if as_json else ("stats",)))
        adds = {a["path"]: {k: v for k, v in a.items() if k not in parsed} for a in told.get("add", ())}
        wanted = {path: {k: v for k, v in clean({**add, "dataChange": False}).items() if k not in parsed}
                  for path, add in state["files"].items()}
        if adds != wanted or len(adds) != len(told.get("add", ())):
            self.wrong(f"files {adds}, wanted {wanted}")
        tombs = {(r["path"], vector_id(r.get("deletionVector"))): r for r in told.get("remove", ())}
        if set(tombs) != set(state["tombs"]) or any("stats" in r or "tags" in r for r in tombs.values()):
            self.wrong(f"tombstones {set(tombs)}, wanted {set(state['tombs'])}")


def clean(action):
    """Without what is null or empty; maps of Parquet as dictionaries."""
    if isinstance(action, list) and action and isinstance(action[0], tuple):
        return dict(action)
    if isinstance(action, dict):
        made = {k: dict(v) if k == "partitionValues" and v is not None else clean(v) for k, v in action.items()}
        return {k: v for k, v in made.items() if v not in (None, {}, []) or (k == "partitionValues" and v is not None)}
    return action
