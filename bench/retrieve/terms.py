"""Text to the terms of narabi's --bigrams-only index: of NFKC, lower-cased text every letter or digit and every pair
of neighbours; in a query, hiragana inside a run of letters only in pairs. Written again here so that other engines get
the same terms, already cut."""

import unicodedata


def is_letter_or_number(character):
    return unicodedata.category(character)[0] in "LN"


def is_hiragana(character):
    return "\u3041" <= character <= "\u309f"


def terms(text, query=False):
    found, previous = [], ""
    text = unicodedata.normalize("NFKC", text).lower()
    for character, following in zip(text, text[1:] + " "):
        if not is_letter_or_number(character):
            previous = ""
            continue
        in_pair = previous or is_letter_or_number(following)
        if not (query and is_hiragana(character) and in_pair):
            found.append(character)
        if previous:
            found.append(previous + character)
        previous = character
    return found
