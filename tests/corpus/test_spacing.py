import pytest

from spacy_transformer_ner.corpus.spacing import restore_spaces


def join(*sentences, lang="en"):
    words = [sentence.split(" ") for sentence in sentences]
    text = ""
    for sentence, spaces in zip(words, restore_spaces(words, lang)):
        text += "".join(word + " " * space for word, space in zip(sentence, spaces))
    return text.strip()


@pytest.mark.parametrize(
    "tokens, text",
    [
        ("He did n't go , she said .", "He didn't go, she said."),
        ("The club 's coach ( 45 ) left", "The club's coach (45) left"),
        ('" I am here , " he said .', '"I am here," he said.'),
        ('He said : " No . "', 'He said: "No."'),
        ("FIFA 's players ' committee", "FIFA's players' committee"),
        ("' Hello , ' he said", "'Hello,' he said"),
        ("It ' s called HA 5 .", "It's called HA 5."),
        ("$ 3 and 5 % of £ 7", "$3 and 5% of £7"),
        ("5 € a month , 9.99 $ each , $ .50", "5 € a month, 9.99 $ each, $.50"),
        ("What ???? No !!!!!", "What???? No!!!!!"),
        ("Berlin - Paris", "Berlin - Paris"),
        ("and / or 1996 / 97", "and/or 1996 / 97"),
        ("in the U.S. .", "in the U.S. ."),
        ("`` Yes ''", "``Yes''"),
        ('"', '"'),
    ],
)
def test_english(tokens, text):
    assert join(tokens) == text


def test_quotes_across_sentences():
    text = join('" One .', 'Two . " He left .', '" Three , " he said .')
    assert text == '"One. Two." He left. "Three," he said.'


def test_space_between_sentences():
    assert join("A", ". b") == "A . b"


@pytest.mark.parametrize(
    "tokens, lang, text",
    [
        ("¿ Qué ? ¡ No !", "es", "¿Qué? ¡No!"),
        ("l' homme d' affaires", "fr", "l'homme d'affaires"),
        ("« bon » ! Qui ? Non ; oui , « ça » .", "fr", "« bon » ! Qui ? Non ; oui, « ça »."),
        ("dit -il , n'a -t-il 10 % ?", "fr", "dit-il, n'a-t-il 10 % ?"),
        ("l ' homme aujourd' hui qu' il", "fr", "l'homme aujourd'hui qu'il"),
        ("un po' di citta' e' dell' ONU", "it", "un po' di citta' e' dell'ONU"),
        ("‚ Ja ‘ , 10 %", "de", "‚Ja‘, 10 %"),
        ("anar -hi", "ca", "anar-hi"),
        ("« bueno »", "es", "«bueno»"),
        ("„ So “ , » so « und « so »", "de", "„So“, »so« und «so»"),
        ("“ Yes ” „ ja ”", "nl", "“Yes” „ja”"),
        ("” Ja ” » nej »", "sv", "”Ja” »nej»"),
        ("”", "en", "”"),
        ("中 国 有 iPhone 15 。", "zh", "中国有iPhone 15。"),
        ("'s avonds", "nl", "'s avonds"),
    ],
)
def test_other_languages(tokens, lang, text):
    assert join(tokens, lang=lang) == text
