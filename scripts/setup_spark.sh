#!/usr/bin/env bash
# scripts/setup_spark.sh: brings Spark with Delta, the strictest reader and writer, for the tests and tools
# that need it: PySpark into build/venv-spark, Delta's jars into build/deps/spark. Needs Java 17 and
# Maven, or installs Debian's; about 550 MB. Safe to repeat.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

pyspark=4.1.3
delta=4.4.0
artifacts="delta-spark_4.1_2.13 delta-storage delta-kernel-api delta-kernel-defaults delta-kernel-unitycatalog"
venv=build/venv-spark
jars=build/deps/spark
stamp="$pyspark $delta"

[ "$(cat $jars/.ok 2>/dev/null)" != "$stamp" ] || exit 0
missing=
command -v java >/dev/null || missing="$missing openjdk-17-jre-headless"
command -v mvn >/dev/null || missing="$missing maven"
if [ -n "$missing" ]; then
    [ "$(id -u)" = 0 ] || {
        echo "setup_spark: these packages are missing:$missing" >&2
        exit 1
    }
    apt-get update -q >/dev/null && apt-get install -q -y --no-install-recommends $missing >/dev/null
fi
echo "setup: PySpark $pyspark into $venv"
rm -rf $venv $jars
python3 -m venv $venv
$venv/bin/python -m pip install -q --disable-pip-version-check "pyspark==$pyspark" </dev/null
echo "setup: Delta $delta for it into $jars"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{
    echo '<project><modelVersion>4.0.0</modelVersion><groupId>silt</groupId><artifactId>spark</artifactId>'
    echo '<version>1</version><packaging>pom</packaging><dependencies>'
    for artifact in $artifacts; do # without what Spark itself brings
        echo "<dependency><groupId>io.delta</groupId><artifactId>$artifact</artifactId><version>$delta</version>"
        echo '<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>'
    done
    echo '</dependencies></project>'
} >"$work/pom.xml"
mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$PWD/$jars" </dev/null
echo "$stamp" >$jars/.ok
