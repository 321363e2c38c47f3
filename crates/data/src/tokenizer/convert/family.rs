//! Which conversion a folder needs, and what its class takes for granted.

use serde_json::Value as Json;

use crate::tokenizer_config::Beside;

/// The tokenizers that are converted, by their classes in transformers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Bert,
    MpNet,
    Roberta,
    XlmRoberta,
    Camembert,
    Albert,
    DebertaV2,
}

/// Each family with its class, the classes and model types that are converted as it is, and the file of
/// its vocabulary.
struct Row {
    family: Family,
    classes: &'static [&'static str],
    model_types: &'static [&'static str],
    file: &'static str,
}

const FAMILIES: [Row; 7] = [
    Row {
        family: Family::Bert,
        classes: &[
            "BertTokenizer",
            "DistilBertTokenizer",
            "ElectraTokenizer",
            "MobileBertTokenizer",
        ],
        model_types: &["bert", "distilbert", "electra", "mobilebert"],
        file: "vocab.txt",
    },
    Row {
        family: Family::MpNet,
        classes: &["MPNetTokenizer"],
        model_types: &["mpnet"],
        file: "vocab.txt",
    },
    Row {
        family: Family::Roberta,
        classes: &["RobertaTokenizer"],
        model_types: &["roberta"],
        file: "vocab.json",
    },
    Row {
        family: Family::XlmRoberta,
        classes: &["XLMRobertaTokenizer"],
        model_types: &["xlm-roberta"],
        file: "sentencepiece.bpe.model",
    },
    Row {
        family: Family::Camembert,
        classes: &["CamembertTokenizer"],
        model_types: &["camembert"],
        file: "sentencepiece.bpe.model",
    },
    Row {
        family: Family::Albert,
        classes: &["AlbertTokenizer"],
        model_types: &["albert"],
        file: "spiece.model",
    },
    Row {
        family: Family::DebertaV2,
        classes: &["DebertaV2Tokenizer"],
        model_types: &["deberta-v2"],
        file: "spm.model",
    },
];

impl Family {
    /// By the class that a file names, else by the model's type.
    pub(super) fn of(beside: &Beside) -> Result<Self, String> {
        let named =
            |file: &Json, key: &str| file.get(key).and_then(Json::as_str).map(str::to_owned);
        let class = named(&beside.tokenizer_config, "tokenizer_class")
            .or_else(|| named(&beside.model_config, "tokenizer_class"));
        let model_type = named(&beside.model_config, "model_type");
        let by_class = class.as_deref().and_then(|class| {
            let class = class.trim_end_matches("Fast");
            FAMILIES.iter().find(|row| row.classes.contains(&class))
        });
        let by_type = model_type.as_deref().and_then(|model_type| {
            let known = |row: &&Row| row.model_types.contains(&model_type);
            FAMILIES.iter().find(known)
        });
        if let Some(row) = by_class.or(by_type) {
            return Ok(row.family);
        }
        let classes: Vec<&str> = FAMILIES.iter().map(|row| row.classes[0]).collect();
        Err(match (class, model_type) {
            (Some(class), _) => format!(
                "its class is {class}, and those that are known are {}",
                classes.join(", ")
            ),
            (None, Some(model_type)) => {
                let types = FAMILIES.iter().flat_map(|row| row.model_types);
                let types: Vec<&str> = types.copied().collect();
                format!(
                    "config.json has the model_type {model_type}, and those whose tokenizer is known are {}",
                    types.join(", ")
                )
            }
            (None, None) => {
                "neither tokenizer_config.json (tokenizer_class) nor config.json (model_type) \
                             beside it says which kind of tokenizer it is"
                    .to_owned()
            }
        })
    }

    fn row(self) -> &'static Row {
        // Every family has a row.
        FAMILIES
            .iter()
            .find(|row| row.family == self)
            .unwrap_or(&FAMILIES[0])
    }

    /// The file of its vocabulary.
    pub(super) fn file(self) -> &'static str {
        self.row().file
    }

    /// Its class.
    pub(super) fn class(self) -> &'static str {
        self.row().classes[0]
    }

    /// The special tokens that its class has where no file names others, in the order in which those that
    /// the vocabulary lacks get ids.
    pub(super) fn special(self) -> &'static [(&'static str, &'static str)] {
        const BRACKETS: [(&str, &str); 7] = [
            ("bos_token", "[CLS]"),
            ("eos_token", "[SEP]"),
            ("unk_token", "[UNK]"),
            ("sep_token", "[SEP]"),
            ("pad_token", "[PAD]"),
            ("cls_token", "[CLS]"),
            ("mask_token", "[MASK]"),
        ];
        const ALBERT: [(&str, &str); 7] = [
            ("bos_token", "[CLS]"),
            ("eos_token", "[SEP]"),
            ("unk_token", "<unk>"),
            ("sep_token", "[SEP]"),
            ("pad_token", "<pad>"),
            ("cls_token", "[CLS]"),
            ("mask_token", "[MASK]"),
        ];
        const ANGLES: [(&str, &str); 7] = [
            ("bos_token", "<s>"),
            ("eos_token", "</s>"),
            ("unk_token", "<unk>"),
            ("sep_token", "</s>"),
            ("pad_token", "<pad>"),
            ("cls_token", "<s>"),
            ("mask_token", "<mask>"),
        ];
        const MPNET: [(&str, &str); 7] = [
            ("bos_token", "<s>"),
            ("eos_token", "</s>"),
            ("unk_token", "[UNK]"),
            ("sep_token", "</s>"),
            ("pad_token", "<pad>"),
            ("cls_token", "<s>"),
            ("mask_token", "<mask>"),
        ];
        match self {
            // Without a beginning and an end of its own.
            Self::Bert => &BRACKETS[2..],
            Self::DebertaV2 => &BRACKETS,
            Self::Albert => &ALBERT,
            Self::MpNet => &MPNET,
            Self::Roberta | Self::XlmRoberta | Self::Camembert => &ANGLES,
        }
    }

    /// The text of a special token: what a file names, else the class's own.
    pub(super) fn token(self, key: &str, beside: &Beside) -> String {
        let usual = self.special().iter().find(|(name, _)| *name == key);
        let usual = usual.map_or("", |(_, token)| token);
        beside.special(key).unwrap_or(usual).to_owned()
    }

    /// Whether the mask takes the space before it where no file says so.
    pub(super) fn mask_strips(self) -> bool {
        matches!(self, Self::MpNet | Self::Camembert)
    }
}
