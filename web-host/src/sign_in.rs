//! Signing in and out: the world's own log-in, and the daemon's token for it.
//!
//! In: names and passwords, tokens in headers. Out: tokens, sessions that wait for a WebSocket, the world's refusals.
//! It does not know players and checks no password: the world does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, http};
use moor_host::Connection as _;
use moor_rpc::{AuthToken, CloseReason, ReplyBody, RequestBody};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use crate::app::{App, Peer, Problem, read_body};
use crate::connection::Connection;
use crate::login_line::{Wish, login_line};
use crate::messages::{object_text, session_text};
use crate::origin::Client;
use crate::session::Login;
use crate::tokens::Owner;

/// The cookie with the token.
pub const COOKIE_NAME: &str = "moor_token";

/// What goes before a token in the list of WebSocket protocols.
pub const PROTOCOL_PREFIX: &str = "moor.token.";

/// The longest token that is passed on.
const TOKEN_BYTES_MAX: usize = 1_024;

/// The body of a sign-in.
const BODY_BYTES_MAX: usize = 8_192;

/// How long a sign-in may take.
const SIGN_IN_TIME_MAX: Duration = Duration::from_secs(15);

/// How long the world's welcome is waited for, so that it is not taken for an answer.
const WELCOME_TIME_MAX: Duration = Duration::from_millis(250);

/// How long a world that has taken the line and said no may still change its mind: its verb may have been suspended.
const SECOND_THOUGHTS: Duration = Duration::from_millis(500);

/// Who signs in.
#[derive(Deserialize)]
struct Credentials {
    #[serde(alias = "name")]
    player: String,
    password: String,
}

/// `POST /auth/connect`.
pub async fn connect(
    app: State<Arc<App>>,
    peer: Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    sign_in(&app, peer.0, &headers, body, Wish::Connect).await
}

/// `POST /auth/create`.
pub async fn create(
    app: State<Arc<App>>,
    peer: Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    sign_in(&app, peer.0, &headers, body, Wish::Create).await
}

/// `POST /auth/logout`: ends the sessions of the token, which counts no more at this host.
///
/// # Errors
/// The page of another site, too many calls, no token.
pub async fn logout(
    app: State<Arc<App>>,
    peer: Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if !app.origins.allow(&headers) {
        return Err(Problem::Origin);
    }
    app.count_call(&app.client(peer.0, &headers))?;
    let token = bearer(&headers)
        .or_else(|| cookie(&headers))
        .ok_or(Problem::SignIn)?;
    let owner = Owner::of(&token);
    if app.sessions.has_player(&owner) {
        app.tokens.vouch(owner);
    }
    app.tokens.end(owner);
    app.sessions.end_all(&owner);
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&mut response, "", 0, false);
    Ok(response)
}

async fn sign_in(
    app: &App,
    peer: Peer,
    headers: &HeaderMap,
    body: Body,
    wish: Wish,
) -> Result<Response, Problem> {
    if !app.origins.allow(headers) {
        return Err(Problem::Origin);
    }
    let client = app.client(peer, headers);
    app.attempts
        .attempt(client.address, Instant::now())
        .inspect_err(|_| count_failure("too_many"))?;
    let Credentials { player, password } = credentials(headers, body).await?;
    let line = login_line(wish, &player, &password);
    let line = line.map_err(|error| Problem::Bad(error.to_string()))?;
    if !app.requests.is_attached() {
        return Err(Problem::Away);
    }
    let session = Opened(Some(app.sessions.open(client, None).await?));
    let signed_in = timeout(SIGN_IN_TIME_MAX, negotiate(app, session, line)).await;
    let signed_in = signed_in.map_err(|_| Problem::NoAnswer).flatten();
    let (token, player, expires_unix_s, session) = signed_in.inspect_err(|problem| {
        tracing::info!(target: "moor_audit", address = %client.address, why = problem.code(), "not signed in");
    })?;
    tracing::info!(target: "moor_audit", address = %client.address, player, session = %session.id(), "signed in");
    Ok(answer(&token, player, expires_unix_s, &session, client))
}

/// A session that ends unless its user was let in.
struct Opened(Option<Arc<Connection>>);

impl Drop for Opened {
    fn drop(&mut self) {
        if let Some(connection) = &self.0 {
            connection.close(CloseReason::ByPeer);
        }
    }
}

async fn negotiate(
    app: &App,
    mut opened: Opened,
    line: String,
) -> Result<(AuthToken, i64, u64, Arc<Connection>), Problem> {
    let connection = opened.0.clone().ok_or(Problem::Broken)?;
    let welcome = connection.login(|session| session.has_events() || session.ending().is_some());
    // A world without a welcome is no reason to refuse.
    let _ = timeout(WELCOME_TIME_MAX, welcome).await;
    connection.log_in(line);
    let mut login = connection
        .login(|session| session.login() != Login::Waiting)
        .await;
    if matches!(login, Login::Refused(_)) {
        let is_decided = |login: Login| matches!(login, Login::Player(_) | Login::Ended(_));
        let decided = connection.login(|session| is_decided(session.login()));
        login = timeout(SECOND_THOUGHTS, decided).await.unwrap_or(login);
    }
    match login {
        Login::Player(_) => {}
        Login::Refused(words) | Login::Ended(words) => {
            count_failure("refused");
            return Err(Problem::Refused(words));
        }
        Login::Waiting => return Err(Problem::NoAnswer),
    }
    let session = connection.id();
    match app
        .requests
        .ask(RequestBody::IssueToken { session })
        .await?
    {
        ReplyBody::Token {
            token,
            player,
            expires_unix_s,
        } => {
            let owner = Owner::of(&token);
            app.tokens.vouch(owner);
            connection.own(owner);
            opened.0 = None;
            Ok((token, player, expires_unix_s, connection))
        }
        _ => Err(Problem::Broken),
    }
}

fn count_failure(why: &'static str) {
    metrics::counter!("moor_authentication_failures_total", "endpoint" => "http", "why" => why)
        .increment(1);
}

fn answer(
    token: &AuthToken,
    player: i64,
    expires_unix_s: u64,
    session: &Connection,
    client: Client,
) -> Response {
    let body = json!({
        "token": token.0,
        "player": object_text(player),
        "expires": expires_unix_s,
        "session": session_text(session.id()),
    });
    let mut response = Json(body).into_response();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let age_s = expires_unix_s.saturating_sub(now.map_or(0, |now| now.as_secs()));
    set_cookie(&mut response, &token.0, age_s, client.is_https);
    response
}

fn set_cookie(response: &mut Response, token: &str, age_s: u64, is_https: bool) {
    let secure = if is_https { "; Secure" } else { "" };
    let cookie = format!(
        "{COOKIE_NAME}={token}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Strict{secure}"
    );
    // The daemon's tokens are made to stand in headers; one that is not is given in the body alone.
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
}

async fn credentials(headers: &HeaderMap, body: Body) -> Result<Credentials, Problem> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let kind = content_type
        .unwrap_or("")
        .split(';')
        .next()
        .unwrap_or("")
        .trim();
    let kind = kind.to_ascii_lowercase();
    let bytes = read_body(body, BODY_BYTES_MAX).await?;
    let bad = |what: &str| Problem::Bad(format!("{what}; give player and password"));
    match kind.as_str() {
        "application/json" => {
            serde_json::from_slice(&bytes).map_err(|_| bad("the JSON is not as expected"))
        }
        "application/x-www-form-urlencoded" => {
            serde_urlencoded::from_bytes(&bytes).map_err(|_| bad("the form is not as expected"))
        }
        _ => Err(Problem::ContentType),
    }
}

// Tokens that come with a request.

/// The token of the header `Authorization: Bearer`.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<AuthToken> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| checked(token.trim()))?
}

/// The token of the cookie.
#[must_use]
pub fn cookie(headers: &HeaderMap) -> Option<AuthToken> {
    let values = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';'));
    let token = pairs.find_map(|pair| {
        let (name, token) = pair.split_once('=')?;
        (name.trim() == COOKIE_NAME).then_some(token.trim())
    })?;
    checked(token)
}

/// The token among the WebSocket protocols that a client offers.
#[must_use]
pub fn protocol(headers: &HeaderMap) -> Option<AuthToken> {
    let values = headers.get_all(http::header::SEC_WEBSOCKET_PROTOCOL).iter();
    let values = values.filter_map(|value| value.to_str().ok());
    let mut offers = values.flat_map(|value| value.split(','));
    checked(offers.find_map(|offer| offer.trim().strip_prefix(PROTOCOL_PREFIX))?)
}

/// A text that may be a token: whether it is one, the daemon knows.
#[must_use]
pub fn checked(token: &str) -> Option<AuthToken> {
    let is_plain = token.bytes().all(|byte| byte.is_ascii_graphic());
    let is_token = !token.is_empty() && token.len() <= TOKEN_BYTES_MAX && is_plain;
    is_token.then(|| AuthToken(token.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let value = HeaderValue::from_str(value).expect("a header");
        HeaderMap::from_iter([(http::HeaderName::from_static(name), value)])
    }

    #[test]
    fn tokens_are_found_where_they_may_stand() {
        let token = Some(AuthToken("a.b-c".into()));
        assert_eq!(bearer(&headers("authorization", "bearer a.b-c")), token);
        assert_eq!(
            cookie(&headers("cookie", "x=1; moor_token=a.b-c; y=2")),
            token
        );
        let offers = "moor.v1, moor.token.a.b-c";
        assert_eq!(protocol(&headers("sec-websocket-protocol", offers)), token);
    }

    #[test]
    fn what_cannot_be_a_token_is_none() {
        assert_eq!(bearer(&headers("authorization", "Basic a")), None);
        assert_eq!(bearer(&headers("authorization", "Bearer ")), None);
        assert_eq!(bearer(&headers("authorization", "Bearer a b")), None);
        assert_eq!(cookie(&headers("cookie", "moor_tokens=a")), None);
        assert_eq!(cookie(&headers("cookie", "moor_token=")), None);
        assert_eq!(
            protocol(&headers("sec-websocket-protocol", "moor.v1")),
            None
        );
        assert!(checked(&"t".repeat(TOKEN_BYTES_MAX)).is_some());
        assert!(checked(&"t".repeat(TOKEN_BYTES_MAX + 1)).is_none());
    }
}
