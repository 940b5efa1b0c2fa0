//! Any text as a program: lexer, parser, code generator, unparser.
//!
//! What parses is printed so that it parses to the same tree, in every layout; what compiles encodes and decodes to
//! itself; what does not compile says so in lines of the known form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use moor_bytecode::{Listing, Program};
use moor_compiler::{Layout, canonical, compile, parse, unparse};
use moor_fuzz::{number_of_builtin, options};

fuzz_target!(|data: &[u8]| {
    let source = String::from_utf8_lossy(data);
    let ast = match canonical(&source, &options()) {
        Ok(canonical) => canonical.ast,
        Err(errors) => {
            let lines = errors.lines();
            assert!(lines[0].starts_with("Line "), "{lines:?}");
            return;
        }
    };
    for layout in Layout::ALL {
        let text = unparse(&ast, layout).join("\n");
        let again = parse(&text, &options());
        let again = again.unwrap_or_else(|errors| panic!("{text}\n{errors}"));
        assert_eq!(again, ast, "{text}");
    }
    if let Ok(program) = compile(&ast, &number_of_builtin) {
        let bytes = program.encode();
        let again = Program::decode(&mut bytes.as_slice(), &number_of_builtin);
        let again = again.unwrap_or_else(|error| panic!("{source}\n{error}"));
        assert_eq!(again.encode(), bytes);
        assert!(!Listing(&again).to_string().is_empty());
    }
});
