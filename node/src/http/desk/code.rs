//! A link as a QR code in the page itself: no file of its own, and nothing in it that a style could turn round.

use maud::{Markup, html};
use qrcode::{Color, QrCode};
use std::fmt::Write;

/// Light modules around the code (ISO/IEC 18004 §6.3.8).
const QUIET: usize = 4;

/// The code of a text, black on white in every mode; none for a text that no code holds.
pub(super) fn svg(text: &str, told: &str) -> Option<Markup> {
    let code = QrCode::new(text.as_bytes()).ok()?;
    let width = code.width();
    let side = width.checked_add(QUIET.checked_mul(2)?)?;
    let path = path(&code.to_colors(), width);
    Some(html! {
        svg.qr viewBox=(format!("0 0 {side} {side}")) role="img" aria-label=(told) shape-rendering="crispEdges" {
            rect width=(side) height=(side) fill="#ffffff" {}
            path d=(path) fill="#000000" {}
        }
    })
}

/// One run of dark modules after the other.
fn path(colours: &[Color], width: usize) -> String {
    let mut path = String::new();
    for (y, row) in colours.chunks(width.max(1)).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run.first() == Some(&Color::Dark) {
                let (left, top, length) = (x + QUIET, y + QUIET, run.len());
                // Writing to a String cannot fail.
                let _written = write!(path, "M{left} {top}h{length}v1h-{length}z");
            }
            x += run.len();
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_the_page_is_that_of_the_text_with_a_quiet_zone_around() {
        let text = "bevis:request?synthetic";
        let drawn = svg(text, "QR").expect("drawn").into_string();
        let code = QrCode::new(text.as_bytes()).expect("a code");
        let side = code.width() + 8;
        assert!(drawn.contains(&format!("viewBox=\"0 0 {side} {side}\"")), "{drawn}");
        let path = drawn
            .split(" d=\"")
            .nth(1)
            .expect("a path")
            .split('"')
            .next()
            .expect("its end");
        let mut dark = vec![false; side * side];
        for run in path.split('M').skip(1) {
            let (at, rest) = run.split_once('h').expect("a run");
            let (x, y) = at.split_once(' ').expect("a place");
            let length: usize = rest.split('v').next().expect("a length").parse().expect("a number");
            let (x, y): (usize, usize) = (x.parse().expect("x"), y.parse().expect("y"));
            dark[y * side + x..y * side + x + length].fill(true);
        }
        for y in 0..side {
            for x in 0..side {
                let inner = (4..side - 4).contains(&x) && (4..side - 4).contains(&y);
                let is_dark = inner && code[(x - 4, y - 4)] == Color::Dark;
                assert_eq!(dark[y * side + x], is_dark, "{x} {y}");
            }
        }
    }

    #[test]
    fn a_text_that_no_code_holds_has_none() {
        assert!(svg(&"a".repeat(8_000), "QR").is_none());
    }
}
