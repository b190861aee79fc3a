"""deploy/Dockerfile without docker: whether the packages of its last stage hold what the binary is linked to, and
what is copied into its first. Debian 12's dpkg says what a package holds and what it depends on.

Environment: NARABI is the binary (default: build/release/narabi).
"""

import os
import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NARABI = os.environ.get("NARABI", str(ROOT / "build/release/narabi"))


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def packages_of_last_stage():
    stage = (ROOT / "deploy/Dockerfile").read_text().split("\nFROM ")[-1].replace("\\\n", " ")
    listed = re.search(r"apt-get install -y --no-install-recommends ([^&]*)&&", stage)
    return listed[1].split()


def with_dependencies(packages):
    """What apt installs with them: of alternatives the first."""
    wanted, found = list(packages), set()
    while wanted:
        package = wanted.pop()
        if package in found:
            continue
        found.add(package)
        query = subprocess.run(["dpkg-query", "-W", "-f=${Pre-Depends},${Depends}", package], capture_output=True,
                               text=True)  # fails for a virtual package, which brings no library by itself
        wanted += re.findall(r"(?:^|,)\s*([a-z0-9][a-z0-9+.-]+)", query.stdout)
    return found


def package_of(library):
    path = str(Path(library).resolve())
    for place in (path, path.removeprefix("/usr")):  # /lib is /usr/lib, and packages name either
        found = subprocess.run(["dpkg", "-S", place], capture_output=True, text=True).stdout
        if found:
            return found.split(":")[0]
    raise AssertionError(f"{library}: no package holds it")


class Image(unittest.TestCase):
    def test_its_packages_hold_every_library_of_the_binary(self):
        libraries = re.findall(r"=> (/\S+)", output_of("ldd", NARABI))
        self.assertIn("libmecab2", map(package_of, libraries))
        there = with_dependencies(packages_of_last_stage())
        self.assertEqual([], sorted({package_of(library) for library in libraries} - there))

    def test_what_git_ignores_is_not_copied(self):
        ignored = (ROOT / ".dockerignore").read_text().split("\n")
        for line in (ROOT / ".gitignore").read_text().split():
            pattern = line.strip("/") if line.startswith("/") else "**/" + line.strip("/")
            self.assertIn(pattern, ignored)
        self.assertIn(".git", ignored)


if __name__ == "__main__":
    unittest.main()
