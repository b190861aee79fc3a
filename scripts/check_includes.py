#!/usr/bin/env python3
"""Checks that #include follows the link graph of CMakeLists.txt, and what headers may know.

  1. A file in src/X includes only narabi/*, src/X and the folders that narabi_folder(X DEPENDS ...) reaches.
  2. Headers (include/narabi, src) include the standard library and our own headers, nothing else:
     third-party types stay in .cc files. Exceptions are in ALLOWED_IN_HEADERS. Headers of include/narabi
     include no header of src.
  3. A dependency lives in the folders of THIRD_PARTY and nowhere else; tests may read JSON.
  4. Names of architectures stand in src/models, src/train and src/tokenize (whose types carry them) and in the
     help of src/cli; code elsewhere does not know them. Comments and tests may name them.
  5. A name in an anonymous namespace stands once in a folder (tests apart), since NARABI_UNITY compiles several files
     as one; functions may be overloaded. Kernels and files with flags of their own are never compiled so.

Run: scripts/check_includes.py [SOURCE_DIR]. Prints one line per violation; exit code 1 if there is any.
"""

import re
import sys
from pathlib import Path

FOLDER = re.compile(r"^\s*narabi_folder\(\s*(\w+)(?:\s+DEPENDS\s+([\w\s]+))?\)", re.MULTILINE)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# "sbert" and "sentence_bert_config.json" are the names of sentence-transformers' own keys and files.
ARCHITECTURE = re.compile(r"(?<!\bs)(?:bert|roberta)(?!\w*_config\.json)", re.IGNORECASE)
COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)

OWN_FLAGS = re.compile(r"_(avx2|avx512|vnni|bf16|amx)\.cc$")
NO_NAME = re.compile(r"template|using |namespace |TEST|TYPED_TEST|INSTANTIATE|public|private|protected")
SUFFIXES = {".h", ".cc", ".inc"}
ARCHITECTURE_FOLDERS = {"models", "tokenize", "cli", "train"}
STANDARD = re.compile(r"[a-z_0-9]+")  # <vector>, <cstdint>: no slash, no suffix
ALLOWED_IN_HEADERS = {
    "cli": re.compile(r"CLI/.+"),
    "kernels": re.compile(r"immintrin\.h"),  # the compiler's own
    "train": re.compile(r"torch/types\.h"),  # a tensor is what its interfaces speak of
}

THIRD_PARTY = {  # how its headers begin -> the folders that may know it
    "unicode/": {"text", "tokenize"}, "mecab.h": {"text"}, "sentencepiece": {"tokenize", "train"},
    "oneapi/": {"kernels"}, "dnnl": {"kernels"}, "omp.h": {"kernels", "retrieve"}, "CLI/": {"cli", "train"}, "fmt/": {"cli", "train"},
    "torch/": {"train"}, "ATen/": {"train"}, "c10": {"train"}, "yaml-cpp/": {"train"}, "boost/": {"http"},
    "nlohmann/": {"checkpoint", "tokenize", "data", "rerank", "http", "train", "cli"},
    "sqlite3.h": {"retrieve"}, "faiss/": {"retrieve"}, "xxhash.h": {"base", "retrieve"},
    "lzma.h": {"base"}, "zlib.h": {"base"}, "zstd": {"base"},
}


def link_graph(cmake_text):
    """Folder -> every folder it may include, by following DEPENDS to the end."""
    direct = {name: set((depends or "").split()) for name, depends in FOLDER.findall(cmake_text)}

    def reach(name, seen):
        for dependency in direct.get(name, ()):
            if dependency not in seen:
                seen.add(dependency)
                reach(dependency, seen)
        return seen

    return {name: reach(name, set()) for name in direct}


def without_comments(text):
    """Comments become blank, with their line breaks kept; strings stay."""
    def blank(match):
        part = match.group(0)
        return part if part.startswith('"') else re.sub(r"[^\n]", " ", part)
    return COMMENT_OR_STRING.sub(blank, text)


def header_problem(folder, bracket, target):
    own = target.startswith("narabi/") or bracket == '"'
    if own or STANDARD.fullmatch(target):
        return None
    allowed = ALLOWED_IN_HEADERS.get(folder)
    if allowed and allowed.fullmatch(target):
        return None
    return f"a header includes <{target}>; third-party headers belong in .cc files"


def include_problem(folder, target, graph):
    """`folder` is None for include/narabi."""
    if target.startswith("narabi/"):
        return None
    first = target.split("/")[0]
    if first not in graph:
        return None
    if folder is None:
        return f"include/narabi includes \"{target}\"; the installed API knows no header of src"
    if first == folder or first in graph.get(folder, ()):
        return None
    return f"src/{folder} includes \"{target}\", but CMakeLists.txt does not let {folder} depend on {first}"


def third_party_problem(folder, target, is_test):
    for prefix, folders in THIRD_PARTY.items():
        if not target.startswith(prefix) or folder in folders or (is_test and prefix == "nlohmann/"):
            continue
        return f"includes <{target}>, which belongs to src/{', src/'.join(sorted(folders))} only"
    return None


def problems_of_file(path, folder, graph):
    code = without_comments(path.read_text(encoding="utf-8"))
    is_test = path.name.endswith("_test.cc")
    knows_architectures = folder in ARCHITECTURE_FOLDERS or is_test
    for number, line in enumerate(code.split("\n"), 1):
        include = INCLUDE.match(line)
        if include:
            bracket, target = include.groups()
            problem = include_problem(folder, target, graph) or third_party_problem(folder, target, is_test)
            if problem is None and path.suffix != ".cc":
                problem = header_problem(folder, bracket, target)
            if problem:
                yield number, problem
        if not knows_architectures and ARCHITECTURE.search(line):
            yield number, f"names the architecture \"{ARCHITECTURE.search(line).group(0)}\""


def parameter_types(parameters):
    return ", ".join(re.sub(r"\s*\b\w+$", "", " ".join(part.split())) for part in parameters.split(","))


def private_names(code):
    """(enclosing namespaces, name, line) of what stands in anonymous namespaces; functions with their types."""
    spaces, anonymous, lines = [], False, code.split("\n")
    for at, line in enumerate(lines):
        named = re.match(r"namespace ([\w:]+) \{", line)
        if named:
            spaces.append(named.group(1))
        elif line.startswith("namespace {"):
            anonymous = True
        elif line.startswith("}  // namespace"):
            if line.rstrip() == "}  // namespace":
                anonymous = False
            elif spaces:
                spaces.pop()
        elif anonymous and re.match(r"[A-Za-z]", line) and not NO_NAME.match(line):
            kind = re.match(r"(?:struct|class|enum class|enum) (\w+)", line)
            other = kind or re.search(r"([\w:]+)\s*(\(|\[|\{|=|;)", line)
            if not other:
                continue
            name = other.group(1)
            if not kind and other.group(2) == "(":
                rest = "\n".join(lines[at:at + 6])[other.end():]
                name += f"({parameter_types(rest.split(')')[0])})"
            yield "::".join(spaces), name, at + 1


def twice_private(root, folder):
    """Names that two files of a folder keep to themselves."""
    first = {}
    for path in sorted((root / "src" / folder).rglob("*.cc")):
        if path.name == "main.cc" or OWN_FLAGS.search(path.name):
            continue
        for space, name, line in private_names(path.read_text(encoding="utf-8")):
            key = (path.name.endswith("_test.cc"), space, name)
            other = first.setdefault(key, path)
            if other != path:
                yield (f"{path.relative_to(root)}:{line}: {name} stands in an anonymous namespace of "
                       f"{other.relative_to(root)} too")


def check(root):
    graph = link_graph((root / "CMakeLists.txt").read_text(encoding="utf-8"))
    folders_of_src = {entry.name for entry in (root / "src").iterdir() if entry.is_dir()}
    found = [f"src/{name}: no narabi_folder({name} ...) in CMakeLists.txt"
             for name in sorted(folders_of_src - graph.keys())]
    for top in ("include/narabi", "src"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in SUFFIXES:
                continue
            relative = path.relative_to(root)
            folder = relative.parts[1] if top == "src" else None
            found += [f"{relative}:{number}: {problem}"
                      for number, problem in problems_of_file(path, folder, graph)]
    for folder in sorted(folders_of_src - {"kernels"}):
        found += twice_private(root, folder)
    return found


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    found = check(root)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
