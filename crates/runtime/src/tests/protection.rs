//! `$server_options.protect_...` for built-in properties.

use moor_value::ErrorCode;

use super::fixture::{Server, Who};

#[test]
fn protected_properties_are_for_wizards() {
    let server = Server::new();
    assert_eq!(
        server.run(Who::Programmer, "return #1.name;").shown(),
        "\"Root\""
    );
    server.run(
        Who::Wizard,
        "add_property(#5, \"protect_name\", 1, {player, \"r\"});",
    );
    assert_eq!(
        server.run(Who::Programmer, "return #1.name;").code(),
        None,
        "not loaded yet"
    );
    server.runtime.load_options();
    assert_eq!(
        server.run(Who::Programmer, "return #1.name;").code(),
        Some(ErrorCode::Perm)
    );
    assert_eq!(
        server.run(Who::Programmer, "#3.name = \"x\";").code(),
        Some(ErrorCode::Perm)
    );
    assert_eq!(
        server.run(Who::Wizard, "return #1.name;").shown(),
        "\"Root\""
    );
    assert_eq!(
        server.run(Who::Programmer, "return #1.owner;").shown(),
        "#2"
    );
}
