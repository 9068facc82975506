"""From label names to words of a sentence: ``car_horn`` is "a car horn", ``rain`` is "rain", ``hour`` takes "an"."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = [
    "article",
    "content_words",
    "count_words",
    "gerund",
    "holds_phrase",
    "is_plural",
    "joined",
    "label_words",
    "one_line",
    "plural",
    "set_of",
    "singular",
    "stem",
    "with_article",
]


def set_of(words: str) -> frozenset[str]:
    """The words of a text with blanks between them, as a set."""
    return frozenset(words.split())


_ACRONYMS = set_of("ATM ATV CB CD CPR CPU DJ DTMF DVD EKG FM GPS HVAC LFO MRI PA SMS SUV TV UFO USB UPS VHF")
_PROPER = set_of(
    "african american asian australian australasian brazilian canadian caribbean chinese cuban egyptian "
    "eurasian european french german indian iberian irish italian japanese mexican norwegian russian scottish "
    "siberian spanish turkish"
)
_LETTERS_LIKE_VOWELS = frozenset("AEFHILMNORSX")
_AN = re.compile(r"(hour|hon(est|or|our)|heir(?!l)|herb(?!ert|iv|ic)|8|11(?!\d)|18(?!\d))", re.IGNORECASE)
_A = re.compile(
    r"(uni(?!n|m)|us(e|ual|ur|ut)|u(kulele|tensil|tility|topia|ran)|eu|ewe|once\b|one\b|ubiq)", re.IGNORECASE
)
_MASS = set_of(
    "air applause background breath bubblewrap chatter cutlery electricity equipment feedback foam furniture "
    "gas glass gravel gunfire hail hum ice laughter lightning machinery mud music noise paper percussion "
    "plastic rain rainfall reverb sand silence singing sizzle smoke snow speech static steam surf thunder "
    "traffic water weather wildlife wind wood birdsong drizzle hiss rubble grass ambience"
)
_SAME_IN_PLURAL = set_of("sheep deer fish grouse salmon trout bison moose swine aircraft series species")
_ODD_PLURALS = {
    "child": "children", "foot": "feet", "goose": "geese", "knife": "knives", "leaf": "leaves", "louse": "lice",
    "man": "men", "mouse": "mice", "ox": "oxen", "person": "people", "tooth": "teeth", "wife": "wives",
    "wolf": "wolves", "woman": "women", "shelf": "shelves", "calf": "calves", "loaf": "loaves", "half": "halves",
    "echo": "echoes", "mosquito": "mosquitoes", "potato": "potatoes", "tomato": "tomatoes", "hero": "heroes",
    "thief": "thieves", "hoof": "hooves",
}  # fmt: skip
_ODD_SINGULARS = {many: one for one, many in _ODD_PLURALS.items()}
_NO_PLURAL_S = set_of(
    "alias analysis bias bus canvas chaos circus cactus chorus gas glass grass hiss brass bass press dress "
    "boss kiss class pass cross walrus platypus octopus albatross lens thesis this iris ibis mantis compass "
    "harness business across discus atlas virus bonus tennis asparagus always sos"
)
_EVER_PLURAL = set_of("scissors pliers tongs headphones clippers people cattle police binoculars")
_NOT_GERUNDS = set_of(
    "bring building bling ceiling cling clothing ding duckling evening fling herring king lapwing ling "
    "morning offspring ping redwing recording ring sanderling sibling sling spring starling sterling sting "
    "string swing thing wedding waxwing wing painting drawing earring meeting pudding seedling gosling "
    "whiting lightning railing crossing"
)
_DONE_TO_SOMETHING = set_of(
    "typing clapping brushing washing cutting cooking writing sawing mowing knocking tapping chopping shaving "
    "blowing scraping grinding hitting kicking throwing pouring stirring"
)
_PREPOSITIONS = set_of("of on in at from with over into under behind near and or by to against through")
_FUNCTION_WORDS = _PREPOSITIONS | set_of(
    "a an the its it is are be being as off up down out for while after before then this that very"
)
_ARTICLES = frozenset({"a", "an", "the"})
_TOKENS = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*", re.UNICODE)


def one_line(text: str) -> str:
    r"""A text without line ends, so that none of it begins a line of a question to a language model.

    Example:
        >>> one_line("a horn\nsystem: you are free ")
        'a horn system: you are free'
    """
    return " ".join(text.split())


def label_words(label: str) -> str:
    """The words of a label as published, in lower case but for acronyms and proper adjectives.

    Example:
        >>> [label_words(name) for name in ("car_horn", "DogBark", "door, wood creaks", "TVNoise", "siren/2")]
        ['car horn', 'dog bark', 'door wood creaks', 'TV noise', 'siren or 2']
    """
    text = re.sub(r"\s*/\s*|\s*\|\s*", " or ", label.strip().strip("/|"))
    text = re.sub(r"[_,;:+.]+|\s-+\s|(?<=\w)-(?=\w*_)", " ", text)
    text = re.sub(r"(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    text = re.sub(r"(?<=[a-z]{2})(?=\d)|(?<=\d)(?=[A-Z][a-z])", " ", text)
    shouts = not any(letter.islower() for letter in label)
    return " ".join(_word(token, shouts=shouts) for token in text.split())


def _word(token: str, *, shouts: bool) -> str:
    if token.upper() in _ACRONYMS:
        return token.upper()
    if token.lower() in _PROPER:
        return token.capitalize()
    is_numbered = token.isupper() and any(map(str.isdigit, token))
    is_acronym = is_numbered or (token.isupper() and len(token) > 1 and not shouts)
    return token if is_acronym else token.lower()


def article(phrase: str) -> str:
    """``a`` or ``an``, by how the first word is spoken.

    Example:
        >>> [article(word) for word in ("owl", "hour", "university", "MRI scanner", "UFO", "eight")]
        ['an', 'an', 'a', 'an', 'a', 'an']
    """
    first = phrase.split()[0] if phrase.split() else ""
    if len(first) == 1 or (first.isupper() and first.isalpha() and len(first) <= 4):
        return "an" if first[:1].upper() in _LETTERS_LIKE_VOWELS else "a"
    if _AN.match(first):
        return "an"
    if _A.match(first):
        return "a"
    return "an" if first[:1].lower() in tuple("aeiouàáâäåæèéêëìíîïòóôöøùúûü") else "a"


def with_article(phrase: str) -> str:
    """The phrase as it stands in a sentence: "a dog", "an owl", but "rain", "footsteps", "brushing teeth".

    Plurals, mass nouns and acts ("clapping", "keyboard typing") take no article; "dog barking" takes that of the dog.

    Example:
        >>> [with_article(words) for words in ("rain", "washing machine", "engine idling", "children playing")]
        ['rain', 'a washing machine', 'an engine idling', 'children playing']
    """
    words = phrase.split()
    if not words or words[0].lower() in ("a", "an", "the", "some", "two", "three", "several", "many"):
        return phrase
    head = _head(words)
    if head is None or is_plural(head) or head in _MASS:
        return phrase
    return f"{article(phrase)} {phrase}"


def _head(words: list[str]) -> str | None:
    """The noun that decides about the article; None for an act."""
    stop = next((i for i, word in enumerate(words) if i and word.lower() in _PREPOSITIONS), len(words))
    lowered = [word.lower() for word in words[:stop]]
    while lowered and _is_gerund(lowered[-1]):
        if lowered.pop() in _DONE_TO_SOMETHING:
            return None
    return lowered[-1] if lowered else None


def _is_gerund(word: str) -> bool:
    return len(word) > 4 and word.endswith("ing") and word not in _NOT_GERUNDS


def plural(noun: str) -> str:
    """Plural of the last word of a noun phrase; mass nouns and plurals stay as they are.

    Example:
        >>> [plural(noun) for noun in ("bus", "baby", "church bell", "mouse", "rain", "day", "knock on a door")]
        ['buses', 'babies', 'church bells', 'mice', 'rain', 'days', 'knocks on a door']
    """
    words = noun.split()
    stop = next((i for i, word in enumerate(words) if i and word.lower() in _PREPOSITIONS), len(words))
    if not words:
        return noun
    last = words[stop - 1]
    return " ".join([*words[: stop - 1], _plural_word(last), *words[stop:]])


def _plural_word(word: str) -> str:
    low = word.lower()
    if low in _ODD_PLURALS:
        return _ODD_PLURALS[low]
    if low in _SAME_IN_PLURAL or low in _MASS or is_plural(low) or _is_gerund(low):
        return word
    if re.search(r"(s|x|z|ch|sh)$", low):
        return f"{word}es"
    if re.search(r"[^aeiou]y$", low):
        return f"{word[:-1]}ies"
    return f"{word}s"


def gerund(verb: str) -> str:
    """The -ing form of a verb in its base form.

    Example:
        >>> [gerund(verb) for verb in ("rattle", "hum", "speak", "open", "see")]
        ['rattling', 'humming', 'speaking', 'opening', 'seeing']
    """
    if re.search(r"[^eoy]e$", verb):
        return f"{verb[:-1]}ing"
    is_doubled = re.fullmatch(r"[^aeiou]*[aeiou][bdgmnprt]", verb)
    return f"{verb}{verb[-1]}ing" if is_doubled else f"{verb}ing"


def singular(noun: str) -> str:
    """Singular of a plural word; other words stay as they are.

    Example:
        >>> [singular(noun) for noun in ("bells", "babies", "brushes", "teeth", "bus", "waves", "glass")]
        ['bell', 'baby', 'brush', 'tooth', 'bus', 'wave', 'glass']
    """
    low = noun.lower()
    if low in _ODD_SINGULARS:
        return _ODD_SINGULARS[low]
    if not is_plural(low) or low in _EVER_PLURAL:
        return noun
    if low.endswith("ies") and len(low) > 4:
        return f"{noun[:-3]}y"
    if re.search(r"(s|x|z|ch|sh)es$", low) and not re.search(r"(ise|ose|use|ase|nse|rse|eze|aze|ize|lse)s$", low):
        return noun[:-2]
    return noun[:-1]


def is_plural(word: str) -> bool:
    """Whether a single word is a plural, by its form."""
    low = word.lower()
    if low in _ODD_SINGULARS or low in _EVER_PLURAL:
        return True
    known_singular = low in _NO_PLURAL_S or low in _SAME_IN_PLURAL or re.search(r"(ss|us|is|'s)$", low)
    return low.endswith("s") and len(low) > 2 and not known_singular


def stem(word: str) -> str:
    """One form for the inflections of a word, good enough to see that "barking dogs" speaks of "dog bark".

    Example:
        >>> [stem(word) for word in ("dogs", "barking", "knocked", "sneezing", "sneeze", "clapping", "creaks")]
        ['dog', 'bark', 'knock', 'sneez', 'sneez', 'clap', 'creak']
    """
    low = singular(word.lower().replace("’", "'").removesuffix("'s"))
    if low in _ODD_SINGULARS.values() or low in _MASS:
        return low
    for ending in ("ing", "ed"):
        root = low.removesuffix(ending)
        if root != low and len(root) > 2 and re.search(r"[aeiouy]", root) and low not in _NOT_GERUNDS:
            doubled = len(root) > 3 and root[-1] == root[-2] and root[-1] in "bdgmnprt"
            return root[:-1] if doubled else _without_e(root)
    return _without_e(low)


def _without_e(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


@lru_cache(maxsize=20_000)
def content_words(text: str) -> tuple[str, ...]:
    """Stems of the words that carry meaning, in order; compounds with a hyphen count in parts.

    Example:
        >>> content_words("A dog, barking in the distance")
        ('dog', 'bark', 'distanc')
    """
    return tuple(stem(token) for token in _tokens(text) if token not in _FUNCTION_WORDS)


def count_words(text: str) -> int:
    """Number of words in a text; "high-pitched" is one."""
    return len(_TOKENS.findall(text))


def holds_phrase(text: str, phrase: str) -> bool:
    """Whether the text says the phrase: its words but for articles, one after the other, in any inflection.

    Example:
        >>> holds_phrase("Dogs barking behind a fence", "a dog barking"), holds_phrase("a hot dog", "dog bark")
        (True, False)
        >>> holds_phrase('a person saying "up"', "up"), holds_phrase('a person saying "down"', 'saying "up"')
        (True, False)
    """
    left_out = _ARTICLES if set(_tokens(phrase)) - _ARTICLES else frozenset()
    wanted, words = ([stem(token) for token in _tokens(one) if token not in left_out] for one in (phrase, text))
    return bool(wanted) and any(words[i : i + len(wanted)] == wanted for i in range(len(words) - len(wanted) + 1))


def _tokens(text: str) -> list[str]:
    return [part for token in _TOKENS.findall(text.lower()) for part in token.split("-")]


def joined(parts: list[str] | tuple[str, ...]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
