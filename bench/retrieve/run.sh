#!/usr/bin/env bash
# BM25 of narabi beside SQLite FTS5, Xapian and Tantivy: the same passages, the same terms (characters and pairs),
# the same queries, one thread, top 100, in one run. Build time, disk, p50 and p99 by length of the query, nDCG@10 of
# JSQuAD.
#   bench/retrieve/run.sh [--passages 200000] [--queries 20] [--rounds 3] [--engines narabi,fts5,xapian,tantivy]
# Needs Debian's python3-xapian for Xapian; Tantivy comes from PyPI. NARABI_DATA: folder with kyoto/ and aozora/.
# Passages are made by tools/make_collection.py (real sentences, recombined): no figure here says how well an engine
# ranks but JSQuAD's. Files go to build/bench-retrieve (about 1.5 KB a passage and engine) and are kept; an index that is
# there is used again, with the build time noted beside it (ENGINE-N.json; remove that to build anew).
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=build/bench-retrieve/venv
[ -x $venv/bin/python ] || python3 -m venv $venv
$venv/bin/pip install -q --disable-pip-version-check -r bench/retrieve/requirements.txt
exec $venv/bin/python bench/retrieve/compare.py "$@"
