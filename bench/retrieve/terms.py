"""Text to the terms of narabi's --bigrams-only index: of NFKC, lower-cased text every letter or digit and every pair
of neighbours. Written again here so that other engines get the same terms, already cut."""

import unicodedata


def is_letter_or_number(character):
    return unicodedata.category(character)[0] in "LN"


def terms(text):
    found, previous = [], ""
    for character in unicodedata.normalize("NFKC", text).lower():
        if not is_letter_or_number(character):
            previous = ""
            continue
        found.append(character)
        if previous:
            found.append(previous + character)
        previous = character
    return found
