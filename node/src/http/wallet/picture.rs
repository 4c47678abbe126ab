//! A QR code in a picture that somebody uploads, and a text as a QR code.

use crate::http::form::FORM_MAX;
use image::{ImageFormat, ImageReader, Limits};
use maud::{Markup, html};
use qrcode::{Color, QrCode};
use std::collections::BTreeSet;
use std::io::Cursor;
use tokio::sync::Semaphore;

/// Largest picture, in bytes: a photograph of a telephone, made a little smaller.
pub(super) const PICTURE_MAX: usize = 4 << 20;
/// Largest form with a picture in it, in bytes.
pub(super) const UPLOAD_MAX: usize = PICTURE_MAX + FORM_MAX;
/// Most pixels of a picture. One is decoded to 64 MiB at most.
const PIXELS_MAX: u64 = 16 << 20;
/// Longest side of a picture, in pixels.
const SIDE_MAX: u32 = 16_384;
/// Most memory for decoding one, in bytes: four bytes a pixel, and as much again while they are turned.
const DECODING_MAX: u64 = 8 * PIXELS_MAX;
/// Light space around a code, in modules (ISO/IEC 18004 §9.1).
const QUIET: usize = 4;

/// One picture is decoded at a time: what several uploads take together stays what one takes.
static ONE_AT_A_TIME: Semaphore = Semaphore::const_new(1);

/// Why nothing was read in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// Neither PNG nor JPEG, or a damaged one.
    NoPicture,
    /// Too many pixels.
    TooLarge,
    /// No code that can be read.
    NoCode,
    /// More than one.
    Several,
}

impl Unread {
    /// Key of the sentence that says so.
    pub(super) fn key(self) -> &'static str {
        match self {
            Unread::NoPicture => "wallet-picture-none",
            Unread::TooLarge => "wallet-picture-too-large",
            Unread::NoCode => "wallet-picture-no-code",
            Unread::Several => "wallet-picture-several",
        }
    }
}

/// The text of the one QR code in a PNG or JPEG.
pub(super) async fn read(bytes: Vec<u8>) -> Result<String, Unread> {
    let Ok(alone) = ONE_AT_A_TIME.acquire().await else {
        return Err(Unread::NoCode);
    };
    // Decoding is work for the processor. Should a library stop in the middle of it, there is no code in the picture.
    let found = tokio::task::spawn_blocking(move || code_in(&bytes)).await;
    drop(alone);
    found.unwrap_or(Err(Unread::NoCode))
}

fn code_in(bytes: &[u8]) -> Result<String, Unread> {
    let format = image::guess_format(bytes).map_err(|_| Unread::NoPicture)?;
    if !matches!(format, ImageFormat::Png | ImageFormat::Jpeg) {
        return Err(Unread::NoPicture);
    }
    let reader = || ImageReader::with_format(Cursor::new(bytes), format);
    let (width, height) = reader().into_dimensions().map_err(|_| Unread::NoPicture)?;
    if width > SIDE_MAX || height > SIDE_MAX || u64::from(width).saturating_mul(u64::from(height)) > PIXELS_MAX {
        return Err(Unread::TooLarge);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(DECODING_MAX);
    let mut reader = reader();
    reader.limits(limits);
    let grey = reader.decode().map_err(|_| Unread::NoPicture)?.into_luma8();
    let side = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let pixel = |x: usize, y: usize| {
        let place = u32::try_from(x).ok().zip(u32::try_from(y).ok());
        let found = place.and_then(|(x, y)| grey.get_pixel_checked(x, y));
        found.map_or(u8::MAX, |pixel| pixel.0[0])
    };
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(side(width), side(height), pixel);
    let texts: BTreeSet<String> = prepared
        .detect_grids()
        .iter()
        .filter_map(|grid| grid.decode().ok())
        .map(|(_, text)| text)
        .collect();
    let mut texts = texts.into_iter();
    match (texts.next(), texts.next()) {
        (Some(text), None) => Ok(text),
        (None, _) => Err(Unread::NoCode),
        (Some(_), Some(_)) => Err(Unread::Several),
    }
}

/// A text as a QR code; nothing where it is too long for one.
pub(super) fn code_of(content: &str, label: &str) -> Markup {
    let code = QrCode::new(content.as_bytes()).ok();
    html! {
        @if let Some(code) = code {
            (drawn(&code, label))
        }
    }
}

fn drawn(code: &QrCode, label: &str) -> Markup {
    let width = code.width();
    let side = width.saturating_add(2 * QUIET);
    let mut path = String::new();
    for (number, module) in code.to_colors().into_iter().enumerate() {
        let (Some(x), Some(y)) = (number.checked_rem(width), number.checked_div(width)) else {
            continue;
        };
        if module == Color::Dark {
            path.push_str(&format!(
                "M{} {}h1v1h-1z",
                x.saturating_add(QUIET),
                y.saturating_add(QUIET)
            ));
        }
    }
    html! {
        svg.qr role="img" aria-label=(label) viewBox=(format!("0 0 {side} {side}")) xmlns="http://www.w3.org/2000/svg" {
            path fill="#000" d=(path) {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, Luma};

    /// A picture with codes of these texts beside each other.
    fn picture(texts: &[&str]) -> GrayImage {
        let codes: Vec<QrCode> = texts.iter().map(|text| QrCode::new(text).expect("fits")).collect();
        let scale = 6;
        let side = |code: &QrCode| (code.width() + 8) * scale;
        let (width, height) = (
            codes.iter().map(side).sum::<usize>(),
            codes.iter().map(side).max().unwrap_or(200),
        );
        let mut image = GrayImage::from_pixel(width.max(200) as u32, height as u32, Luma([255]));
        let mut left = 0;
        for code in &codes {
            for (number, module) in code.to_colors().into_iter().enumerate() {
                let (x, y) = (
                    (number % code.width() + 4) * scale + left,
                    (number / code.width() + 4) * scale,
                );
                for place in 0..scale * scale {
                    let (x, y) = (x + place % scale, y + place / scale);
                    if module == Color::Dark {
                        image.put_pixel(x as u32, y as u32, Luma([0]));
                    }
                }
            }
            left += side(code);
        }
        image
    }

    fn written(image: &GrayImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).expect("writes");
        bytes.into_inner()
    }

    #[test]
    fn the_one_code_of_a_picture_is_read_from_png_and_jpeg() {
        let image = picture(&["bevis:offer/abc.def"]);
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            assert_eq!(
                code_in(&written(&image, format)),
                Ok("bevis:offer/abc.def".to_owned()),
                "{format:?}"
            );
        }
    }

    #[test]
    fn no_picture_no_code_and_two_codes_are_told_apart() {
        assert_eq!(code_in(b""), Err(Unread::NoPicture));
        assert_eq!(code_in(b"bevis:offer/abc.def"), Err(Unread::NoPicture));
        let mut gif = b"GIF89a".to_vec();
        gif.resize(200, 0);
        assert_eq!(code_in(&gif), Err(Unread::NoPicture));
        let whole = written(&picture(&["bevis:offer/abc.def"]), ImageFormat::Png);
        assert_eq!(code_in(&whole[..whole.len() / 2]), Err(Unread::NoPicture));
        let empty = GrayImage::from_pixel(200, 200, Luma([255]));
        assert_eq!(code_in(&written(&empty, ImageFormat::Png)), Err(Unread::NoCode));
        let two = picture(&["bevis:offer/abc.def", "bevis:offer/ghi.jkl"]);
        assert_eq!(code_in(&written(&two, ImageFormat::Png)), Err(Unread::Several));
        let twice = picture(&["bevis:offer/abc.def", "bevis:offer/abc.def"]);
        assert_eq!(
            code_in(&written(&twice, ImageFormat::Png)),
            Ok("bevis:offer/abc.def".to_owned())
        );
    }

    #[test]
    fn a_picture_of_too_many_pixels_is_refused_before_it_is_decoded() {
        // The head of a PNG alone: what stands in it is believed no further than to refuse.
        let mut head = written(&GrayImage::from_pixel(1, 1, Luma([0])), ImageFormat::Png);
        head[16..20].copy_from_slice(&16_000_u32.to_be_bytes());
        head[20..24].copy_from_slice(&16_000_u32.to_be_bytes());
        let sum = crc(&head[12..29]);
        head[29..33].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(code_in(&head), Err(Unread::TooLarge));
    }

    /// The check of a PNG's chunk (ISO/IEC 15948, Annex D).
    fn crc(bytes: &[u8]) -> u32 {
        let turned = |sum: u32| (0..8).fold(sum, |sum, _| (sum >> 1) ^ if sum & 1 == 1 { 0xedb8_8320 } else { 0 });
        !bytes.iter().fold(u32::MAX, |sum, byte| {
            turned((sum ^ u32::from(*byte)) & 0xff) ^ (sum >> 8)
        })
    }

    #[test]
    fn a_text_becomes_a_code_that_is_read_again_and_one_that_is_too_long_becomes_none() {
        let drawn = code_of("bevis:offer/abc.def", "A code").into_string();
        assert!(
            drawn.contains("aria-label=\"A code\"") && drawn.contains("M4 4h1v1h-1z"),
            "{drawn}"
        );
        assert_eq!(code_of(&"x".repeat(3_000), "A code").into_string(), "");
    }
}
