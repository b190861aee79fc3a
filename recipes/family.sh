#!/usr/bin/env bash
# recipes/family.sh DATA: the starter family from raw text to tables, in one command; hours on two cores with AVX-512
# BF16 (not yet run as a whole). Each step is skipped where its result is there, and resumes where it was cut off. DATA
# is the folder with jaquad/, jsquad/, kyoto/ and aozora/.
#
# Trained on: JaQuAD-train without its last 35 articles (which choose the best checkpoint and the blend weight), Kyoto,
# Aozora. Never on JSQuAD or JaQuAD-dev, which only the last lines read.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:?usage: recipes/family.sh DATA}
narabi=build/release/narabi
work=build/train
mkdir -p "$work"
articles=656  # of 691 to learn from

text_of() { python3 recipes/plain_text.py "$@"; }
[ -f "$work/kyoto.txt" ] || text_of corpus "$data/kyoto/kyoto-passages.jsonl.xz" >"$work/kyoto.txt"
[ -f "$work/jaquad.txt" ] || text_of squad "$data/jaquad/jaquad-train.json.xz" "$articles" >"$work/jaquad.txt"
[ -f "$work/aozora.txt" ] || xz -dc "$data/aozora/aozora.txt.xz" | awk 'NR % 5 == 0' >"$work/aozora.txt"
[ -f "$work/jaquad.jsonl" ] || "$narabi" mine --squad "$data/jaquad/jaquad-train.json.xz" --take-articles "$articles" \
  --negatives 10 --range-max 20 --sampling random --same-article 3 --random 1 --seed 7 --output "$work/jaquad.jsonl"
[ -f "$work/jaquad-held.jsonl" ] || "$narabi" mine --squad "$data/jaquad/jaquad-train.json.xz" \
  --skip-articles "$articles" --negatives 9 --range-max 20 --keep-answers --output "$work/jaquad-held.jsonl"
[ -f "$work/tokenizer/tokenizer.json" ] || "$narabi" train recipes/tokenizer.yaml

# A step whose model is whole is left alone: training/done is written last.
step() {
  local output=$work/$1
  shift
  [ -f "$output/training/done" ] || { "$narabi" "$@" --set output="$output" --progress && touch "$output/training/done"; }
}
step xsmall train recipes/reranker.yaml
[ -f "$work/hard.jsonl" ] || "$narabi" mine --squad "$data/jaquad/jaquad-train.json.xz" --take-articles "$articles" \
  --model "$work/xsmall" --negatives 5 --range-max 16 --margin -8 --max-lead 7 --seed 11 --output "$work/hard.jsonl"
step xsmall-hard train recipes/hard.yaml
step tiny-undistilled train recipes/reranker.yaml --set model.config=recipes/tiny.json --set optimizer.lr=1e-3 \
  --set epochs=0.4
step tiny distill recipes/distill.yaml
for name in xsmall xsmall-hard tiny-undistilled tiny; do
  "$narabi" reproduce jaquad-train --data "$data" --skip-articles "$articles" --model "$work/$name" --tune-blend
  for set in jsquad jaquad; do "$narabi" reproduce "$set" --data "$data" --model "$work/$name"; done
done
