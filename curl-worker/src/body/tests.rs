//! Bodies whole, in pieces, damaged, and far larger than they look.

use std::io::Read;

use flate2::Compression;
use flate2::read::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::*;

fn read(mut from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).expect("compressed");
    bytes
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    read(GzEncoder::new(plain, Compression::best()))
}

/// `hello, hello, hello\n`, as another implementation writes it.
const BROTLI_HELLO: &[u8] = b"\x8b\x09\x80hello, hello, hello\n\x03";

/// Every form of the same text.
fn forms(plain: &[u8]) -> Vec<(Option<Encoding>, Vec<u8>)> {
    let twice = [
        gzip(&plain[..plain.len() / 2]),
        gzip(&plain[plain.len() / 2..]),
    ]
    .concat();
    vec![
        (None, plain.to_vec()),
        (Some(Encoding::Gzip), gzip(plain)),
        (Some(Encoding::Gzip), twice),
        (
            Some(Encoding::Deflate),
            read(ZlibEncoder::new(plain, Compression::best())),
        ),
        (
            Some(Encoding::Deflate),
            read(DeflateEncoder::new(plain, Compression::best())),
        ),
    ]
}

fn decode(
    encoding: Option<Encoding>,
    bytes: &[u8],
    piece: usize,
    bytes_max: usize,
) -> Result<Vec<u8>, Fault> {
    let mut body = Body::new(encoding, bytes_max);
    for piece in bytes.chunks(piece) {
        body.take(piece)?;
    }
    body.finish()
}

#[test]
fn a_body_is_the_same_in_every_encoding_and_in_pieces() {
    let plain = b"one two three ".repeat(100);
    for (encoding, bytes) in forms(&plain) {
        for piece in [1, 7, bytes.len()] {
            let decoded = decode(encoding, &bytes, piece, plain.len()).expect("it fits");
            assert_eq!(decoded, plain, "{encoding:?} in pieces of {piece}");
        }
        let fault = decode(encoding, &bytes, 7, plain.len() - 1).expect_err("one too many");
        assert!(
            matches!(fault, Fault::BodyTooLarge { .. }),
            "{encoding:?}: {fault}"
        );
    }
}

#[test]
fn brotli_is_undone() {
    let plain = b"hello, hello, hello\n";
    for piece in [1, 5, BROTLI_HELLO.len()] {
        let decoded = decode(Some(Encoding::Brotli), BROTLI_HELLO, piece, plain.len());
        assert_eq!(decoded.expect("it fits"), plain);
    }
    let fault =
        decode(Some(Encoding::Brotli), BROTLI_HELLO, 5, plain.len() - 1).expect_err("one too many");
    assert!(matches!(fault, Fault::BodyTooLarge { .. }), "{fault}");
}

#[test]
fn a_bomb_costs_no_more_than_the_bound() {
    let bomb = read(GzEncoder::new(
        io::repeat(0).take(1 << 28),
        Compression::fast(),
    ));
    let mut body = Body::new(Some(Encoding::Gzip), 1 << 20);
    let fault = bomb
        .chunks(1 << 14)
        .find_map(|piece| body.take(piece).err());
    assert!(matches!(
        fault,
        Some(Fault::BodyTooLarge {
            bytes_max: 1_048_576
        })
    ));
    let Decoder::Gzip(decoder) = &body.decoder else {
        panic!("a gzip decoder")
    };
    assert!(decoder.get_ref().bytes.capacity() <= 2 << 20);
}

/// The header of a "large window", which the standard does not have: a window of 2^30 bytes, then a piece of text
/// that is not compressed, for which the decoder makes room for all of them.
#[test]
fn brotli_beyond_the_standard_is_damaged() {
    const LARGE_WINDOW: &[u8] = b"\x11\x5e\x00\x10hello\x03";
    for piece in [1, LARGE_WINDOW.len()] {
        let mut body = Body::new(Some(Encoding::Brotli), 1 << 20);
        let fault = body.take(&LARGE_WINDOW[..piece]).expect_err("refused");
        assert!(matches!(fault, Fault::Damaged { .. }), "{fault}");
    }
}

#[test]
fn what_is_damaged_or_cut_is_said_to_be() {
    let plain = b"one two three ".repeat(100);
    let compressed = forms(&plain)
        .into_iter()
        .filter(|(encoding, _)| encoding.is_some());
    for (encoding, bytes) in compressed.chain([(Some(Encoding::Brotli), BROTLI_HELLO.to_vec())]) {
        let cut = decode(encoding, &bytes[..bytes.len() - 3], 16, 1 << 20).expect_err("cut");
        assert!(matches!(cut, Fault::Damaged { .. }), "{encoding:?}: {cut}");
        let noise = decode(
            encoding,
            b"\x1f\x8bno such thing at all, not at all",
            16,
            1 << 20,
        )
        .expect_err("noise");
        assert!(
            matches!(noise, Fault::Damaged { .. }),
            "{encoding:?}: {noise}"
        );
    }
}

#[test]
fn nothing_is_nothing_in_every_encoding() {
    for encoding in [
        None,
        Some(Encoding::Gzip),
        Some(Encoding::Deflate),
        Some(Encoding::Brotli),
    ] {
        assert_eq!(Body::new(encoding, 0).finish().expect("nothing"), b"");
    }
}

#[test]
fn names_of_encodings() {
    assert_eq!(Encoding::named(" GZIP"), Some(Encoding::Gzip));
    assert_eq!(Encoding::named("x-gzip"), Some(Encoding::Gzip));
    assert_eq!(Encoding::named("gzip, br"), None);
    assert_eq!(Encoding::named("zstd"), None);
    for name in ACCEPTED.split(", ") {
        assert!(Encoding::named(name).is_some(), "{name}");
    }
}
