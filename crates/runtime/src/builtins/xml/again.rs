//! Documents that are read and written again, for tests and fuzz targets.
//! In: text. Out: the text that the writer makes of the tree that the reader has made of it.

use super::super::{Call, Raise, Still};
use super::{Element, Node, Writer, parse};
use crate::builtins::Limits;

/// What a text says as XML, in the writer's own words; `None` where it is refused, or has names that the writer refuses. After so
/// many polls its time is up.
pub(crate) fn rewritten_xml(text: &str, polls: u32) -> Option<String> {
    let limits = Limits::default();
    let mut still = Still::new(polls, false);
    let mut call = Call::new(&limits, &mut still);
    let root = parse(&mut call, text).ok()?;
    let mut writer = Writer::default();
    write(&mut call, &mut writer, &root).ok()?;
    let written = writer.finish(&call).ok()?;
    Some(written.to_text())
}

fn write(call: &mut Call<'_>, writer: &mut Writer, element: &Element) -> Result<(), Raise> {
    writer.start(call, element.name.as_str())?;
    for (name, value) in &element.attributes {
        writer.attribute(call, name.as_str(), value.as_str())?;
    }
    for node in &element.contents {
        match node {
            Node::Element(inner) => write(call, writer, inner)?,
            Node::Text(text) => writer.text(call, text.as_str())?,
        }
    }
    writer.end(element.name.as_str());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More polls than any text here takes.
    const POLLS: u32 = 1_000;

    #[test]
    fn what_was_written_says_the_same() {
        for (text, expected) in [
            (
                "<a b = 'c&#13;&#10;&quot;d'/>",
                "<a b=\"c&#13;&#10;&quot;d\"/>",
            ),
            ("<a>x&#13;y\r\nz</a>", "<a>x&#13;y\nz</a>"),
            ("<a>&#13;</a>", "<a>&#13;</a>"),
            (
                "<a> <!-- - --><b/>]]&gt;<![CDATA[<&]]></a>",
                "<a> <b/>]]&gt;&lt;&amp;</a>",
            ),
        ] {
            let written = rewritten_xml(text, POLLS);
            assert_eq!(written.as_deref(), Some(expected), "{text}");
            assert_eq!(rewritten_xml(expected, POLLS), written, "{text}");
        }
        assert_eq!(rewritten_xml("<a>&b;</a>", POLLS), None);
    }
}
