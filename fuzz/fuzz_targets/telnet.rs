//! Any bytes of a telnet user: the same items however they are cut, and no more of them than bytes.
//!
//! The first byte says where the others are cut in two.
#![no_main]

use libfuzzer_sys::fuzz_target;
use moor_telnet_host::telnet::{Decoder, Input};

fn decode(chunks: [&[u8]; 2]) -> Vec<Input> {
    let mut decoder = Decoder::default();
    let mut items = Vec::new();
    for mut chunk in chunks {
        while let Some(item) = decoder.next(&mut chunk) {
            items.push(item);
        }
    }
    items
}

fuzz_target!(|data: &[u8]| {
    let Some((cut, bytes)) = data.split_first() else {
        return;
    };
    let whole = decode([bytes, &[]]);
    assert!(whole.len() <= bytes.len());
    assert_eq!(
        decode(bytes.split_at(usize::from(*cut).min(bytes.len())).into()),
        whole
    );
    let mut decoder = Decoder::default();
    decoder.world_sends(bytes);
    decoder.set_client_echo(cut % 2 == 0);
    decoder.set_binary(true);
    let mut rest = bytes;
    while decoder.next(&mut rest).is_some() {}
    assert!(rest.is_empty(), "every byte is taken");
});
