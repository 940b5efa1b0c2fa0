//! Golden listings: what programs are compiled to. `MOOR_UPDATE_GOLDEN=1` writes them anew, for review as a diff.

mod world;

use std::path::Path;

use moor_bytecode::Listing;
use world::program;

const PROGRAMS: &[(&str, &str)] = &[
    (
        "loops",
        "n = args[1]; x = 0; for i in [1..n] x = x + i * 3 % 7; endfor while (x > 10 && n) x = x / 2; endwhile return x;",
    ),
    (
        "lists",
        "l = {}; for e, k in (args) l = {@l, e}; l[k][$] = l[^]; endfor this.list[2] = {@l, 1, @l}; return l[2..$];",
    ),
    (
        "calls",
        "{a, ?b = 1, @c} = args; return this:verb(a, @c) + $thing:other(b) + length(c) + abs(a);",
    ),
    (
        "errors",
        "try x = `a[1] ! E_RANGE => 2'; return x; except e (E_TYPE, E_PERM) return e[1]; endtry",
    ),
    (
        "whole_errors",
        "try return 1; except e (E_TYPE) return e; except f (E_ARGS) return f[4]; except g (ANY) return length(g); endtry",
    ),
    (
        "handed_over",
        "l = {}; l = listappend(l, 1); l = listappend(l, l); `l = listappend(l, 2) ! ANY'; fork (1) l = listappend(l, 3); endfork",
    ),
    (
        "finally",
        "for i in [1..3] try if (i) break; endif return i; finally x = i; endtry endfor",
    ),
    (
        "scopes",
        "a = 1; if (a) let x = a; const {y, ?z} = x; fork (1) let w = x; y + w; endfork endif begin let x = {}; x = {@x, x}; let a; end",
    ),
    (
        "comprehensions",
        "x = {x * 2 for x in (x)}; return {{k, v + y} for v, k in (x) } + {y for y in [1..3]};",
    ),
    (
        "values",
        "f = <this, .a = args[1], .b = 'c, {@args}>; return {f.a, E_PERM(\"no\"), E_DIV(f[1]), b\"AA==\", SYM, <#1>};",
    ),
    (
        "functions",
        "n = 1; f = {x, ?y = n} => x + y; fn g(a)\nreturn {b} => g(a + b + n); endfn return {f(2), g(@args), (f)(3)};",
    ),
    ("fork", "fork t (5) this.count = t; endfork return t;"),
];

#[test]
fn listings_are_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for (name, source) in PROGRAMS {
        let listing = Listing(&program(source)).to_string();
        let path = folder.join(format!("{name}.txt"));
        if std::env::var_os("MOOR_UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(&folder).expect("the folder can be made");
            std::fs::write(&path, &listing).expect("the listing can be written");
        }
        let recorded = std::fs::read_to_string(&path).expect("the listing is recorded");
        assert_eq!(listing, recorded, "{name} is compiled to something else");
    }
}
