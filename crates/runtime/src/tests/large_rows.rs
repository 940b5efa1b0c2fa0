//! What waits outlives a restart, however large it is.

use super::fixture::Who;
use super::listening::Listening;

#[test]
fn a_task_with_a_large_variable_goes_on() {
    let mut world = Listening::new();
    // More than four mebibytes, which is where wincode stops of itself.
    let begin = "add_property(#0, \"seen\", 0, {#3, \"rw\"}); \
         fork (0) \
           text = \"0123456789abcdef\"; \
           while (length(text) < 5000000) text = text + text; endwhile \
           #0.seen = 1; suspend(); #0.seen = length(text); \
         endfork \
         while (!#0.seen) suspend(0); endwhile return #0.seen;";
    assert_eq!(world.value(Who::Wizard, begin), "1");
    world.restart();
    let resume = "resume(queued_tasks()[1][1]); \
                  while (#0.seen == 1) suspend(0); endwhile return #0.seen;";
    assert_eq!(world.value(Who::Wizard, resume), "8388608");
}
