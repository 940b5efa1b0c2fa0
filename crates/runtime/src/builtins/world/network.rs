//! Places where users are accepted, and connections that the server opens.
//!
//! In: descriptions of ports. Out: wishes for hosts, and what is known of their listeners.

use std::time::Duration;

use moor_value::{ErrorCode, List, Map, ObjId, Value};

use super::super::BuiltinSpec;
use super::super::Raise;
use super::super::env::{Answer, Env, Reply, named_map, nothing};
use super::super::spec::world;
use crate::dials::{Calling, Dial};
use crate::effects::{Effect, ServerRequest};
use crate::ids::SessionId;
use crate::listeners::{Listener, ListenerTls};
use crate::options::integer_option;
use crate::request::Request;
use crate::session::ListenerId;

/// Every address of IPv6.
const ANY_IPV6: &str = "::";
/// Seconds after which a connection is given up that nobody answers (`$server_options.outbound_connect_timeout`).
const DIAL_SECONDS: i64 = 5;
/// The longest that a world may set.
const DIAL_SECONDS_MAX: i64 = 60;

pub(super) const SPECS: &[BuiltinSpec] = &[
    world!("listen", 2..=3, [Obj, Any, Map], LambdaMoo, listen)
        .doc(
            "handler point options",
            "INT",
            "Asks a telnet host to accept connections at a port, which `handler` then greets; \
             0 is any free one. Returns the port. Options: `print-messages`, `ipv6`, `tls`, \
             `interface`. What the task did before is let go.",
        )
        .raises(
            "E_PERM unless a wizard calls, and if there is no such option at the host; \
             E_INVARG if the handler is gone, or the port impossible or taken; E_TYPE if the \
             port is no number",
        )
        .permission("wizards"),
    world!("unlisten", 1..=2, [Any, Any], LambdaMoo, unlisten)
        .doc(
            "point ipv6",
            "INT",
            "Ends what `listen()` has begun; connections stay.",
        )
        .raises("E_PERM unless a wizard calls; E_INVARG if nobody listens there")
        .permission("wizards"),
    world!("listeners", 0..=1, [Any], LambdaMoo, listeners).doc(
        "handler_or_point:OBJ|INT",
        "LIST of MAP",
        "A map for each place where connections are accepted: `object`, `port`, \
             `print-messages`, `ipv6`, `interface`, `tls`. With an argument only those of \
             that handler or port.",
    ),
    world!(
        "open_network_connection",
        2..=3,
        [Str, Int, Map],
        LambdaMoo,
        open_network_connection
    )
    .doc(
        "host port options",
        "OBJ",
        "Asks a telnet host to connect to another server, and returns the connection (a \
             negative number). Options: `listener`, `ipv6`, `tls`. What the task did before \
             is let go.",
    )
    .raises(
        "E_PERM unless a wizard calls and the server allows it; E_INVARG if the name has \
             no address, nobody answers or the connection is refused; E_TYPE if the listener \
             is no object; E_QUOTA if no host is there, or none has room; E_INTRPT if the \
             server was restarted meanwhile",
    )
    .permission("wizards, where the operator allows it"),
];

/// `listen(handler, port [, options])`; the options are `print-messages`, `ipv6`, `interface`, `tls`, and with it `certificate`
/// and `key`, names of files of the host. Answers the port. The task lets go of what it did and waits until the host listens or says why not;
/// where there is no host yet, it goes on, and the first that comes is asked.
fn listen(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let handler = args[0].as_obj().unwrap_or(ObjId::NOTHING);
    let options = args
        .get(2)
        .and_then(Value::as_map)
        .cloned()
        .unwrap_or_default();
    if !env.stretch.txn.valid_object(handler) {
        return Err(ErrorCode::InvArg.into());
    }
    let port = args[1].as_int().ok_or(ErrorCode::Type)?;
    let port = u16::try_from(port).map_err(|_| ErrorCode::InvArg)?;
    let known = env.stretch.runtime.listeners.list();
    if port != 0 && known.iter().any(|listener| listener.port == port) {
        return Err(ErrorCode::InvArg.into());
    }
    let ipv6 = flag(&options, "ipv6");
    let everywhere = if ipv6 { ANY_IPV6 } else { "" };
    let listener = Box::new(Listener {
        // The number is given when it is asked for.
        id: ListenerId::MAIN,
        // The host that accepts telnet users already accepts these as well.
        host: env.stretch.runtime.listeners.willing_host(),
        handler,
        address: text(&options, "interface").unwrap_or_else(|| everywhere.to_owned()),
        port,
        print_messages: flag(&options, "print-messages"),
        tls: encryption(&options)?,
        ipv6,
        serves_programs: true,
    });
    if listener.host.is_some() {
        return Ok(Answer::Suspend(Request::Listen(listener)));
    }
    env.stretch
        .effects
        .push(Effect::Server(ServerRequest::Listen(listener, None)));
    Ok(Answer::Value(Value::Int(i64::from(port))))
}

/// Which certificate users are to be shown.
fn encryption(options: &Map) -> Result<Option<ListenerTls>, Raise> {
    let name = |key: &str, what: &str| match options.get(&Value::from(key)) {
        None => Ok(String::new()),
        Some(Value::Str(name)) => Ok(name.as_str().to_owned()),
        Some(_) => {
            let message = format!("{what} path should be a string");
            Err(Raise::with(ErrorCode::InvArg, message, Value::ZERO))
        }
    };
    let files = ListenerTls {
        certificate: name("certificate", "Certificate")?,
        key: name("key", "Private key")?,
    };
    Ok(flag(options, "tls").then_some(files))
}

/// `unlisten(port [, ipv6])`.
fn unlisten(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let port = args[0].as_int().and_then(|port| u16::try_from(port).ok());
    let ipv6 = args.get(1).is_some_and(Value::is_true);
    let known = env.stretch.runtime.listeners.list();
    let found = known
        .into_iter()
        .find(|listener| Some(listener.port) == port && (args.len() == 1 || listener.ipv6 == ipv6));
    let listener = found.ok_or(ErrorCode::InvArg)?;
    env.stretch
        .effects
        .push(Effect::Server(ServerRequest::Unlisten(listener.id)));
    nothing()
}

/// `listeners([handler or port])`: a map for each place.
fn listeners(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    let wanted = args.first();
    let all = env.stretch.runtime.listeners.list();
    let shown: List = all
        .iter()
        .filter(|listener| wanted.is_none_or(|wanted| matches_filter(listener, wanted)))
        .map(describe)
        .collect();
    Ok(Answer::Value(Value::List(shown)))
}

fn matches_filter(listener: &Listener, wanted: &Value) -> bool {
    match wanted {
        Value::Obj(handler) => listener.handler == *handler,
        Value::Int(port) => i64::from(listener.port) == *port,
        _ => false,
    }
}

fn describe(listener: &Listener) -> Value {
    named_map([
        ("object", Value::Obj(listener.handler)),
        ("port", Value::Int(i64::from(listener.port))),
        ("print-messages", flag_value(listener.print_messages)),
        ("ipv6", flag_value(listener.ipv6)),
        ("interface", Value::from(listener.address.as_str())),
        ("tls", flag_value(listener.tls.is_some())),
    ])
}

/// A flag as ToastStunt's listings have it: a number.
fn flag_value(on: bool) -> Value {
    Value::Int(i64::from(on))
}

/// `open_network_connection(host, port [, options])`; the options are `listener`, `ipv6`, `tls`. Answers the connection,
/// once a host has made it. The task lets go of what it did and waits until then; its next stretch can still say how
/// the connection's lines are handled, before the first of them is.
fn open_network_connection(env: &mut Env<'_, '_, '_>, args: &mut [Value]) -> Reply {
    env.wizard_only()?;
    let options = args
        .get(2)
        .and_then(Value::as_map)
        .cloned()
        .unwrap_or_default();
    let handler = match options.get(&Value::from("listener")) {
        None => None,
        Some(Value::Obj(handler)) => Some(*handler),
        Some(other) => {
            let message = "listener should be an object";
            return Err(Raise::with(ErrorCode::Type, message, other.clone()));
        }
    };
    let name = args[0].as_str().map_or("", |name| name.as_str());
    let ipv6 = flag(&options, "ipv6");
    if Dial::is_hopeless(name, ipv6) {
        return Err(ErrorCode::InvArg.into());
    }
    let runtime = env.stretch.runtime;
    if !runtime.limits.outbound_network {
        return Err(ErrorCode::Perm.into());
    }
    let port = args[1].as_int().and_then(|port| u16::try_from(port).ok());
    let Some(host) = runtime.listeners.willing_host() else {
        let message = "no host is there that opens connections";
        return Err(Raise::with(ErrorCode::Quota, message, Value::ZERO));
    };
    let listeners = runtime.listeners.list();
    let own = |listener: &&Listener| Some(listener.handler) == handler;
    let seconds = integer_option(
        &mut env.stretch.txn,
        "outbound_connect_timeout",
        DIAL_SECONDS,
    );
    let dial = Dial {
        session: SessionId(rand::random()),
        name: name.to_owned(),
        port: port.filter(|port| *port > 0).ok_or(ErrorCode::InvArg)?,
        ipv6,
        tls: flag(&options, "tls"),
        timeout: Duration::from_secs(seconds.clamp(1, DIAL_SECONDS_MAX).unsigned_abs()),
    };
    Ok(Answer::Suspend(Request::Dial(Box::new(Calling {
        dial,
        request: runtime.workers.allocate(),
        task: env.stretch.task,
        host,
        handler: handler.unwrap_or(ObjId::SYSTEM),
        print_messages: listeners
            .iter()
            .find(own)
            .is_some_and(|known| known.print_messages),
        is_announced: handler.is_some(),
    }))))
}

/// A truth value of a map of options; false when absent.
fn flag(options: &Map, key: &str) -> bool {
    options.get(&Value::from(key)).is_some_and(Value::is_true)
}

/// A string of a map of options.
fn text(options: &Map, key: &str) -> Option<String> {
    options
        .get(&Value::from(key))?
        .as_str()
        .map(|text| text.as_str().to_owned())
}
