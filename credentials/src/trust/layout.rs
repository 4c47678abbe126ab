//! Where the parts of a list stand in its text, so that the next version is read by what is other in it.
//!
//! Only a text that is its own canonical form has a layout: its parts are then what a signature over them covers, byte for byte.

use std::ops::Range;

const START: &str = r#"{"LoTE":{"ListAndSchemeInformation":"#;
const ENTITIES: &str = r#","TrustedEntitiesList":["#;
const PROOF: &str = r#"]},"proof":"#;
/// How many entities of the version before are looked for at each place: so many may have left between two that stay.
const AHEAD: usize = 4;

/// The parts of one text.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// The value of `ListAndSchemeInformation`.
    pub(super) scheme: Range<usize>,
    /// Each of `TrustedEntitiesList`.
    pub(super) entities: Vec<Range<usize>>,
    /// For each entity, the place of the same bytes in the version before, where they were found.
    pub(super) kept: Vec<Option<usize>>,
    /// The value of `proof`.
    pub(super) proof: Range<usize>,
}

impl Layout {
    /// Finds the parts; `before` is the version before, whose entities are recognised without being looked into. `None` for a
    /// text of another shape. That the parts are well-formed is not seen here.
    pub(super) fn of(text: &str, before: Option<(&str, &Layout)>) -> Option<Layout> {
        let bytes = text.as_bytes();
        let scheme = object(bytes, text.starts_with(START).then_some(START.len())?)?;
        let mut at = scheme.end;
        at = after(bytes, at, ENTITIES)?;
        let (mut entities, mut kept, mut next) = (Vec::new(), Vec::new(), 0_usize);
        while bytes.get(at) != Some(&b']') {
            if !entities.is_empty() {
                at = after(bytes, at, ",")?;
            }
            let same = before.and_then(|(old, layout)| {
                (next..next.saturating_add(AHEAD)).find_map(|place| {
                    let entity = old.as_bytes().get(layout.entities.get(place)?.clone())?;
                    // An object is whole where it ends: whatever follows cannot belong to it.
                    bytes.get(at..)?.starts_with(entity).then_some((place, entity.len()))
                })
            });
            let entity = match same {
                Some((place, length)) => {
                    next = place.saturating_add(1);
                    at..at.checked_add(length)?
                }
                None => object(bytes, at)?,
            };
            at = entity.end;
            entities.push(entity);
            kept.push(same.map(|(place, _)| place));
        }
        let start = after(bytes, at, PROOF)?;
        let end = text.len().checked_sub(1).filter(|end| *end > start)?;
        (bytes.get(end) == Some(&b'}')).then_some(Layout {
            scheme,
            entities,
            kept,
            proof: start..end,
        })
    }

    /// A list of the same scheme and proof with none but the entities that the version before has not.
    pub(super) fn news(&self, text: &str) -> Option<String> {
        let new = self.entities.iter().zip(&self.kept).filter(|(_, kept)| kept.is_none());
        let new: Option<Vec<&str>> = new.map(|(entity, _)| text.get(entity.clone())).collect();
        let (scheme, proof) = (text.get(self.scheme.clone())?, text.get(self.proof.clone())?);
        Some([START, scheme, ENTITIES, &new?.join(","), PROOF, proof, "}"].concat())
    }

    /// The text without its proof: the first bytes of the text, and a closing brace.
    pub(super) fn unsigned<'t>(&self, text: &'t str) -> Option<&'t str> {
        // `]}` of the entities stands before `,"proof":`.
        text.get(..self.proof.start.checked_sub(PROOF.len())?.checked_add(2)?)
    }
}

/// The place after `expected`, if that stands at `at`.
fn after(bytes: &[u8], at: usize, expected: &str) -> Option<usize> {
    bytes.get(at..)?.starts_with(expected.as_bytes()).then_some(())?;
    at.checked_add(expected.len())
}

/// Where an object begins and ends.
fn object(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
    for (offset, byte) in bytes.get(start..)?.iter().enumerate() {
        match (is_text, byte) {
            (true, _) if is_escaped => is_escaped = false,
            (true, b'\\') => is_escaped = true,
            (true, b'"') => is_text = false,
            (true, _) => {}
            (false, b'"') => is_text = true,
            (false, b'{' | b'[') => depth = depth.saturating_add(1),
            (false, b'}' | b']') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(start..start.checked_add(offset)?.checked_add(1)?);
                }
            }
            (false, _) if depth == 0 => return None,
            (false, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(scheme: &str, entities: &[&str]) -> String {
        [
            START,
            scheme,
            ENTITIES,
            &entities.join(","),
            PROOF,
            r#"[{"a":"}"}]"#,
            "}",
        ]
        .concat()
    }

    #[test]
    fn parts_are_found_also_where_texts_hold_brackets_and_quotation_marks() {
        let one = r#"{"n":"}]\"{"}"#;
        let two = r#"{"n":[{"m":"\\"}]}"#;
        let text = text(r#"{"s":1}"#, &[one, two]);
        let layout = Layout::of(&text, None).expect("a layout");
        let parts: Vec<&str> = layout.entities.iter().map(|part| &text[part.clone()]).collect();
        assert_eq!(parts, [one, two]);
        assert_eq!(&text[layout.scheme.clone()], r#"{"s":1}"#);
        assert_eq!(&text[layout.proof.clone()], r#"[{"a":"}"}]"#);
        assert_eq!(
            layout.unsigned(&text),
            Some(&text[..text.find(r#","proof""#).expect("a proof")])
        );
        assert_eq!(layout.news(&text).as_ref(), Some(&text));
    }

    #[test]
    fn an_entity_that_stays_is_known_by_its_bytes_whoever_came_changed_or_left_beside_it() {
        let entity = |name: &str| format!(r#"{{"n":"{name}"}}"#);
        let all: Vec<String> = ["a", "b", "c", "d", "e"].map(entity).to_vec();
        let list = |names: &[&String]| text("{}", &names.iter().map(|name| name.as_str()).collect::<Vec<_>>());
        let old = list(&all.iter().collect::<Vec<_>>());
        let before = Layout::of(&old, None).expect("a layout");
        let other = entity("x");
        for (now, kept) in [
            (vec![&all[0], &other, &all[2]], vec![Some(0), None, Some(2)]),
            (vec![&other, &all[0], &all[1]], vec![None, Some(0), Some(1)]),
            (vec![&all[0], &all[4]], vec![Some(0), Some(4)]),
            (vec![&all[1], &all[0]], vec![Some(1), None]),
            (vec![], vec![]),
        ] {
            let text = list(&now);
            let layout = Layout::of(&text, Some((&old, &before))).expect("a layout");
            assert_eq!(layout.kept, kept);
            let parts: Vec<&str> = layout.entities.iter().map(|part| &text[part.clone()]).collect();
            assert_eq!(parts, now);
        }
    }

    #[test]
    fn a_text_of_another_shape_has_no_layout() {
        let good = text("{}", &["{}"]);
        assert!(Layout::of(&good, None).is_some());
        for bad in [
            good.replace(",\"Trusted", ", \"Trusted"),
            good.replace("[{}]", "[{},]"),
            good.replace("[{}]", "[1]"),
            good.replace("[{}]", "[{}"),
            good.replace(r#","proof":[{"a":"}"}]"#, ""),
            String::new(),
            START.to_owned(),
        ] {
            assert!(Layout::of(&bad, None).is_none(), "{bad}");
        }
    }
}
