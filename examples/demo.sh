#!/usr/bin/env bash
# What Silt is for, in a minute: load files into Delta Lake tables, pull the plug half-way, and count.
#
#   examples/demo.sh [--keep]     works in a temporary folder; --keep leaves it there
#
# SILT names the command (default: build/silt). Ends with status 1 if a count is wrong.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SILT=${SILT:-$here/../build/silt}
[ -x "$SILT" ] || {
    echo "demo: $SILT isn't built: run make" >&2
    exit 1
}
SILT=$(cd "$(dirname "$SILT")" && pwd)/$(basename "$SILT")
keep=
[ "${1:-}" != --keep ] || keep=1

work=$(mktemp -d "${TMPDIR:-/tmp}/silt-demo.XXXXXX")
run=
finish() {
    if [ -n "$run" ]; then kill -9 "$run" 2>/dev/null || true; fi
    if [ -n "$keep" ]; then echo "Left for you in $work"; else rm -rf "$work"; fi
}
trap finish EXIT
trap 'exit 130' INT TERM
cp -r "$here/nyc/." "$work"
cd "$work"
rm -rf state lake

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold='' plain=''; fi
say() { printf '\n%s\n' "$*"; }
title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
fail() {
    printf '\ndemo: FAILED: %s\n' "$*" >&2
    exit 1
}

# Show a command line, then run it. `silt` is ours.
silt() { "$SILT" "$@"; }
show() {
    printf '\n%s$ %s%s\n' "$bold" "$*" "$plain"
    "$@"
}

data_rows() { awk 'FNR > 1' "$@" | wc -l; }
table_rows() { silt read "$1" --columns "$2" --format csv | tail -n +2; }

# Each line of each source file must stand in the table once, under the name of its file.
check_flights() {
    local file wanted found
    for file in inbox/flights-*.csv; do
        wanted=$(data_rows "$file")
        found=$(table_rows lake/flights _source_file | grep -cF "${file##*/}" || true)
        [ "$wanted" = "$found" ] || fail "$file has $wanted rows, the table has $found of them"
        printf '  %-32s %6s rows in the file, %6s in the table\n' "$file" "$wanted" "$found"
    done
    wanted=$(data_rows inbox/flights-*.csv)
    found=$(table_rows lake/flights _source_file | wc -l)
    [ "$wanted" = "$found" ] || fail "the files have $wanted rows, the table has $found"
    printf '  %-32s %6s rows in the files, %5s in the table\n' "all flights" "$wanted" "$found"
}

check_planes() {
    local wanted found double
    wanted=$(awk -F, 'FNR > 1 {print $1}' inbox/planes-*.csv | sort -u | wc -l)
    found=$(table_rows lake/planes tailnum | wc -l)
    double=$(table_rows lake/planes tailnum | sort | uniq -d | wc -l)
    [ "$wanted" = "$found" ] || fail "the files name $wanted aircraft, the table has $found"
    [ "$double" = 0 ] || fail "$double aircraft stand in the table more than once"
    printf '  %-32s %6s tail numbers,      %6s in the table\n' "all aircraft" "$wanted" "$found"
}

title "1. Load"
say "Four days of flights and the aircraft that flew them wait in inbox/. What is loaded into which table is
written in silt.yaml:"
sed -n '/^tables:/,$s/^/    /p' silt.yaml
show silt run

title "2. Load again: nothing happens"
show silt run

title "3. More files, and kill -9 in the middle"
printf '\n%s$ cp later/* inbox/%s\n' "$bold" "$plain"
cp later/* inbox/
say "Each file is a commit of its own here. As soon as the third of the seven files is at work, the process is killed:"

# The tracker's log shows what the run is about: a commit INTENT opens a batch, COMPLETE closes it.
batches_open() {
    local commits=(state/file_processing_tracker/_delta_log/*.json) text=
    read -r -d '' text <"${commits[-1]}" || true
    [[ ${#commits[@]} -ge $1 && $text == *'"INTENT"'* ]]
}
commits=(state/file_processing_tracker/_delta_log/*.json)
printf '\n%s$ silt run &%s\n' "$bold" "$plain"
"$SILT" run >run.out 2>&1 &
run=$!
until batches_open $((${#commits[@]} + 5)) || ! kill -0 $run 2>/dev/null; do :; done
kill -9 $run 2>/dev/null || true
printf '%s$ kill -9 %s%s\n' "$bold" "$run" "$plain"
status=0
wait $run 2>/dev/null || status=$?
run=
[ $status = 137 ] || {
    cat run.out >&2
    fail "the run ended by itself (status $status) before it was killed"
}
show silt status
left=$(silt status --json | grep -E '"files_(pending|processing)"' | grep -cvE ': 0,?$' || true)
[ "$left" != 0 ] || fail "the run was killed too late: nothing was left to do"

title "4. Run once more: it goes on"
show silt run
show silt validate-consistency

title "5. Count: does each row stand there once?"
say "By the table's column _source_file, against the lines of the files:"
check_flights
check_planes
show silt read lake/flights --columns year,month,day,carrier,flight,origin,dest,dep_delay --limit 5
show silt history lake/flights --limit 3

title "Each row stands there once."
