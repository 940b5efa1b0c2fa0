//! Functions in the values of an object directory.
//! In: a cursor behind the word `function`. Out: the function, or the place where the text is not as docs/formats/objdir.md
//! has it. What source means is not known here.

use moor_value::{Lambda, Origin, Str, Value};

use super::cursor::TextFault;
use super::parse::Parser;

impl Parser<'_, '_> {
    /// What follows `function`: its source, what it captured by name, and where it was made.
    pub(super) fn function(&mut self, depth_left: u32) -> Result<Value, TextFault> {
        let begin = self.text;
        let inner = self.deeper(depth_left)?;
        self.text.must('(', "`(`")?;
        let source = Str::new(&self.text.text("the source of a function")?);
        self.comma()?;
        let mut captured = Vec::new();
        self.elements(('[', ']'), |parser| {
            let name = Str::new(&parser.text.text("the name of a variable")?);
            parser.text.skip_white();
            parser.text.must('-', "`->`")?;
            parser.text.must('>', "`->`")?;
            parser.text.skip_white();
            captured.push((name, parser.value(inner)?));
            Ok(())
        })?;
        self.comma()?;
        let origin = self.origin(inner)?;
        self.text.must(')', "`)`")?;
        let made = Lambda::new(source, captured, origin);
        made.map(Value::Lambda)
            .ok_or_else(|| begin.fault("values nested too deep"))
    }

    /// `this, #programmer, definer, "names of the verb", whether errors are raised, line`.
    fn origin(&mut self, depth_left: u32) -> Result<Origin, TextFault> {
        let this = self.value(depth_left)?;
        self.comma()?;
        let programmer = self.object()?;
        self.comma()?;
        let definer = self.value(depth_left)?;
        self.comma()?;
        let verb_names = Str::new(&self.text.text("the names of a verb")?);
        self.comma()?;
        let before = self.text;
        let debug = match self.text.word() {
            "true" => true,
            "false" => false,
            _ => return Err(before.expected("`true` or `false`")),
        };
        self.comma()?;
        let before = self.text;
        let line = self.text.number_text().parse();
        let line = line.map_err(|_| before.expected("the number of a line"))?;
        Ok(Origin {
            this,
            programmer,
            definer,
            verb_names,
            debug,
            line,
        })
    }
}
