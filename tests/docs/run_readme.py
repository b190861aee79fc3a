#!/usr/bin/env python3
"""Runs the commands of README.md and README.ja.md: every "$ " line of a console block that is marked
<!-- test --> has to end with 0. `narabi` is the binary of $NARABI."""
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"<!-- test -->\n```console\n(.*?)```", re.S)


def commands(name: str) -> list[str]:
    blocks = BLOCK.findall((ROOT / name).read_text(encoding="utf-8"))
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def main() -> int:
    english, japanese = commands("README.md"), commands("README.ja.md")
    if not english or english != japanese:
        print("README.md and README.ja.md show different commands")
        return 1
    binary = Path(os.environ["NARABI"]).resolve()
    (ROOT / "build").mkdir(exist_ok=True)
    for command in english:
        environment = os.environ | {"PATH": f"{binary.parent}:{os.environ['PATH']}"}
        result = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=ROOT, env=environment, capture_output=True)
        print(f"{'ok  ' if result.returncode == 0 else 'FAIL'} {command}")
        if result.returncode != 0 or not (result.stdout or ">" in command):
            print(result.stdout.decode() + result.stderr.decode())
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
