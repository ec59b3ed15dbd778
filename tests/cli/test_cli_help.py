"""Commands, options and their words: one table in C, one page a command in docs/cli/, and they agree."""
import re
import subprocess
import sys

import pytest

from conftest import ROOT

PAGES = {p.stem.removeprefix("silt-"): p for p in (ROOT / "docs/cli").glob("*.md")}
COMMANDS = sorted(set(PAGES) - {"silt"})
LATER = []


def documented(page):
    """{name: (letter, value)} of the options that a page explains."""
    found = re.findall(r"^`(?:-(\w), )?--([\w-]+)(?: (\S+))?`\n: ", page.read_text(), re.MULTILINE)
    return {name: (letter or None, value or None) for letter, name, value in found}


def built(options):
    return {o["name"]: (o["letter"], o["value"]) for o in options if o["available"]}


def test_each_command_has_a_page_and_each_page_a_command(silt):
    table = silt("help", "--json").json
    assert sorted(c["name"] for c in table["commands"] if c["available"]) == COMMANDS
    assert [c["name"] for c in table["commands"] if not c["available"]] == LATER


def test_options_are_those_of_the_pages(silt):
    table = silt("help", "--json").json
    whole = {**built(table["global_options"]), **built(table["front_options"])}
    assert whole == documented(PAGES["silt"])
    for command in table["commands"]:
        if command["available"]:
            assert built(command["options"]) == documented(PAGES[command["name"]]), command["name"]


def test_synopsis_names_each_option_of_the_command(silt):
    for command in silt("help", "--json").json["commands"]:
        if not command["available"]:
            continue
        synopsis = PAGES[command["name"]].read_text().split("## Synopsis")[1].split("##")[0]
        for name in built(command["options"]):
            assert f"`--{name}`" in synopsis, f"{command['name']}: --{name}"
        if command["argument"]:
            assert f"*{command['argument']}*" in synopsis


def test_the_whole_lists_the_commands_with_their_summaries():
    text = PAGES["silt"].read_text()
    listed = dict(re.findall(r"^\| \*\*([\w-]+)\*\* \| (.+) \|$", text.split("## Commands")[1]
                             .split("##")[0], re.MULTILINE))
    titles = {name: re.match(r"# silt-[\w-]+\(1\): (.+)", PAGES[name].read_text())[1] for name in COMMANDS}
    assert listed == titles


@pytest.mark.parametrize("command", COMMANDS)
def test_help_and_the_option_print_the_page(silt, command):
    page = silt("help", command).out
    assert page.startswith(f"silt {command}: ")
    assert silt(command, "--help").out == page
    assert silt("--help", command).out == silt("help").out # before the command it is the program's
    for heading in re.findall(r"^## (.+)", PAGES[command].read_text(), re.MULTILINE):
        assert f"\n{heading.upper()}\n" in page
    assert all(len(line) <= 80 for line in page.splitlines() if not line.startswith("     "))


def test_each_page_makes_a_manual_page(tmp_path):
    for name, page in PAGES.items():
        target = tmp_path / "page.1"
        subprocess.run([sys.executable, ROOT / "scripts/md2man", page, "1.2.3", target], check=True)
        text = target.read_text()
        assert text.startswith('.TH "SILT') and ".SH SYNOPSIS" in text
        for option in documented(page):
            assert "\\-\\-" + option.replace("-", "\\-") in text, name


def test_version(silt):
    version = silt("--version").out
    assert re.fullmatch(r"silt \d+\.\d+\.\d+\n", version)
    assert silt("version").out == version
    assert f"silt {silt('version', '--json').json['version']}\n" == version


# ---- what is mistyped -----------------------------------------------------------------------------


@pytest.mark.parametrize("typed, meant", [
    ("rnu", "run"), ("stauts", "status"), ("validate", "validate-consistency"), ("RUN", "run"),
    ("check-confg", "check-config"), ("hist", "history")])
def test_a_mistyped_command_is_answered_by_the_nearest(silt, typed, meant):
    for args in ([typed], ["help", typed]):
        r = silt(*args, rc=2)
        assert f"there is no command '{typed}'" in r.err
        assert f"did you mean '{meant}'?" in r.err
        assert r.out == ""


@pytest.mark.parametrize("args, meant", [
    (["run", "--tabel", "x"], "--table"), (["run", "--max-batch=3"], "--max-batches"),
    (["read", "t", "--colums", "a"], "--columns"), (["--jsn", "run"], "--json"),
    (["--verion"], "--version"), (["status", "--no-colour"], "--no-color")])
def test_a_mistyped_option_is_answered_by_the_nearest(silt, args, meant):
    assert f"did you mean '{meant}'?" in silt(*args, rc=2).err


@pytest.mark.parametrize("args, message", [
    ([], "which command?"),
    (["xyzzy"], "there is no command 'xyzzy'"),
    (["run", "--xyzzy"], "run has no option '--xyzzy'"),
    (["run", "-x"], "run has no option '-x'"),
    (["run", "--version"], "run has no option '--version'"),
    (["run", "flights"], "run: one argument too many: 'flights'"),
    (["read"], "which table?"),
    (["read", "a", "b"], "read: one argument too many: 'b'"),
    (["run", "--table"], "--table: needs a value: TABLE"),
    (["run", "--max-batches", "-1"], "--max-batches: found \"-1\""),
    (["run", "--max-batches=99999999999999999999"], "a whole number, 0 or more, is allowed"),
    (["run", "--retry-failed=yes"], "--retry-failed: takes no value"),
    (["read", "t", "--format", "xml"], "table, csv, json, parquet or arrow is allowed"),
    (["read", "t", "--no-header"], "--no-header is for --format csv"),
    (["read", "t", "--view-types"], "--view-types is for --format arrow"),
    (["read", "t", "--schema", "s"], "--schema is for --format arrow"),
    (["files", "t", "--to", "1"], "--to needs --from"),
    (["files", "t", "--from", "1", "--version", "2"], "--version isn't for them"),
    (["status", "--storage-option", "a=b"], "--storage-option is for commands on a table"),
    (["read", "t", "--storage-option", "secret"], "--storage-option: KEY=VALUE is wanted"),
    (["run", "--config", "-"], "the pipeline file can't be standard input")])
def test_bad_usage_is_explained(silt, args, message):
    r = silt(*args, rc=2)
    assert message in r.err and r.out == ""
    assert "secret" not in r.err


@pytest.mark.parametrize("command", LATER)
def test_a_command_to_come_is_known(silt, command):
    for args in ([command, "--whatever"], ["help", command]):
        assert f"command '{command}' isn't available yet" in silt(*args, rc=2).err


@pytest.mark.parametrize("args", [
    ["reset-state", "--dry-run"], ["read", "t", "--data-option", "a=b"]])
def test_an_option_to_come_is_known(silt, args):
    assert "isn't available yet" in silt(*args, rc=2).err


def test_options_and_arguments_may_be_mixed(silt):
    for args in (["read", "--limit", "1", "none"], ["read", "none", "--limit=1"],
                 ["--json", "read", "none"], ["read", "--", "none"]):
        assert silt(*args, rc=1).err.startswith("silt: error: ")


# ---- output that can't be written -----------------------------------------------------------------


def test_a_full_disk_is_a_failure(silt):
    with open("/dev/full", "w") as full:
        p = subprocess.run([silt.binary, "help"], stdout=full, stderr=subprocess.PIPE, env=silt.env,
                           text=True)
    assert p.returncode == 1
    assert p.stderr == "silt: error: standard output can't be written: No space left on device\n"


def test_a_reader_that_goes_away_is_none(silt):
    line = f"{silt.binary} help | :; echo ${{PIPESTATUS[0]}}"
    for _ in range(5):
        p = subprocess.run(["bash", "-c", line], env=silt.env, text=True, capture_output=True)
        assert p.stderr == "" and p.stdout in ("0\n", "141\n")


# ---- completion -----------------------------------------------------------------------------------


def completion(shell, tmp_path):
    target = tmp_path / shell
    subprocess.run([sys.executable, ROOT / "scripts/md2help", shell, target, *PAGES.values()], check=True)
    return target


def complete(script, words):
    line = (f"source '{script}'; COMP_WORDS=({' '.join(repr(w) for w in words)}); "
            f"COMP_CWORD={len(words) - 1}; _silt 2>/dev/null; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    out = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True).stdout
    return out.split()


def test_bash_completion(tmp_path):
    script = completion("bash", tmp_path)
    assert complete(script, ["silt", "va"]) == ["vacuum", "validate-consistency"]
    assert complete(script, ["silt", "--config", "x", "st"]) == ["status"]
    assert complete(script, ["silt", "run", "--ma"]) == ["--max-batches"]
    assert set(complete(script, ["silt", "help", "f"])) == {"fix-inconsistencies", "force-unlock", "files"}
    assert complete(script, ["silt", "read", "t", "--format", "p"]) == ["parquet"]
    assert complete(script, ["silt", "run", "--table", ""]) == []
    for name in COMMANDS:
        options = complete(script, ["silt", name, "--"])
        assert set(options) == {"--" + o for o in [*documented(PAGES[name]), *documented(PAGES["silt"])]
                                if o != "version" or o in documented(PAGES[name])}, name


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_completions_name_all_commands_and_options(shell, tmp_path):
    script = completion(shell, tmp_path)
    text = script.read_text()
    for name in COMMANDS:
        assert name in text
        for option in documented(PAGES[name]):
            assert f"-l {option} " in text or f"--{option}[" in text
