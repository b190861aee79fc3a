"""Models loaded, swapped and unloaded under load; shadow; cascade."""

import os
import threading
import time
import unittest

from narabi_http import DOCUMENTS, MODEL, NAME, OTHER, QUERY, HttpTest, wait_until

ADMIN = {"authorization": "Bearer admin"}
SWAPS = int(os.environ.get("NARABI_SWAPS", "6"))  # the whole of it: 100


class Swap(HttpTest):
    FLAGS = ("--admin-token", "admin", "--cache-entries", 1000)

    def load(self, name, folder):
        return self.post("/admin/models", {"name": name, "folder": folder}, headers=ADMIN)

    def scores(self, model):
        answer = self.ok("/score", {"text_1": QUERY, "text_2": DOCUMENTS, "model": model, "raw_scores": True})
        return tuple(d["score"] for d in answer["data"])

    def test_swaps_under_load_lose_nothing_and_mix_nothing(self):
        folders = [MODEL, OTHER]
        expected = {}
        for folder in folders:
            self.assertEqual(self.load("slot", folder).status, 200)
            expected[folder] = self.scores("slot")
        self.assertNotEqual(*expected.values())
        versions, wrong, stop = {}, [], threading.Event()

        def client():
            connection, count = self.server.connect(), 0
            while not stop.is_set():
                answer = self.post("/score", {"text_1": QUERY, "text_2": DOCUMENTS, "model": "slot", "raw_scores": True},
                                   connection=connection)
                count += 1
                if answer.status != 200:
                    wrong.append(answer.status)
                    continue
                got = tuple(d["score"] for d in answer.json["data"])
                versions.setdefault(answer.headers["x-narabi-model"], set()).add(got)
            connection.close()

        threads = [threading.Thread(target=client) for _ in range(3)]
        for thread in threads:
            thread.start()
        loaded = {}
        for i in range(SWAPS):
            answer = self.load("slot", folders[i % 2])
            self.assertEqual(answer.status, 200, answer.body)
            loaded["slot@" + answer.json["version"]] = folders[i % 2]
            time.sleep(0.05)
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        self.assertGreaterEqual(len(versions), min(SWAPS, 3))
        for version, seen in versions.items():
            self.assertEqual(len(seen), 1, f"{version} gave more than one answer")
            if version in loaded:
                self.assertEqual(seen, {expected[loaded[version]]})

    def test_a_folder_that_is_none_leaves_the_slot_as_it_was(self):
        self.assertEqual(self.load("kept", MODEL).status, 200)
        before = self.scores("kept")
        self.refused(self.load("kept", "/no/such/folder"), 422, "folder")
        self.assertEqual(self.scores("kept"), before)

    def test_a_slot_can_be_added_and_taken_away(self):
        self.assertEqual(self.load("more", MODEL).status, 200)
        self.assertIn("more", [m["id"] for m in self.server.get("/v1/models").json["data"]])
        answer = self.server.request("DELETE", "/admin/models", {"name": "more"},
                                     {**ADMIN, "content-type": "application/json"})
        self.assertEqual(answer.status, 200)
        self.refused(self.post("/rerank", {"query": "q", "texts": ["a"], "model": "more"}), 404, "model")
        answer = self.server.request("DELETE", "/admin/models", {"name": "more"},
                                     {**ADMIN, "content-type": "application/json"})
        self.refused(answer, 422, "name")

    def test_wrong_admin_requests_are_named(self):
        for body, field in [({"name": "a"}, "folder"), ({"folder": "a"}, "name"), ({"name": "", "folder": "a"}, "name"),
                            ({"name": "a>b", "folder": "a"}, "name"), ({"name": 1, "folder": "a"}, "name"),
                            ({"name": "a\r\nset-cookie: b=1", "folder": MODEL}, "name"),
                            ({"name": "a\x7f", "folder": MODEL}, "name")]:
            self.refused(self.post("/admin/models", body, headers=ADMIN), 422, field)
        self.refused(self.post("/admin/shadow", {"primary": "no", "shadow": "no"}, headers=ADMIN), 422, "primary")
        self.refused(self.post("/admin/shadow", {"share": 2}, headers=ADMIN), 422, "share")

    def test_a_shadow_sees_its_share_and_reports_how_far_it_agrees(self):
        self.assertEqual(self.load("shadow", MODEL).status, 200)
        self.assertEqual(self.post("/admin/shadow", {"primary": NAME, "shadow": "shadow", "share": 0.5},
                                   headers=ADMIN).status, 200)
        for i in range(10):
            self.ok("/rerank", {"query": f"{QUERY}{i}", "texts": DOCUMENTS, "model": NAME})
        self.assertTrue(wait_until(lambda: self.report()["requests"] == 5, 30), self.report())
        self.assertAlmostEqual(self.report()["kendall_tau"], 1)  # it is the same model
        self.assertEqual(self.report()["same_first"], 1)
        self.post("/admin/shadow", {"share": 0}, headers=ADMIN)
        self.assertEqual(self.report()["shadow"], "")

    def report(self):
        return self.server.get("/admin/shadow", ADMIN).json

    def test_a_cascade_keeps_some_for_the_second_model(self):
        self.assertEqual(self.load("large", OTHER).status, 200)
        first, second = NAME, "large"
        documents = DOCUMENTS + ["北海道は北にある。", "東京都の人口は多い。"]
        small = self.ok("/rerank", {"query": QUERY, "documents": documents, "model": first})["results"]
        answer = self.ok("/rerank", {"query": QUERY, "documents": documents, "model": f"{first}>{second}", "keep": 2,
                                     "return_details": True, "return_documents": False})["results"]
        chosen = {r["index"] for r in small[:2]}
        self.assertEqual({r["index"] for r in answer[:2]}, chosen)
        self.assertEqual([r["stage"] for r in answer], [1, 1, 0, 0, 0])
        self.assertEqual([r["index"] for r in answer[2:]], [r["index"] for r in small[2:]])
        scores = [r["relevance_score"] for r in answer]
        self.assertEqual(scores, sorted(scores, reverse=True))
        large = self.ok("/rerank", {"query": QUERY, "documents": documents, "model": second})["results"]
        by_index = {r["index"]: r["relevance_score"] for r in large}
        for result in answer[:2]:
            self.assertEqual(result["relevance_score"], by_index[result["index"]])


if __name__ == "__main__":
    unittest.main()
