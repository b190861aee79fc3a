#!/usr/bin/env python3
"""Runs the commands that README.md and README.ja.md show, so that they stay true.

A block is run when the line before it is <!-- test -->:

    <!-- test -->
    ```console
    $ build/release/narabi --version
    0.1.0
    ```

Each "$ " line is a shell command run in the root of the tree; it has to exit with 0. Lines below it up to
the next "$ " have to come in its output, in that order; "..." stands for anything, alone on a line for any
number of lines and inside a line for any text. A command may go on over lines that end with a backslash.
A block that another file has shown before, word by word, is not run again: the languages of the README share theirs.

Usage: console_blocks.py [FILE...]; NARABI (the binary) takes the place of build/release/narabi.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"<!--\s*test\s*-->\s*\n```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
BUILT = "build/release/narabi"
SECONDS = 600


def steps(block):
    """(command, expected output lines) in the order of the block."""
    found = []
    for line in block.replace("\\\n", "").splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found:
            found[-1][1].append(line)
        else:
            raise ValueError(f"output without a command: {line}")
    return found


def matches(expected, line):
    pattern = ".*".join(re.escape(part.rstrip() if i else part) for i, part in enumerate(expected.split("...")))
    return re.fullmatch(pattern + r"\s*", line) is not None


def first_missing(expected, output):
    """The first expected line that does not come, or None. Lines follow each other unless "..." stands between."""
    at, gap = 0, True
    for wanted in expected:
        if wanted.strip() == "...":
            gap = True
            continue
        while gap and at < len(output) and not matches(wanted, output[at]):
            at += 1
        if at >= len(output) or not matches(wanted, output[at]):
            return wanted
        at, gap = at + 1, False
    return None


def run_step(command, expected):
    """None, or what went wrong."""
    shell = command.replace(BUILT, os.environ.get("NARABI", BUILT))
    done = subprocess.run(["bash", "-o", "pipefail", "-c", shell], cwd=ROOT, capture_output=True, text=True,
                          timeout=SECONDS)
    if done.returncode != 0:
        return f"exit code {done.returncode}: {done.stderr.strip()}"
    missing = first_missing(expected, done.stdout.splitlines())
    return None if missing is None else f"expected {missing!r} in\n{done.stdout}"


def check_file(path, seen=None):
    """How many commands the file's blocks hold, and what failed of those that are not in `seen`, which grows."""
    failures, commands, seen = [], 0, set() if seen is None else seen
    for block in BLOCK.findall(path.read_text(encoding="utf-8")):
        if block in seen:
            commands += len(steps(block))
            continue
        seen.add(block)
        for command, expected in steps(block):
            commands += 1
            problem = run_step(command, expected)
            if problem:
                failures.append(f"{path.name}: $ {command}\n  {problem}")
    return commands, failures


def main():
    paths = [Path(name) for name in sys.argv[1:]] or [ROOT / "README.md", ROOT / "README.ja.md"]
    failures, seen = [], set()
    for path in paths:
        commands, found = check_file(path, seen)
        print(f"{path.name}: {commands} commands, {len(found)} failed")
        if commands == 0:
            found = [f"{path.name}: no block is marked <!-- test -->"]
        failures += found
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
