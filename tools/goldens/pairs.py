"""The texts of the goldens: real questions and passages, and strings that break tokenizers."""
import json
import lzma
import random
from pathlib import Path

FAMILY = "👨‍👩‍👧‍👦"

NASTY = [
    "", " ", "  ", "\u3000", "\t", "\n", "\r\n", " \u3000\t ", "a", "あ", "。",
    "ｶﾞｷﾞｸﾞ ﾊﾟﾋﾟﾌﾟ", "ﾃﾞｰﾀﾍﾞｰｽ", "ｱｲｳｴｵ", "ﾞ", "ﾟﾟ", "か\u3099き\u3099", "は\u309aひ\u309a", "\u3099か", "a\u3099", "1\u309a",
    "ハ\u3099ス", "が\u3099", "e\u0301", "é", "e\u0301\u0301", "\u0301", "か\u0301", "o\u0308sterreich", "ﾊ\u3099",
    "❤\ufe0f", "❤\ufe0e", "葛\U000e0100飾区", "辻\U000e0101", "a\ufe0f", "\ufe0f", "1\ufe0f\u20e3",
    FAMILY, "👍🏽", "🇯🇵🇺🇸", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🥰🫠🪿", "😀" * 20, "👩🏽‍💻は" + FAMILY,
    "𠮷野家で𩸽を食べる", "𠮟る", "髙橋と﨑", "㐂寿", "\U0002b820\U0002b920\U0002ceaf", "鿿㊙㈱",
    "a\tb\nc\rd", "a\x00b", "\x00", "a\x01\x02b", "a\x0bb\x0cc", "\x1c\x1d\x1e\x1f", "a\x7fb", "a\x85b", "a\x8f\x9fb",
    "a\u200bb", "a\u200cb\u200dc", "\ufeffa", "a\u00adb", "a\u2028b\u2029c", "a\u202eb", "a\u2060b", "a\u180eb", "\u1680a",
    "ＡＢＣａｂｃ０１２３", "ＡＢＣ　ＤＥＦ", "１２３４．５６％", "a\u00a0b", "a\u2003b", "！？（）「」", "〜～ー―—–‐-", "ｰー一―",
    "<s>", "</s>", "<pad>", "<mask>", "<unk>", "[CLS]", "[SEP]", "[MASK]", "[UNK]", "[PAD]", "<cls>", "<sep>",
    "a <mask> b", "a<mask>b", " <mask> ", "あ <mask>い", "<mask><mask>", "x [MASK] y", "x[MASK]y", "<s>文</s>", "< s >", "<S>", "[cls]",
    "<pad><pad>あ", "<0x41>", "<0xE3><0x81><0x82>", "▁", "▁a▁b", "a ▁ b", "▁▁", " a", "a ", "  a  b  ",
    "あ" * 2000, "a" * 2000, " " * 2000, "1" * 2000, "漢" * 600, "あ" * 101, "a" * 101, "a" * 100, "あ" * 100, "亜a" * 300,
    "0123456789", "3.14159265358979", "1,234,567円", "2024年11月23日", "090-1234-5678", "Ⅷⅷⅻ", "①②③㉑", "½¼⅔", "१२३", "٣٤٥", "零一二三",
    "日本語English混在テキスト123", "C++とC#とF#", "iPhone15Proの価格", "Wi-Fi／Bluetooth®", "naïve café résumé", "Ünïcödé ß ẞ", "İstanbul ıI", "ΑΣ ΣΑΣ σς",
    "https://example.com/path?q=%E6%97%A5&x=1#top", "<div class=\"x\">&amp;&nbsp;</div>", "user@example.co.jp", "C:\\Users\\名前\\file.txt",
    "안녕하세요", "한글 자모 ㄱㄴㄷ", "\u1112\u1161\u11ab", "مرحبا بالعالم", "שלום עולם", "नमस्ते दुनिया", "สวัสดีครับ", "Привет, мир", "中文简体與繁體", "ខ្មែរ", "བོད",
    "㍿㌔㌘㍻㋿", "ﬁ ﬂ ﬀ", "㋐㋑㋒", "ㇰㇱㇲ", "𝐀𝒷𝔠𝟘𝟙", "ⓐⓑ🄰", "℃℉№℡™", "ヷヸヹヺ", "ゝゞヽヾ々〻", "〆〇〒〓",
    "\ue000\uf8ff", "\U000f0000", "\U0010ffff", "\ufffe", "\uffff", "\ufffd", "\u0378", "\u0600\u06dda", "\u0e33", "\u0f0b",
    "ー" * 50, "っ" * 30, "。。。。…………", "！！！？？？", "＾＿＾；", "(´・ω・｀)", "┌─┐│└┘", "♪♫☆★○●", "≒≡∫∮√⊥∠∟⊿∵∩∪",
    "「『【〔｛〈《", "wwwwwwww草", "ぬるぽ ガッ", "東京都渋谷区神宮前1-2-3", "きゃりーぱみゅぱみゅ", "すもももももももものうち", "貴社の記者が汽車で帰社した",
    "\u0041\u030a\u00c5\u212b", "ｗｗｗ", "ﾊﾝｶｸとｾﾞﾝｶｸ", "ﷺ", "\u0344", "\u1e9b\u0323", "ſ", "K", "Å",
]


def natural(data: Path, count: int) -> list[tuple[str, str]]:
    """Questions of JSQuAD and JaQuAD-dev with the passage they belong to, or with another one."""
    random_ = random.Random(7)
    pairs = []
    for name in ("jsquad/jsquad-valid-v1.3.json.xz", "jaquad/jaquad-dev.json.xz"):
        split = json.loads(lzma.open(data / name, "rt", encoding="utf-8").read())["data"]
        paragraphs = [paragraph for article in split for paragraph in article["paragraphs"]]
        for _ in range(count // 2):
            paragraph = random_.choice(paragraphs)
            question = random_.choice(paragraph["qas"])["question"]
            other = paragraph if random_.random() < 0.5 else random_.choice(paragraphs)
            pairs.append((question, other["context"].replace(" [SEP] ", " ")))
    # Longer than any limit, and long queries.
    pairs += [(question, passage * 6) for question, passage in pairs[:6]]
    pairs += [(passage[:300], question) for question, passage in pairs[6:10]]
    return pairs


def all_pairs(data: Path) -> list[tuple[str, str]]:
    pairs = natural(data, 176)
    question = "日本で一番高い山は何ですか。"
    for i, text in enumerate(NASTY):
        if i % 3 == 0:
            pairs.append((question, text))
        elif i % 3 == 1:
            pairs.append((text, "富士山は日本一高い山である。"))
        else:
            pairs.append((text, NASTY[(i * 7) % len(NASTY)]))
    return pairs
