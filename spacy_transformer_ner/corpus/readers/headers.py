"""The names of columns: header rows of column files and tables, and `# global.columns`."""

import re
from collections.abc import Sequence
from typing import Literal

# word: one word per row. text: a whole text, or a word where there is no word column. tag: the
# entity tags. gold, prediction: tags of a person and of a model. sentence, document: identifiers.
# index: the number of the row or word. offset: a character offset. misc: attributes such as
# SpaceAfter=No. other: anything else that is known and not needed, such as parts of speech.
Role = Literal[
    "word", "text", "tag", "gold", "prediction", "sentence", "document", "index", "offset", "misc",
    "other",
]  # fmt: skip

# The parts of a name that decide its role, in the order in which they are tried: "pos_tag" is a
# part of speech and "predicted_tag" a prediction, although both contain "tag".
NAMES: dict[Role, str] = {
    "prediction": """
        pred preds predicted prediction predictions ypred hyp hypothesis system auto automatic model
        output vorhersage prédiction predicción predizione""",
    "other": """
        pos postag postags posp upos xpos cpos cpostag lemma lemmas chunk chunks chunktag chunktags
        synt syntax dep deprel deps head feats feat morph shape case score confidence prob
        next prev previous probability annotator annotators comment comments link wikidata url qid nel language lang
        capitalisation capitalization length source speaker parse parsebit wortart""",
    "gold": """
        gold golden true truth ytrue reference ref correct expected target""",
    "misc": "misc",
    "offset": """
        start end begin stop offset offsets startoffset endoffset startchar endchar charstart
        charend position beginoffset endposition startposition""",
    "document": """
        doc docs document documents docid documentid file filename filepath article articleid
        abstract abstractid pmid dokument datei fichier documento archivo dokumentid""",
    "sentence": """
        sent sents sentence sentences sentid sentenceid sentno sentidx sentenceidx sentenceno
        sentencenumber satz satzid phrase oración oracion frase sentença zin zdanie предложение
        句子 文""",
    "index": """
        id ids idx index no nr num number row rowid line lineno tokenid tokenno wordid wordno
        wordidx tokenidx unnamed""",
    "tag": """
        tag tags ner ners nertag nertags ne nes netag netags netype label labels entity entities
        entitytype entitytag entitylabel nerc namedentity type types class category iob iob1 iob2 iobtag
        bio biotag biotags bioes bilou biluo annotation annotations etikett etiquette étiquette
        etiqueta etiquetas etichetta rótulo rotulo etykieta znacznik entität entité entités entidad
        entità entidade entiteit тег метка 标签 标注 实体 ラベル タグ 태그""",
    "word": """
        word words token tokens form forms surface term terms char character characters wort wörter
        wortform forma mot mots palabra palabras parola parole palavra palavras woord woorden słowo slovo
        слово токен 词 字 词语 単語 トークン 단어""",
    "text": "text texts content string raw texte texto testo tekst текст 文本",
}
PARTS = {role: frozenset(names.split()) for role, names in NAMES.items()}
# "Sentence #", "NER_tag", "nerTag"
PART = re.compile(r"[A-Z]*[^\W\d_A-Z]+\d?|[A-Z]+\d?|\d+")
# Cells that repeat the last identifier of a sentence or document, in lower case.
REPEATED = frozenset(("", "nan", "none", "null", "na", "n/a", "_", "-"))
NUMBER_SIGNS = frozenset(("#", "№", "no.", "nr."))


def role_of(title: str) -> Role | None:
    """Get the role of a column from its name.

    title (str): The name, e.g. "Sentence #" or "ner_tags".
    RETURNS (Role | None): The role, e.g. "sentence" or "tag". None if the name is unknown.
    """
    title = title.strip().strip("\"'")
    if title.lower() in NUMBER_SIGNS:
        return "index"
    parts = [part.lower() for part in PART.findall(title)]
    # "nerTag" and "ner_tag" are also tried as one part.
    whole = "".join(parts)
    if not parts or len(parts) > 4 or len(title) > 40:
        return None
    for role, names in PARTS.items():
        if whole in names or not names.isdisjoint(parts):
            # "token_id" and "word number" number the words. "sentence_id" is found before.
            return role
    return None


def roles_of(titles: Sequence[str]) -> tuple[Role | None, ...] | None:
    """Get the roles of columns, if a row is a header.

    titles (Sequence[str]): The cells of the row.
    RETURNS (tuple[Role | None, ...] | None): The role of each column. None if the row is not a
        header: a header names different columns, at least one with words or text, and one with
        tags.
    """
    roles = tuple(map(role_of, titles))
    named = [title.strip().lower() for title in titles if any(map(str.isalnum, title))]
    is_header = (
        len(set(named)) == len(named)
        and not {"word", "text"}.isdisjoint(roles)
        and not {"tag", "gold", "prediction"}.isdisjoint(roles)
    )
    return roles if is_header else None


def column_of(roles: Sequence[Role | None], *wanted: Role) -> int | None:
    """Find a column by its role.

    roles (Sequence[Role | None]): The role of each column.
    wanted (Role): The roles. The first one that a column has is used.
    RETURNS (int | None): The first column with this role, counted from 0.
    """
    return next((roles.index(role) for role in wanted if role in roles), None)
