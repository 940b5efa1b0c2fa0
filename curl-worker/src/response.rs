//! What came back, as a value of the world.
//!
//! In: a [`Response`]. Out: a map `["body" -> STR, "headers" -> {{name, value}, ...}, "reason" -> STR,
//! "status" -> INT, "url" -> STR]`.

use moor_rpc::WireValue;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use url::Url;

use crate::binary;

/// A complete response.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status of the last hop.
    pub status: StatusCode,
    /// As the server wrote it, or the standard's where it wrote none (HTTP/2 has none).
    pub reason: String,
    /// Of the last hop. Names in lower case, in the order in which each first came; values of one name together, in
    /// their order.
    pub headers: HeaderMap,
    /// Decompressed.
    pub body: Vec<u8>,
    /// Whether the body was compressed on its way: the headers that describe that form are left out.
    pub decompressed: bool,
    /// Where the last hop was.
    pub url: Url,
}

impl Response {
    /// The value. The body is a binary string if `is_binary`, otherwise text: in the character set that the server
    /// names, UTF-8 where it names none, and U+FFFD for what is not in it.
    #[must_use]
    pub fn into_value(self, is_binary: bool) -> WireValue {
        let body = match is_binary {
            true => binary::encode(&self.body),
            false => text(&self.headers, &self.body),
        };
        let entries = [
            ("body", string(body)),
            ("headers", self.header_list()),
            ("reason", string(self.reason)),
            ("status", WireValue::Int(self.status.as_u16().into())),
            ("url", string(self.url.to_string())),
        ];
        WireValue::Map(
            entries
                .map(|(key, value)| (string(key.to_owned()), value))
                .into(),
        )
    }

    fn header_list(&self) -> WireValue {
        let of_the_wire = [CONTENT_ENCODING, CONTENT_LENGTH];
        let told = self
            .headers
            .iter()
            .filter(|(name, _)| !(self.decompressed && of_the_wire.contains(name)));
        let pair =
            |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                WireValue::List(vec![string(name.to_string()), string(value)])
            };
        WireValue::List(told.map(pair).collect())
    }
}

fn string(text: String) -> WireValue {
    WireValue::Str(text)
}

fn text(headers: &HeaderMap, body: &[u8]) -> String {
    let named = headers
        .get(CONTENT_TYPE)
        .and_then(|value| charset(value.as_bytes()));
    let encoding = named.unwrap_or(encoding_rs::UTF_8);
    encoding.decode(body).0.into_owned()
}

/// The parameter `charset` of a media type (RFC 9110, section 8.3.1), if it is one that is known.
fn charset(content_type: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    let parameters = content_type.split(|byte| *byte == b';').skip(1);
    let mut pairs = parameters.filter_map(|parameter| {
        let at = parameter.iter().position(|byte| *byte == b'=')?;
        Some((
            parameter[..at].trim_ascii(),
            parameter[at + 1..].trim_ascii(),
        ))
    });
    let (_, label) = pairs.find(|(name, _)| name.eq_ignore_ascii_case(b"charset"))?;
    let label = label
        .strip_prefix(b"\"")
        .and_then(|label| label.strip_suffix(b"\""))
        .unwrap_or(label);
    encoding_rs::Encoding::for_label(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(headers: &[(&'static str, &str)], body: &[u8]) -> Response {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a value"));
        }
        Response {
            status: StatusCode::NOT_FOUND,
            reason: "No Such Thing".to_owned(),
            headers: map,
            body: body.to_vec(),
            decompressed: false,
            url: "http://a.test/x".parse().expect("a URL"),
        }
    }

    fn entry(value: &WireValue, key: &str) -> WireValue {
        let WireValue::Map(entries) = value else {
            panic!("a map")
        };
        let found = entries
            .iter()
            .find(|(name, _)| *name == string(key.to_owned()));
        found.expect(key).1.clone()
    }

    fn body_of(content_type: &str, body: &[u8]) -> WireValue {
        entry(
            &response(&[("content-type", content_type)], body).into_value(false),
            "body",
        )
    }

    #[test]
    fn a_response_is_a_map() {
        let headers = [("b", "1"), ("a", "2"), ("b", "3"), ("content-length", "9")];
        let value = response(&headers, b"a~\0").into_value(true);
        assert_eq!(entry(&value, "status"), WireValue::Int(404));
        assert_eq!(entry(&value, "reason"), string("No Such Thing".to_owned()));
        assert_eq!(entry(&value, "url"), string("http://a.test/x".to_owned()));
        assert_eq!(entry(&value, "body"), string("a~7E~00".to_owned()));
        let pair = |name: &str, value: &str| {
            WireValue::List(vec![string(name.to_owned()), string(value.to_owned())])
        };
        let expected = vec![
            pair("b", "1"),
            pair("b", "3"),
            pair("a", "2"),
            pair("content-length", "9"),
        ];
        assert_eq!(entry(&value, "headers"), WireValue::List(expected));
    }

    #[test]
    fn headers_of_the_compressed_form_are_left_out() {
        let headers = [
            ("content-encoding", "gzip"),
            ("x", "1"),
            ("content-length", "9"),
        ];
        let mut response = response(&headers, b"");
        response.decompressed = true;
        let WireValue::List(list) = response.header_list() else {
            panic!("a list")
        };
        assert_eq!(list.len(), 1);
    }

    #[test]
    fn text_is_read_in_its_character_set() {
        let cases: [(&str, &[u8], &str); 7] = [
            ("text/plain", "é".as_bytes(), "é"),
            ("text/plain", b"\xe9", "\u{fffd}"),
            ("text/plain; charset=ISO-8859-1", b"\xe9", "é"),
            ("text/plain; a=b; CharSet=\"windows-1252\"", b"\x80", "€"),
            ("text/plain; charset=no-such", "é".as_bytes(), "é"),
            ("text/plain; charset", b"x", "x"),
            ("text/plain; charset=utf-8", b"\xef\xbb\xbfx", "x"),
        ];
        for (content_type, bytes, expected) in cases {
            assert_eq!(
                body_of(content_type, bytes),
                string(expected.to_owned()),
                "{content_type}"
            );
        }
    }
}
