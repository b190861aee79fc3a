#!/usr/bin/env bash
# The main job on the shipped sample: a question, BM25's candidates before, the reranked order after.
set -euo pipefail
cd "$(dirname "$0")/.."

narabi=build/release/narabi
model=models/narabi-xsmall
corpus=data/kyoto/kyoto-sample.jsonl.xz
query=${1:-"銀閣寺を建てた将軍は誰ですか"}

printf '\n並び narabi: rerank real passages of Kyoto Wikipedia (3,000 passages, CC BY-SA 3.0)\n\n'
printf 'query: %s\n' "$query"
printf '\nBEFORE: the order of BM25\n\n'
"$narabi" search --corpus "$corpus" --query "$query" --top-n 5
printf '\nAFTER: the 100 best of BM25, reranked by %s\n\n' "$model"
"$narabi" search --corpus "$corpus" --query "$query" --top-n 5 --candidates 100 --model "$model"
cat <<'EOT'

What to type next
  your own model:      build/release/narabi inspect DIR      (a Hugging Face folder of a reranker)
  your own documents:  build/release/narabi search --corpus FILE.jsonl --query TEXT --model DIR
                       FILE.jsonl holds lines {"id", "title", "text"}
  another question:    scripts/demo.sh "五重塔の高さは何メートルか"
  all commands:        build/release/narabi --help
EOT
