//! Any world comes back from a file as it went in, and goes out the second time as it did the first time.

mod support;

use moor_dump::{Format, WriteError};
use moor_world::WorldImage;
use proptest::prelude::*;
use support::generated::{self, Choices};
use support::{import, normal, try_read};

fn written(world: &WorldImage, format: Option<Format>) -> Result<(Vec<u8>, Format), WriteError> {
    let (bytes, written) = support::written(world, &[], &[], format)?;
    Ok((bytes, written.format))
}

fn read_again(bytes: &[u8]) -> WorldImage {
    let dump = try_read("generated", bytes).unwrap_or_else(|error| panic!("{error}"));
    assert!(dump.repairs.is_empty(), "{:?}", dump.repairs);
    import(dump).world
}

fn goes_round(world: &WorldImage, format: Option<Format>) -> Format {
    let checked = world.check();
    assert!(checked.is_ok(), "a world was generated: {checked:?}");
    let (bytes, chosen) = written(world, format).unwrap_or_else(|error| panic!("{error}"));
    let second = read_again(&bytes);
    assert_eq!(normal(world), normal(&second));
    let (again, _) = written(&second, format).unwrap_or_else(|error| panic!("{error}"));
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    assert_eq!(text(bytes), text(again));
    chosen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn worlds_of_today(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let world = generated::world(&mut Choices::new(&bytes), false);
        goes_round(&world, Some(Format::ToastStunt));
        // What is chosen by itself loses nothing but when and whence objects moved.
        let mut unmoved = world.clone();
        for object in &mut unmoved.objects {
            object.last_move = moor_value::Value::None;
        }
        let format = goes_round(&unmoved, None);
        match written(&unmoved, Some(Format::LambdaMoo)) {
            Ok(_) => prop_assert_eq!(format, Format::LambdaMoo),
            Err(WriteError::Unfit { .. }) => prop_assert_eq!(format, Format::ToastStunt),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn worlds_of_lambdamoo(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let world = generated::world(&mut Choices::new(&bytes), true);
        prop_assert_eq!(goes_round(&world, None), Format::LambdaMoo);
        goes_round(&world, Some(Format::ToastStunt));
    }
}
