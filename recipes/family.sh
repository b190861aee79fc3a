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

# Generations of branches, averaged (docs/training.md, "Branches and their mean"): on labels, and on the two models'
# scores blended with BM25's; passages short and with titles, as search engines hold them.
train_split=(--squad "$data/jaquad/jaquad-train.json.xz" --take-articles "$articles")
held_split=(--squad "$data/jaquad/jaquad-train.json.xz" --skip-articles "$articles" --negatives 15 --range-max 15
  --keep-answers)
short=(--titles --passage-length 200)
easy=(--negatives 10 --range-max 20 --sampling random --same-article 3)
teachers=(--model "$work/xsmall-hard" --model "$work/tiny" --bm25-weight 0.3 --precision int8 --margin -8)
mined() { [ -f "$work/$1" ] || "$narabi" mine "${@:2}" --output "$work/$1"; }
mined short.jsonl "${train_split[@]}" "${short[@]}" "${easy[@]}" --seed 7
mined long.jsonl "${train_split[@]}" "${easy[@]}" --seed 7
mined titled.jsonl "${train_split[@]}" --titles "${easy[@]}" --seed 17
mined held-short.jsonl "${held_split[@]}" "${short[@]}" --limit 400
mined held-long.jsonl "${held_split[@]}" --limit 200
cat "$work/held-short.jsonl" "$work/held-long.jsonl" >"$work/held.jsonl"
mined short-scored.jsonl "${train_split[@]}" "${short[@]}" "${teachers[@]}" --negatives 9 --range-max 12 \
  --same-article 2 --seed 21 --limit 12000
mined kyoto-scored.jsonl --corpus "$data/kyoto/kyoto-passages.jsonl.xz" --synthesize clause "${teachers[@]}" \
  --negatives 8 --range-max 10 --same-article 2 --seed 5 --limit 5000

branch() { step "$1" train recipes/branch.yaml --set model.from="$work/$2" --set seed="$3" --set steps="$4" "${@:5}"; }
on_labels=(--set 'loss=[{name: softmax_ce}, {name: bce, weight: 0.1}]' --set)
mean() {  # name, branches...
  local name=$1 && shift
  [ -f "$work/$name/model.safetensors" ] || "$narabi" average "${@/#/$work/}" --output "$work/$name"
}
both="data.train=[$work/short.jsonl, $work/long.jsonl]"
branch tiny-labels tiny 1 410 --set optimizer.lr=5e-4 "${on_labels[@]}" "$both"
branch tiny-scores tiny 1 858 --set optimizer.lr=5e-4
mean tiny-mean tiny-labels tiny-scores
branch xsmall-labels xsmall-hard 3 212 "${on_labels[@]}" "$both"
branch xsmall-scores xsmall-hard 4 300
mean xsmall-mean xsmall-labels xsmall-scores
branch xsmall-labels-2 xsmall-mean 13 163 --set batch=12 "${on_labels[@]}" "data.train=[$work/titled.jsonl]"
branch xsmall-scores-2 xsmall-mean 14 320 --set batch=12
mean xsmall-mean-2 xsmall-labels-2 xsmall-scores-2

# tiny's second generation: four branches, taught by both means.
teachers=(--model "$work/xsmall-mean-2" --model "$work/tiny-mean" --bm25-weight 0.3 --precision int8 --margin -8)
mined titled-2.jsonl "${train_split[@]}" --titles "${easy[@]}" --seed 27
mined short-2.jsonl "${train_split[@]}" "${short[@]}" "${easy[@]}" --seed 37
mined short-scored-2.jsonl "${train_split[@]}" "${short[@]}" "${teachers[@]}" --negatives 9 --range-max 12 \
  --same-article 2 --seed 41 --limit 12000
mined kyoto-scored-2.jsonl --corpus "$data/kyoto/kyoto-passages.jsonl.xz" --synthesize clause "${teachers[@]}" \
  --negatives 8 --range-max 10 --same-article 2 --seed 45 --limit 12000
on_scores=(--set 'loss=[{name: softmax_ce, weight: 0.3}, {name: kl, temperature: 2}]'
  --set "data.train=[$work/short-scored-2.jsonl, $work/kyoto-scored-2.jsonl]")
both="data.train=[$work/short-2.jsonl, $work/titled-2.jsonl]"
for seeds in "12 13" "14 15"; do
  read -r labels scores <<<"$seeds"
  branch "tiny-labels-$labels" tiny-mean "$labels" 400 --set optimizer.lr=5e-4 "${on_labels[@]}" "$both"
  branch "tiny-scores-$scores" tiny-mean "$scores" 800 --set optimizer.lr=5e-4 "${on_scores[@]}"
done
mean tiny-mean-2 tiny-labels-12 tiny-scores-13 tiny-labels-14 tiny-scores-15

# Scores that are probabilities (docs/training.md, "Scores that are probabilities"), on the articles held out.
mined calibration-short.jsonl "${held_split[@]}" "${short[@]}"
mined calibration-long.jsonl "${held_split[@]}"
for name in tiny-mean-2 xsmall-mean-2; do
  [ -f "$work/$name-calibrated/model.safetensors" ] || "$narabi" calibrate "$work/$name" --precision f32 \
    --groups "$work/calibration-long.jsonl" "$work/calibration-short.jsonl" --output "$work/$name-calibrated"
done

for name in xsmall xsmall-hard tiny-undistilled tiny tiny-mean tiny-mean-2 xsmall-mean \
  xsmall-mean-2; do
  for form in "" "--titles --passage-length 200"; do  # the last 35 articles, whole and as search engines hold them
    # shellcheck disable=SC2086
    "$narabi" reproduce jaquad-train --data "$data" --skip-articles "$articles" $form --model "$work/$name" --tune-blend
  done
  for set in jsquad jaquad; do "$narabi" reproduce "$set" --data "$data" --model "$work/$name"; done
done
