//! A text with what the model found in it marked.

use egui::text::LayoutJob;
use egui::{Color32, FontId, TextFormat, Ui};
use tunesmith_protocol::Entity;

use crate::format::percent;
use crate::theme::Palette;

/// The text's size, in points.
const SIZE: f32 = 16.0;
/// How much of its colour lies behind an entity.
const WASH: f32 = 0.22;

/// Draws the text; each entity is followed by its type and its probability.
pub(crate) fn show(ui: &mut Ui, text: &str, entities: &[Entity]) {
    let palette = Palette::of(ui);
    let mut types: Vec<&str> = Vec::new();
    let mut job = LayoutJob::default();
    let format = |color, background| TextFormat {
        background,
        ..TextFormat::simple(FontId::proportional(SIZE), color)
    };
    for (piece, entity) in pieces(text, entities) {
        let Some(entity) = entity else {
            job.append(&piece, 0.0, format(palette.ink, Color32::TRANSPARENT));
            continue;
        };
        let group = entity.entity_group.as_str();
        let known = types.iter().position(|one| *one == group);
        let place = known.unwrap_or_else(|| {
            types.push(group);
            types.len() - 1
        });
        let color = palette.series[place % palette.series.len()];
        let wash = palette.card.lerp_to_gamma(color, WASH);
        job.append(&piece, 0.0, format(palette.ink, wash));
        // On the same line as the end of its entity.
        let about = format!("  {group} {}", percent(entity.score, 1)).replace(' ', "\u{a0}");
        job.append(&about, 0.0, format(palette.ink_soft, wash));
    }
    ui.label(job);
}

/// The text in pieces, each with the entity that it is, if it is one. An entity's place is counted in
/// characters.
fn pieces<'a>(text: &str, entities: &'a [Entity]) -> Vec<(String, Option<&'a Entity>)> {
    let characters: Vec<char> = text.chars().collect();
    let mut pieces = Vec::new();
    let mut at = 0;
    for entity in entities {
        let end = entity.end.min(characters.len());
        if entity.start < at || entity.start >= end {
            continue;
        }
        if at < entity.start {
            pieces.push((characters[at..entity.start].iter().collect(), None));
        }
        pieces.push((characters[entity.start..end].iter().collect(), Some(entity)));
        at = end;
    }
    if at < characters.len() {
        pieces.push((characters[at..].iter().collect(), None));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(start: usize, end: usize) -> Entity {
        Entity {
            entity_group: "PER".to_owned(),
            score: 0.9,
            word: String::new(),
            start,
            end,
        }
    }

    fn cut(text: &str, entities: &[Entity]) -> Vec<(String, bool)> {
        let pieces = pieces(text, entities);
        let marked = |(piece, entity): (String, Option<&Entity>)| (piece, entity.is_some());
        pieces.into_iter().map(marked).collect()
    }

    #[test]
    fn a_place_is_counted_in_characters() {
        let piece = |text: &str, marked| (text.to_owned(), marked);
        // The hat is one character, and two units of UTF-16 and four bytes.
        assert_eq!(
            cut("\u{1f3a9} Ada met Zoë.", &[entity(2, 5), entity(10, 13)]),
            [
                piece("\u{1f3a9} ", false),
                piece("Ada", true),
                piece(" met ", false),
                piece("Zoë", true),
                piece(".", false),
            ]
        );
        assert_eq!(cut("Ada", &[entity(0, 3)]), [piece("Ada", true)]);
        assert_eq!(cut("", &[]), []);
    }

    #[test]
    fn the_text_stays_whole_whatever_the_places_are() {
        for entities in [
            [entity(0, 2), entity(1, 3)],
            [entity(2, 9), entity(4, 4)],
            [entity(5, 8), entity(0, 1)],
        ] {
            let pieces = cut("Ada", &entities).into_iter();
            let text: String = pieces.map(|(text, _)| text).collect();
            assert_eq!(text, "Ada");
        }
    }
}
