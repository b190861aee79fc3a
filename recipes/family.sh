#!/usr/bin/env bash
# recipes/family.sh DATA [NAME...]: the starter family from raw text to tables, in one command. For a GPU (an H100
# needs about 25 minutes for all three, by the token counts); each step is skipped where its model is there, and
# resumes where it was cut off. DATA is the folder with jaquad/, jsquad/, kyoto/ and aozora/. NAME: small xsmall tiny.
#
# Trained on: JaQuAD-train without its last 35 articles (which choose the best checkpoint and the blend weight), Kyoto,
# Aozora. Never on JSQuAD or JaQuAD-dev, which only the last lines read.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:?usage: recipes/family.sh DATA [small xsmall tiny]}
shift
names=("$@")
[ $# -gt 0 ] || names=(small xsmall tiny)
narabi=build/release/narabi
work=build/train
mkdir -p "$work"
articles=656  # of 691 to learn from

text_of() { python3 recipes/plain_text.py "$@"; }
[ -f "$work/kyoto.txt" ] || text_of corpus "$data/kyoto/kyoto-passages.jsonl.xz" >"$work/kyoto.txt"
[ -f "$work/jaquad.txt" ] || text_of squad "$data/jaquad/jaquad-train.json.xz" "$articles" >"$work/jaquad.txt"
[ -f "$work/aozora.txt" ] || xz -dc "$data/aozora/aozora.txt.xz" >"$work/aozora.txt"
[ -f "$work/jaquad.jsonl" ] || "$narabi" mine --squad "$data/jaquad/jaquad-train.json.xz" --take-articles "$articles" \
  --negatives 10 --range-max 20 --sampling random --same-article 3 --random 1 --seed 7 --output "$work/jaquad.jsonl"
[ -f "$work/jaquad-held.jsonl" ] || "$narabi" mine --squad "$data/jaquad/jaquad-train.json.xz" \
  --skip-articles "$articles" --negatives 19 --range-max 20 --keep-answers --output "$work/jaquad-held.jsonl"
[ -f "$work/pairs.jsonl" ] || "$narabi" mine --corpus "$data/kyoto/kyoto-passages.jsonl.xz" --synthesize ict,cloze,title \
  --rounds 4 --negatives 6 --range-max 30 --sampling random --same-article 3 --random 3 --output "$work/pairs.jsonl"
[ -f "$work/tokenizer/tokenizer.json" ] || "$narabi" train recipes/tokenizer.yaml

# A step whose model is whole is left alone: training/done is written last.
step() {
  local output=$1
  shift
  [ -f "$output/training/done" ] || { "$narabi" "$@" --set output="$output" --progress && touch "$output/training/done"; }
}
for name in "${names[@]}"; do
  step "$work/$name-mlm" train recipes/mlm.yaml --set model.config="recipes/$name.json"
  step "$work/$name-pairs" train recipes/pairs.yaml --set model.from="$work/$name-mlm"
  step "$work/$name" train recipes/fine-tune.yaml --set model.from="$work/$name-pairs" --set epochs=4 --set batch=32 \
    --set micro_batch_tokens=32768
  if [ "$name" != small ] && [ -f "$work/small/training/done" ]; then
    step "$work/$name-distilled" distill recipes/distill.yaml --set model.from="$work/$name-pairs" --set teacher="$work/small"
  fi
done
for model in "$work"/small "$work"/xsmall "$work"/xsmall-distilled "$work"/tiny "$work"/tiny-distilled; do
  [ -f "$model/model.safetensors" ] || continue
  "$narabi" reproduce jaquad-train --data "$data" --skip-articles "$articles" --model "$model" --tune-blend
  for set in jsquad jaquad; do "$narabi" reproduce "$set" --data "$data" --model "$model"; done
done
