//! Calls of the world, right and wrong.

use std::time::Duration;

use super::*;

fn defaults() -> Defaults {
    Defaults {
        timeout: Duration::from_secs(30),
        bytes_max: 1_000,
        redirects_max: 5,
    }
}

fn s(text: &str) -> WireValue {
    WireValue::Str(text.to_owned())
}

fn list(items: impl IntoIterator<Item = WireValue>) -> WireValue {
    WireValue::List(items.into_iter().collect())
}

fn map<const N: usize>(entries: [(&str, WireValue); N]) -> WireValue {
    WireValue::Map(entries.map(|(key, value)| (s(key), value)).into())
}

fn read(args: &WireValue) -> Result<Request, RequestError> {
    Request::read(args, &defaults())
}

fn with_options<const N: usize>(entries: [(&str, WireValue); N]) -> Result<Options, RequestError> {
    let args = map([("url", s("http://a.test/")), ("options", map(entries))]);
    read(&args).map(|request| request.options)
}

fn with_headers(headers: WireValue) -> Result<HeaderMap, RequestError> {
    let args = list([s("GET"), s("http://a.test/"), headers]);
    read(&args).map(|request| request.headers)
}

fn url_of(text: &str) -> Result<String, RequestError> {
    read(&list([s("GET"), s(text)])).map(|request| request.url.to_string())
}

#[test]
fn all_three_forms_mean_the_same() {
    let named = map([
        ("Method", s("post")),
        ("url", s("http://a.test")),
        ("headers", map([("X-Y", s("z"))])),
        ("body", s("b")),
        ("options", map([("timeout", WireValue::Int(3))])),
    ]);
    let positional = list([
        s("POST"),
        s("http://a.test/"),
        list([list([s("x-y"), s("z")])]),
        s("b"),
        map([("TIMEOUT", WireValue::Float(3.0))]),
    ]);
    let request = read(&named).expect("a request");
    assert_eq!(read(&positional), Ok(request.clone()));
    assert_eq!(read(&list([named])), Ok(request.clone()));
    assert_eq!(request.method, Method::POST);
    assert_eq!(request.headers["x-y"], "z");
    assert_eq!(request.body, b"b");
    assert_eq!(request.options.timeout, Duration::from_secs(3));
    assert_eq!(
        read(&map([("url", s("http://a.test"))]))
            .expect("a request")
            .method,
        Method::GET
    );
}

#[test]
fn other_arguments_are_refused() {
    let wrong = [
        s("http://a.test/"),
        list([]),
        list([s("GET")]),
        map([("method", s("GET"))]),
        list([
            s("GET"),
            s("http://a.test/"),
            list([]),
            s(""),
            map([]),
            s(""),
        ]),
    ];
    for args in wrong {
        assert_eq!(read(&args), Err(RequestError::Arguments), "{args:?}");
    }
    let error = read(&map([("uri", s("http://a.test/"))])).expect_err("no such key");
    assert_eq!(error.code(), "E_INVARG");
    assert!(error.to_string().contains("unknown key \"uri\""), "{error}");
    let error = read(&list([WireValue::Int(1), s("http://a.test/")])).expect_err("a number");
    assert_eq!(error.code(), "E_TYPE");
}

#[test]
fn methods_are_tokens() {
    let method = |text: &str| {
        read(&list([s(text), s("http://a.test/")])).map(|request| request.method.to_string())
    };
    for (given, sent) in [
        ("get", "GET"),
        ("Patch", "PATCH"),
        ("PROPFIND", "PROPFIND"),
        ("m-Search", "m-Search"),
    ] {
        assert_eq!(method(given).as_deref(), Ok(sent));
    }
    for text in [
        "",
        "CONNECT",
        "connect",
        "G ET",
        "GET\r\nX: y",
        "GÉT",
        &"A".repeat(33),
    ] {
        assert_eq!(
            method(text),
            Err(RequestError::Method(text.to_owned())),
            "{text}"
        );
    }
}

#[test]
fn only_urls_of_the_web_are_taken() {
    assert_eq!(
        url_of("HTTP://A.test:80/x y#f").as_deref(),
        Ok("http://a.test/x%20y")
    );
    assert_eq!(
        url_of("https://münchen.test/ü").as_deref(),
        Ok("https://xn--mnchen-3ya.test/%C3%BC")
    );
    let long = format!("http://a.test/{}", "a".repeat(16 << 10));
    for text in [
        "",
        "a.test",
        "//a.test/",
        "ftp://a.test/",
        "file:///etc/passwd",
        "gopher://a.test/",
        "http://",
        "http://a b/",
        "http://[::1",
        "http://a.test:99999/",
        "javascript:alert(1)",
        "unix:///run/x",
        &long,
    ] {
        let error = url_of(text).expect_err(text);
        assert!(matches!(error, RequestError::Url { .. }), "{error}");
        assert!(error.to_string().len() < 300, "{error}");
    }
}

#[test]
fn user_and_password_become_a_header() {
    let request = read(&list([s("GET"), s("http://Al:p%40ss@a.test/")])).expect("a request");
    assert_eq!(request.url.as_str(), "http://a.test/");
    // "Al:p@ss"
    assert_eq!(request.headers["authorization"], "Basic QWw6cEBzcw==");
    let own = list([list([s("Authorization"), s("Bearer x")])]);
    let request = read(&list([s("GET"), s("http://a:b@a.test/"), own])).expect("a request");
    assert_eq!(request.headers["authorization"], "Bearer x");
    assert_eq!(request.headers.get_all("authorization").iter().count(), 1);
}

#[test]
fn headers_are_kept_in_order_and_repeated() {
    let headers = list([
        list([s("B"), s("1")]),
        list([s("a"), WireValue::Int(2)]),
        list([s("b"), s("é")]),
    ]);
    let headers = with_headers(headers).expect("headers");
    let told: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    assert_eq!(told, [("b", &b"1"[..]), ("b", "é".as_bytes()), ("a", b"2")]);
}

#[test]
fn headers_that_cannot_be_sent_are_named() {
    let one = |name: &str, value: &str| with_headers(map([(name, s(value))])).map(drop);
    for name in [
        "Host",
        "content-length",
        "Transfer-Encoding",
        "connection",
        "UPGRADE",
        "te",
        "Proxy-Authorization",
    ] {
        let error = one(name, "x").expect_err(name);
        assert!(
            error.to_string().contains("sets this one itself"),
            "{error}"
        );
    }
    for (name, value) in [
        ("x", "a\r\nHost: b"),
        ("x", "a\nb"),
        ("x", "\0"),
        ("a b", "x"),
        ("a\r\nb", "x"),
        ("", "x"),
        ("é", "x"),
        ("a:", "x"),
    ] {
        let error = one(name, value).expect_err(name);
        assert!(matches!(error, RequestError::Header { .. }), "{error}");
    }
    for wrong in [
        s("a: b"),
        list([s("a")]),
        list([list([s("a")])]),
        WireValue::Int(1),
        map([("a", list([]))]),
    ] {
        assert_eq!(with_headers(wrong).expect_err("a type").code(), "E_TYPE");
    }
}

#[test]
fn headers_are_bounded() {
    let many =
        |count: usize| list((0..count).map(|number| list([s(&format!("x-{number}")), s("")])));
    assert!(with_headers(many(64)).is_ok());
    assert!(with_headers(many(65)).is_err());
    let long = |bytes: usize| map([("x", s(&"y".repeat(bytes)))]);
    assert!(with_headers(long((32 << 10) - 1)).is_ok());
    assert!(with_headers(long(32 << 10)).is_err());
}

#[test]
fn a_binary_body_is_decoded() {
    let body = |text: &str, binary: bool| {
        let options = map([("binary", WireValue::Bool(binary))]);
        read(&list([
            s("PUT"),
            s("http://a.test/"),
            list([]),
            s(text),
            options,
        ]))
        .map(|request| request.body)
    };
    assert_eq!(body("~00é", false), Ok("~00é".as_bytes().to_vec()));
    assert_eq!(body("a~00~FF", true), Ok(b"a\0\xff".to_vec()));
    assert_eq!(body("~0", true), Err(RequestError::Body));
}

#[test]
fn options_have_defaults_and_ranges() {
    let options = with_options([]).expect("defaults");
    assert_eq!(
        (options.bytes_max, options.redirects_max, options.binary),
        (1_000, Some(5), false)
    );
    let options = with_options([
        ("max_bytes", WireValue::Int(10)),
        ("follow_redirects", WireValue::Int(0)),
        ("max_redirects", WireValue::Int(2)),
        ("binary", WireValue::Bool(true)),
        ("verify", WireValue::Int(1)),
    ]);
    let options = options.expect("options");
    assert_eq!(
        (options.bytes_max, options.redirects_max, options.binary),
        (10, None, true)
    );
    let more = with_options([("max_bytes", WireValue::Int(1_001))]);
    assert_eq!(more.expect("options").bytes_max, 1_000);
    for (name, value) in [
        ("timeout", WireValue::Int(0)),
        ("timeout", WireValue::Int(301)),
        ("timeout", WireValue::Float(f64::NAN)),
        ("timeout", WireValue::Float(f64::INFINITY)),
        ("timeout", WireValue::Int(i64::MIN)),
        ("timeout", WireValue::Int(i64::MAX)),
        ("max_bytes", WireValue::Int(0)),
        ("max_bytes", WireValue::Int(i64::MAX)),
        ("max_bytes", WireValue::Int(-1)),
        ("max_redirects", WireValue::Int(21)),
        ("max_redirects", WireValue::Int(-1)),
    ] {
        let error = with_options([(name, value.clone())]).expect_err(name);
        assert!(
            matches!(error, RequestError::Option { .. }),
            "{name} {value:?}: {error}"
        );
    }
    for (name, value) in [
        ("timeout", s("3")),
        ("binary", s("yes")),
        ("max_bytes", WireValue::Float(1.0)),
    ] {
        assert_eq!(
            with_options([(name, value)]).expect_err(name).code(),
            "E_TYPE"
        );
    }
    assert_eq!(
        with_options([("verify", WireValue::Bool(false))]),
        Err(RequestError::Verify)
    );
    assert_eq!(RequestError::Verify.code(), "E_PERM");
    let error = with_options([("cookies", WireValue::Int(1))]).expect_err("no such option");
    assert!(error.to_string().contains("known are timeout"), "{error}");
}
