//! Events and their forms, read from the committed files under `grammar/`.
//!
//! All forms of an event must state the same facts outside their details. So two forms with the
//! same facts always say the same, and two forms with different facts never do.

use std::collections::BTreeSet;

use crate::error::Error;
use crate::syntax::{self, Node};
use crate::value::Kind;

const FRAMES: (&str, &str) = ("frames.txt", include_str!("../grammar/frames.txt"));

const TOPICS: &[(&str, &str)] = &[
    ("business.txt", include_str!("../grammar/business.txt")),
    ("council.txt", include_str!("../grammar/council.txt")),
    ("courts.txt", include_str!("../grammar/courts.txt")),
    ("culture.txt", include_str!("../grammar/culture.txt")),
    ("economy.txt", include_str!("../grammar/economy.txt")),
    ("health.txt", include_str!("../grammar/health.txt")),
    ("police.txt", include_str!("../grammar/police.txt")),
    ("science.txt", include_str!("../grammar/science.txt")),
    ("sports.txt", include_str!("../grammar/sports.txt")),
    ("technology.txt", include_str!("../grammar/technology.txt")),
    ("transport.txt", include_str!("../grammar/transport.txt")),
    ("weather.txt", include_str!("../grammar/weather.txt")),
    ("world.txt", include_str!("../grammar/world.txt")),
];

/// A named fact of an event.
#[derive(Debug, Clone)]
pub struct Slot {
    /// The name that forms use.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

/// One way of putting an event into a sentence.
#[derive(Debug, Clone)]
pub struct Form {
    /// The words.
    pub nodes: Vec<Node>,
    /// Whether "officials said" may be put around it.
    pub framed: bool,
}

/// A kind of event: its facts, and the forms that state them.
#[derive(Debug, Clone)]
pub struct Event {
    /// `topic.event`.
    pub name: String,
    /// The file that it comes from; events of one topic share it.
    pub topic: usize,
    /// Its facts. The last is always the speaker.
    pub slots: Vec<Slot>,
    /// Two slots that can change places and make another true-sounding sentence.
    pub swap: Option<(usize, usize)>,
    /// At least three.
    pub forms: Vec<Form>,
    /// The facts that every form states.
    pub core: BTreeSet<usize>,
}

impl Event {
    /// The slot that holds who said it.
    #[must_use]
    pub fn speaker(&self) -> usize {
        self.slots.len() - 1
    }
}

/// A frame of reported speech: the words before the clause and after it. In both, slot 0 is
/// the speaker.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Before the clause.
    pub before: Vec<Node>,
    /// After the clause.
    pub after: Vec<Node>,
}

/// Everything that can be said.
#[derive(Debug, Clone)]
pub struct Grammar {
    /// All events of all topics.
    pub events: Vec<Event>,
    /// Ways of reporting a clause.
    pub frames: Vec<Frame>,
}

impl Grammar {
    /// Reads the committed grammar.
    ///
    /// # Errors
    /// [`Error::Grammar`] with the file and line at fault.
    pub fn builtin() -> Result<Self, Error> {
        let mut events = Vec::new();
        for (topic, (file, text)) in TOPICS.iter().enumerate() {
            events.extend(read_topic(topic, file, text)?);
        }
        let mut frames = Vec::new();
        let (file, text) = FRAMES;
        for (line, text) in lines(text) {
            frames.push(read_frame(text).map_err(|message| at(file, line, message))?);
        }
        Ok(Self { events, frames })
    }
}

fn at(file: &str, line: usize, message: String) -> Error {
    Error::Grammar {
        file: file.to_owned(),
        line,
        message,
    }
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(i, line)| (i + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn read_frame(text: &str) -> Result<Frame, String> {
    let text = text.strip_prefix("- ").ok_or("a frame starts with `- `")?;
    let (before, after) = text
        .split_once("{clause}")
        .ok_or("a frame holds `{clause}`")?;
    let lookup = |name: &str, _: &str| match name {
        "speaker" => Ok(0),
        _ => Err(format!("a frame knows `speaker`, not `{name}`")),
    };
    Ok(Frame {
        before: syntax::parse(before, &lookup)?,
        after: syntax::parse(after, &lookup)?,
    })
}

fn read_topic(topic: usize, file: &str, text: &str) -> Result<Vec<Event>, Error> {
    let mut prefix = String::new();
    let mut speaker = None;
    let mut events: Vec<(usize, Event)> = Vec::new();
    for (line, text) in lines(text) {
        let fail = |message: String| at(file, line, message);
        if let Some(name) = text.strip_prefix("topic ") {
            prefix = name.to_owned();
        } else if let Some(name) = text.strip_prefix("event ") {
            let event = Event {
                name: format!("{prefix}.{name}"),
                topic,
                slots: Vec::new(),
                swap: None,
                forms: Vec::new(),
                core: BTreeSet::new(),
            };
            events.push((line, event));
        } else if let Some((_, event)) = events.last_mut() {
            read_event_line(event, text).map_err(fail)?;
        } else if let Some(kind) = text.strip_prefix("speaker: ") {
            speaker = Some(Kind::parse(kind).map_err(fail)?);
        } else {
            return Err(fail(format!(
                "`{text}` comes before the first `event NAME`"
            )));
        }
    }
    let Some(kind) = speaker else {
        return Err(at(
            file,
            1,
            "the topic has no `speaker: one of …`".to_owned(),
        ));
    };
    for (line, event) in &mut events {
        check_forms(event).map_err(|message| at(file, *line, message))?;
        event.slots.push(Slot {
            name: "speaker".to_owned(),
            kind: kind.clone(),
        });
    }
    Ok(events.into_iter().map(|(_, event)| event).collect())
}

fn read_event_line(event: &mut Event, text: &str) -> Result<(), String> {
    let position = |event: &Event, name: &str| {
        let found = event.slots.iter().position(|slot| slot.name == name);
        found.ok_or_else(|| format!("`{}` has no slot `{name}`", event.name))
    };
    if let Some(names) = text.strip_prefix("swap: ") {
        let (a, b) = names.split_once(' ').ok_or("`swap:` names two slots")?;
        event.swap = Some((position(event, a)?, position(event, b)?));
        return Ok(());
    }
    let form = text.strip_prefix("- ").map(|form| (form, true));
    if let Some((form, framed)) = form.or(text.strip_prefix("! ").map(|form| (form, false))) {
        let nodes = syntax::parse(form, &|name, attribute| {
            let slot = position(event, name)?;
            let kind = &event.slots[slot].kind;
            let fits = match attribute {
                "?" => *kind == Kind::Either,
                _ => kind.has(attribute),
            };
            if fits {
                Ok(slot)
            } else {
                Err(format!("`{name}` has no `{attribute}`"))
            }
        })?;
        event.forms.push(Form { nodes, framed });
        return Ok(());
    }
    let (name, kind) = text.split_once(": ").ok_or_else(|| {
        format!("`{text}` is neither `slot: kind`, `swap: a b`, `- form` nor `! form`")
    })?;
    event.slots.push(Slot {
        name: name.to_owned(),
        kind: Kind::parse(kind)?,
    });
    Ok(())
}

fn check_forms(event: &mut Event) -> Result<(), String> {
    if event.forms.len() < 3 {
        return Err(format!("`{}` needs three forms or more", event.name));
    }
    let core = syntax::stated(&event.forms[0].nodes);
    for (i, form) in event.forms.iter().enumerate() {
        let stated = syntax::stated(&form.nodes);
        if let Some(slot) = core.symmetric_difference(&stated).next() {
            return Err(format!(
                "`{}`: forms 1 and {} don't both state `{}`; state it in all forms, or put it \
                 in <> in all",
                event.name,
                i + 1,
                event.slots[*slot].name
            ));
        }
    }
    if let Some((a, b)) = event.swap
        && !(core.contains(&a) && core.contains(&b))
    {
        return Err(format!(
            "`{}` swaps a slot that a form may leave out",
            event.name
        ));
    }
    event.core = core;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_committed_grammar_is_sound() {
        let grammar = Grammar::builtin().unwrap();
        assert!(grammar.events.len() >= 50, "{}", grammar.events.len());
        assert!(grammar.events.iter().all(|event| event.core.len() >= 2));
    }

    #[test]
    fn a_form_that_drops_a_fact_is_refused_by_name() {
        let text = "topic t\nspeaker: one of x\nevent e\na: person\nb: city\n\
                    - {a} {b}\n- {b} {a}\n- {a}\n";
        let error = read_topic(0, "t.txt", text).unwrap_err().to_string();
        assert!(
            error.contains("t.txt, line 3") && error.contains("`b`"),
            "{error}"
        );
    }
}
