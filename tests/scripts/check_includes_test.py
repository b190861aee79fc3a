"""The include checker finds what it is there for."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import check_includes  # noqa: E402

CMAKE = "narabi_folder(base)\nnarabi_folder(text DEPENDS base)\nnarabi_folder(tokenize DEPENDS text)\n" \
        "narabi_folder(models DEPENDS base)\nnarabi_folder(cli DEPENDS tokenize)\n"


class CheckIncludes(unittest.TestCase):
    def check(self, files, cmake=CMAKE):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "CMakeLists.txt").write_text(cmake, encoding="utf-8")
            for name in ["src/base", "include/narabi"]:
                (root / name).mkdir(parents=True)
            for name, text in files.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return check_includes.check(root)

    def test_includes_along_the_link_graph_pass(self):
        self.assertEqual(self.check({
            "src/tokenize/a.cc": '#include <unicode/uchar.h>\n#include "base/utf8.h"\n#include "narabi/error.h"\n',
            "src/tokenize/a.h": '#include <vector>\n#include "text/b.h"\n',
            "src/cli/c.h": "#include <CLI/CLI.hpp>\n",
        }), [])

    def test_an_include_against_the_graph_is_found(self):
        found = self.check({"src/text/a.cc": '// first\n#include "tokenize/a.h"\n'})
        self.assertEqual(len(found), 1)
        self.assertIn("src/text/a.cc:2:", found[0])

    def test_third_party_headers_in_headers_are_found(self):
        for header in ["<nlohmann/json.hpp>", "<unicode/uchar.h>", "<mecab.h>"]:
            self.assertEqual(len(self.check({"src/text/a.h": f"#include {header}\n"})), 1, header)
            self.assertEqual(len(self.check({"include/narabi/a.h": f"#include {header}\n"})), 1, header)
        self.assertEqual(len(self.check({"src/text/a.h": "#include <CLI/CLI.hpp>\n"})), 1)
        self.assertEqual(self.check({"src/tokenize/a.cc": "#include <nlohmann/json.hpp>\n"}), [])

    def test_a_dependency_outside_its_folders_is_found(self):
        self.assertEqual(len(self.check({"src/text/a.cc": "#include <nlohmann/json.hpp>\n"})), 1)
        self.assertEqual(self.check({"src/text/a_test.cc": "#include <nlohmann/json.hpp>\n"}), [])
        self.assertEqual(len(self.check({"src/base/a.cc": "#include <fmt/core.h>\n"})), 1)

    def test_installed_headers_know_no_header_of_src(self):
        self.assertEqual(len(self.check({"include/narabi/a.h": '#include "base/utf8.h"\n'})), 1)

    def test_architecture_names_are_found_outside_their_folders(self):
        code = 'const char* kName = "ModernBert";\n'
        self.assertEqual(len(self.check({"src/text/a.cc": code})), 1)
        for place in ["src/models/a.cc", "src/tokenize/a.cc", "src/text/a_test.cc"]:
            self.assertEqual(self.check({place: code}), [])
        self.assertEqual(self.check({"src/text/a.cc": '// as Bert does\nauto s = "sentence_bert_config.json";\n'}), [])
        self.assertEqual(self.check({"src/text/a.cc": 'auto s = "sentence_xlm-roberta_config.json";\n'}), [])

    def test_a_folder_that_cmake_does_not_know_is_found(self):
        self.assertEqual(len(self.check({"src/extra/a.cc": "\n"})), 1)

    def test_a_name_that_two_files_keep_to_themselves_is_found(self):
        text = "namespace narabi::text {{\nnamespace {{\nint run({} value) {{\n}}\n}}  // namespace\n}}  // namespace narabi::text\n"
        self.assertEqual(self.check({"src/text/a.cc": text.format("int"), "src/text/b.cc": text.format("long"),
                                     "src/text/a_test.cc": text.format("int"), "src/base/a.cc": text.format("int")}), [])
        found = self.check({"src/text/a.cc": text.format("int"), "src/text/b.cc": text.format("int")})
        self.assertEqual(found, ["src/text/b.cc:3: run(int) stands in an anonymous namespace of src/text/a.cc too"])


if __name__ == "__main__":
    unittest.main()
