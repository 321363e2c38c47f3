"""Sentences and pairs to tokenize, written for this repository: many scripts, and what breaks tokenizers.

Everything is a constant or drawn by a generator that is the same everywhere, so each run gives the same.
"""

SENTENCES = {
    "latin": [
        "The ferry leaves at 6:45, and the last one back is at ten.",
        "Nobody had told Marjorie that the bakery would close early on Tuesdays!",
        "Où est passée la clé du grenier, à côté de la fenêtre brisée ?",
        "Zażółć gęślą jaźń – tak mówił mój dziadek co rano.",
        "Der Bäcker an der Straßenecke verkauft süße Brötchen für 40 Cent.",
        "İstanbul'da ılık bir gün; çocuklar ışıklı bahçede oynuyor.",
        "Người bán hàng nói rằng chợ sẽ mở cửa lại vào thứ bảy.",
        "Þorsteinn keypti bát, en áin var ísilögð.",
        "¿Cuándo llegó la señora Ibáñez al pueblo? ¡Ayer por la mañana!",
    ],
    "cyrillic": [
        "Пекарня на углу закрывается раньше, чем обычно.",
        "Ёжик нёс яблоко через мокрый луг.",
        "Українські ґанки пахнуть м'ятою та їжею.",
        "Ђак је заборавио свеску у школи.",
    ],
    "greek": [
        "Το καράβι φεύγει στις έξι και μισή.",
        "Ο Οδυσσέας ΓΥΡΙΣΕ ΣΤΟ ΣΠΙΤΙ ΤΟΥΣ χθες.",
        "ᾅδης καὶ ὦ ἄνδρες",
    ],
    "arabic": [
        "أغلق الخباز متجره قبل المساء.",
        "هل وصلت الرسالة؟ نعم، وصلت يوم ١٢.",
        "مَدْرَسَةٌ كَبِيرَةٌ فِي القَرْيَةِ",
        "کتاب‌خانه در پایان خیابان است",
    ],
    "hebrew": [
        "הספינה יוצאת בשעה שש וחצי.",
        "שָׁלוֹם לְכָל הַיְּלָדִים בַּגַּן",
        "מה שלום סבתא של דנה?",
    ],
    "devanagari": [
        "नाव साढ़े छह बजे निकलती है।",
        "बच्चों ने बगीचे में आम खाए।",
        "क्षत्रिय और ज्ञानी १२३",
    ],
    "thai": [
        "เรือออกเวลาหกโมงครึ่ง",
        "ร้านขนมปังปิดเร็วในวันอังคาร",
        "น้ำแข็งใสราคา ๒๐ บาท",
    ],
    "han": [
        "渡船六点半离开码头。",
        "麵包店星期二提早關門，沒有人告訴她！",
        "我们在2024年买了三本书。",
        "𠮷野家の看板と𡨸喃",
    ],
    "kana": [
        "フェリーは六時半に出ます。",
        "ひらがなとカタカナ、ﾊﾝｶｸも少し。",
        "がぎぐげご ぱぴぷぺぽ",
    ],
    "hangul": [
        "배는 여섯 시 반에 떠납니다.",
        "빵집은 화요일에 일찍 닫아요!",
        "한국어 자모",
    ],
    "others": [
        "Նավը մեկնում է վեցն անց կես։",
        "გემი გადის შვიდის ნახევარზე.",
        "படகு ஆறரை மணிக்குப் புறப்படும்.",
        "নৌকা সাড়ে ছয়টায় ছাড়ে।",
        "ጀልባው በስድስት ሰዓት ተኩል ይሄዳል።",
        "ཉི་མ་ཤར་བྱུང་།",
        "ទូកចេញនៅម៉ោងប្រាំមួយ",
    ],
}

# Each is a pair that a tokenizer may get wrong; the second text may be empty.
AWKWARD = [
    ("", ""),
    ("only a first", ""),
    ("", "only a second"),
    ("   ", "\t\r\n"),
    (" spaces  around   and\u00a0\u2003\u3000inside ", "line\none\r\nline\rtwo\u2028three\u2029four"),
    ("cafe\u0301 and café", "A\u030angstro\u0308m, Ångström"),
    ("n\u0303\u0323\u0302 stacked", "\u0301 leading mark, q\u0307\u0323"),
    ("\u1112\u1161\u11ab\u1100\u1173\u11af jamo", "한글 precomposed"),
    ("🍰 and 🎈 at 9", "👩🏽\u200d🚀 👨\u200d👩\u200d👧 🇵🇹 1️⃣ ❤\ufe0f ☃"),
    ("bell\x07 null\x00 delete\x7f escape\x1b[1m", "\x80\x9f c1, \u00ad soft hyphen, \ufeff mark"),
    ("zero\u200bwidth\u200cand\u200djoiners", "\u202eright to left\u202c \u2066isolate\u2069 \u2060"),
    ("replacement \ufffd and private \ue123 and \uffff", "\U0001f9ff \U000e0041 \U0010ffff"),
    ("[CLS] [SEP] [PAD] [UNK] [MASK]", "[cls] [ SEP ] [MASK][MASK] x[SEP]y"),
    ("##ly un##able ## #", "#tag @name user@example.org https://example.org/a?b=c&d=%20#e"),
    ("it's don't we'll o'clock", "it’s “don’t” ‘we’ll’ „oh“ «là» ‹x›"),
    ("$12.50, €3,20 and £4; ¥500", "1,234,567.89 -0.5 +7 1e-9 0xFF 3½ 10⁻³ ₂"),
    ("ＦＵＬＬ　ｗｉｄｔｈ １２３！", "ﬁne ﬂight ﬀ ĳ Ǆ ㎏ ℡ № ™ ①Ⅷ"),
    ("İI ıi Kelvin K Ångström Å ſ ß ẞ", "ΣΑΣ ςσς Ǆ ǆ"),
    ("...!!!???;;;:::,,,", "(a) [b] {c} <d> |e| ~f~ `g` ^h^ _i_ =j= \\k\\ /l/"),
    ("-- – — ‒ ― − ‐ ‑", "… ‥ · • ‣ § ¶ † ‡ ° ′ ″"),
    ("a" * 99, "b" * 100 + " " + "c" * 101 + " " + "d" * 300),
    ("pneumonoultramicroscopicsilicovolcanoconiosis", "Donaudampfschifffahrtsgesellschaftskapitän"),
    ("a1b2c3 4ever B2B x86_64", "C++ C# .NET node.js F♯ B♭"),
    ("word" + "\u0300" * 40, "z͑ͫa̴l̷g̸o̵ t̶e̷x̴t̸"),
    ("שלום hello مرحبا 你好 नमस्ते", "mixed中文and한국어andไทยtext"),
    ("①②③ ㈱ ㍿ ㌔", "𝒻𝓊𝓃𝓃𝓎 𝕗𝕠𝕟𝕥𝕤 𝟙𝟚𝟛"),
    ("\u0e33 \u0eb3 sara am ก\u0e33", "க\u0bcdஷ\u0bc1 ක\u0dcaෂ"),
    ("\u180e\u2061\u2062\u2063\u2064", "\u0600\u06dd\u070f\u08e2 prefixed ١٢٣"),
    ("𐍈𐌰 𐎀 𓀀 𝄞", "⠓⠑⠇⠇⠕ ᚠᚢᚦ ᓀᐦᐃᔭᐍᐏᐣ ᏣᎳᎩ"),
    ("The", "of"),
]


def numbers(seed):
    """An endless run of integers below 2**31, the same everywhere (a linear congruential generator)."""
    state = seed
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield state >> 33


def sentences():
    """All sentences, script by script."""
    return [sentence for group in SENTENCES.values() for sentence in group]


def mixtures(count, seed):
    """Pairs of words drawn from all scripts and all awkward texts, of up to 40 words."""
    words = [word for text in sentences() for word in text.split()]
    words += [word for pair in AWKWARD for text in pair for word in text.split(" ") if word]
    draw = numbers(seed)
    separators = [" ", " ", " ", "", "  ", ", ", "-", "\n"]

    def text():
        parts = []
        for _ in range(next(draw) % 40 + 1):
            parts += [words[next(draw) % len(words)], separators[next(draw) % len(separators)]]
        return "".join(parts)

    return [(text(), text()) for _ in range(count)]


def long_pairs():
    """Pairs that are longer than a model takes: the first, the second, both."""
    short = SENTENCES["latin"][0]
    long = " ".join(f"{number} {sentence}" for number, sentence in enumerate(sentences() * 2))
    return [(long, short), (short, long), (long, long[::-1]), (long[:700], long[:1500])]


def pairs():
    """All pairs, in an order that stays."""
    all_sentences = sentences()
    neighbours = list(zip(all_sentences, all_sentences[1:] + all_sentences[:1]))
    return AWKWARD + neighbours + mixtures(60, seed=1) + long_pairs()
