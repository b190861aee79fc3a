#!/usr/bin/env python3
"""Holds every #include to the rules of ARCHITECTURE.md. Run as a test.

The link graph is read from the narabi_folder(... DEPENDS ...) lines of CMakeLists.txt.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
THIRD_PARTY = {  # header -> the only folders that may know it
    "unicode/": {"text", "tokenize"}, "mecab.h": {"text"}, "sentencepiece_processor.h": {"tokenize"},
    "oneapi/": {"kernels"}, "omp.h": {"kernels"}, "CLI/": {"cli"}, "fmt/": {"cli"},
    "nlohmann/": {"checkpoint", "tokenize", "data", "cli"},
    "lzma.h": {"base"}, "zlib.h": {"base"}, "zstd.h": {"base"},
}
ARCHITECTURES = re.compile(r"\b(xlm.?roberta|modernbert|bertmodel)\b", re.I)


def link_graph() -> dict[str, set[str]]:
    graph = {}
    for name, depends in re.findall(r"^narabi_folder\((\w+)(?: DEPENDS ([\w ]+))?\)", (ROOT / "CMakeLists.txt").read_text(), re.M):
        graph[name] = set(depends.split())
    for name in graph:  # the transitive closure
        todo = list(graph[name])
        while todo:
            for more in graph[todo.pop()] - graph[name]:
                graph[name].add(more)
                todo.append(more)
    return graph


def check(path: Path, folder: str | None, graph: dict[str, set[str]]) -> list[str]:
    problems = []
    is_test = path.name.endswith("_test.cc")
    for number, line in enumerate(path.read_text().splitlines(), 1):
        where = f"{path.relative_to(ROOT)}:{number}"
        include = re.match(r'\s*#include\s+[<"]([^">]+)[">]', line)
        if include:
            header = include[1]
            top = header.split("/")[0]
            if top in graph and folder is None:
                problems.append(f"{where}: an installed header includes {header}")
            elif top in graph and top != folder and top not in graph[folder]:
                problems.append(f"{where}: {folder} may not include {header}")
            for prefix, folders in THIRD_PARTY.items():
                if not header.startswith(prefix) or is_test:
                    continue
                if folder not in folders:
                    problems.append(f"{where}: {header} belongs in {', '.join(sorted(folders))} only")
                elif path.suffix == ".h" and prefix != "CLI/":
                    problems.append(f"{where}: {header} in a header; keep it in a .cc")
        elif not is_test and folder in ("kernels", "engine", "rerank", "retrieve", "eval", "base") and ARCHITECTURES.search(line):
            problems.append(f"{where}: names an architecture outside src/models")
    return problems


def main() -> int:
    graph = link_graph()
    problems = []
    for path in sorted((ROOT / "include").rglob("*.h")):
        problems += check(path, None, graph)
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix in (".h", ".cc", ".inc"):
            problems += check(path, path.relative_to(ROOT / "src").parts[0], graph)
    print("\n".join(problems) or f"{len(graph)} folders, every include follows the link graph")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
