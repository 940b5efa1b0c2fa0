//! A safe face of the few parts of libzmq that the link uses: contexts, sockets, messages, monitors, and the signals of sockets.
//!
//! In: options, addresses, bytes. Out: the same through owned types whose `Drop` closes them in the order
//! that libzmq needs. This is the crate's only module with `unsafe` (docs/decisions/0002); it knows nothing
//! of hellos, peers or what a message means.
//!
//! libzmq's rules that the types keep: a socket is used by one thread at a time (`Socket` is `Send`, not
//! `Sync`); a context ends after its sockets (each holds it); a message is initialised once and closed once.

use std::ffi::{CStr, CString, c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use moor_zmq_sys as sys;

use crate::signal::{Signal, Sources};
use crate::waker::Waker;

/// What libzmq answered to the last failed call of this thread. Most codes are the system's; libzmq's own
/// keep their text.
fn last_error() -> io::Error {
    // SAFETY: takes nothing.
    let code = unsafe { sys::zmq_errno() };
    /// libzmq's own codes start here.
    const ZMQ_CODES: c_int = 156_384_712;
    if code < ZMQ_CODES {
        return io::Error::from_raw_os_error(code);
    }
    // SAFETY: `zmq_strerror` returns a static text that ends in zero for every number.
    let text = unsafe { CStr::from_ptr(sys::zmq_strerror(code)) };
    io::Error::other(text.to_string_lossy().into_owned())
}

fn check(answer: c_int) -> io::Result<()> {
    if answer == -1 {
        Err(last_error())
    } else {
        Ok(())
    }
}

fn c_text(text: &str) -> io::Result<CString> {
    CString::new(text).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
}

/// Whether the linked libzmq can encrypt.
pub(crate) fn has_curve() -> bool {
    // SAFETY: a text that ends in zero.
    unsafe { sys::zmq_has(c"curve".as_ptr()) == 1 }
}

/// Bytes of the box in a CURVE client's first command: 64 zeros, sealed.
const HELLO_BOX_BYTES: usize = 80;

/// What a CURVE client proves in its first command (CurveZMQ, RFC 26, "hello"): a fresh public key, a nonce
/// of 8 bytes, and 64 zero bytes sealed for the server. `None` without random bytes.
pub(crate) struct CurveHello {
    pub(crate) transient: [u8; sys::CURVE_KEY_BYTES],
    pub(crate) nonce: [u8; 8],
    pub(crate) sealed: [u8; HELLO_BOX_BYTES],
}

impl CurveHello {
    /// Seals a hello that only the owner of `server` can open.
    pub(crate) fn seal(server: &[u8; sys::CURVE_KEY_BYTES]) -> Option<Self> {
        /// The text in front of the nonce, which says what it is for.
        const NONCE_PREFIX: &[u8; 16] = b"CurveZMQHELLO---";
        let nonce = 1u64.to_be_bytes();
        let mut whole = [0; 24];
        whole[..16].copy_from_slice(NONCE_PREFIX);
        whole[16..].copy_from_slice(&nonce);
        let (mut transient, mut secret) = ([0; 32], [0; 32]);
        let mut sealed = [0; HELLO_BOX_BYTES];
        let zeros = [0; 64];
        // SAFETY: takes nothing; may be called any number of times by any thread.
        if unsafe { sys::sodium_init() } < 0 {
            return None;
        }
        // SAFETY: two places of 32 bytes; then 16 bytes more than the 64 to seal, a nonce of 24, keys of 32.
        let answer = unsafe {
            sys::crypto_box_keypair(transient.as_mut_ptr(), secret.as_mut_ptr())
                | sys::crypto_box_easy(
                    sealed.as_mut_ptr(),
                    zeros.as_ptr(),
                    zeros.len() as u64,
                    whole.as_ptr(),
                    server.as_ptr(),
                    secret.as_ptr(),
                )
        };
        (answer == 0).then_some(Self {
            transient,
            nonce,
            sealed,
        })
    }
}

/// Ends the connection that has this descriptor, both ways, as the network would. libzmq has no call for it.
/// The caller has read the monitor until it was empty, so the descriptor is that connection's still; should
/// it be given anew in that moment, another connection is ended and its owner connects again.
pub(crate) fn cut(connection: u64) {
    let Ok(raw) = RawFd::try_from(connection) else {
        return;
    };
    if raw < 0 {
        return;
    }
    // SAFETY: not -1; used for one system call, which answers an error if it is closed or no socket.
    let descriptor = unsafe { BorrowedFd::borrow_raw(raw) };
    let _ = rustix::net::shutdown(descriptor, rustix::net::Shutdown::Both);
}

/// Owns a context; the last clone ends it, waiting for the linger of its sockets.
#[derive(Clone, Debug)]
pub(crate) struct Context(Arc<RawContext>);

#[derive(Debug)]
struct RawContext(*mut c_void);

// SAFETY: libzmq documents contexts as safe for use by any number of threads.
unsafe impl Send for RawContext {}
// SAFETY: as above.
unsafe impl Sync for RawContext {}

impl Context {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: takes nothing; null is checked below.
        let raw = unsafe { sys::zmq_ctx_new() };
        if raw.is_null() {
            return Err(last_error());
        }
        Ok(Self(Arc::new(RawContext(raw))))
    }

    /// One whose bytes are moved, encrypted and decrypted by this many threads of libzmq; at least one.
    pub(crate) fn with_io_threads(count: u16) -> io::Result<Self> {
        let context = Self::new()?;
        // SAFETY: the context was made above, lives as long as `context`, and has no socket yet.
        let result = unsafe {
            sys::zmq_ctx_set(context.0.0, sys::ZMQ_IO_THREADS, c_int::from(count.max(1)))
        };
        if result == -1 {
            return Err(last_error());
        }
        Ok(context)
    }

    /// Makes a socket of a `ZMQ_*` type.
    pub(crate) fn socket(&self, kind: c_int) -> io::Result<Socket> {
        // SAFETY: the context lives as long as `self.0`.
        let raw = unsafe { sys::zmq_socket(self.0.0, kind) };
        if raw.is_null() {
            return Err(last_error());
        }
        let signal = signal_of(raw);
        if signal.is_err() {
            // SAFETY: made above, and not used afterwards.
            unsafe { sys::zmq_close(raw) };
        }
        Ok(Socket {
            raw,
            signal: Arc::new(signal?),
            context: self.clone(),
        })
    }
}

impl Drop for RawContext {
    fn drop(&mut self) {
        // SAFETY: no socket is left, each holds a clone of the `Arc`; the pointer is not used afterwards. A
        // signal interrupts the wait, and the call is then to be repeated.
        while unsafe { sys::zmq_ctx_term(self.0) } == -1 && is_interrupted() {}
    }
}

fn is_interrupted() -> bool {
    last_error().kind() == io::ErrorKind::Interrupted
}

/// An option of an open socket whose type is `int`.
fn number(raw: *mut c_void, option: c_int) -> io::Result<c_int> {
    let (mut value, mut length): (c_int, _) = (0, size_of::<c_int>());
    // SAFETY: the socket is open; `length` says how much room `value` has.
    check(unsafe { sys::zmq_getsockopt(raw, option, (&raw mut value).cast(), &mut length) })?;
    Ok(value)
}

/// The signal of an open socket, with a copy of the descriptor, which libzmq closes when it likes.
fn signal_of(raw: *mut c_void) -> io::Result<Signal> {
    let descriptor = number(raw, sys::ZMQ_FD)?;
    if descriptor < 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: open for as long as the socket, which is not closed during this call.
    let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
    Ok(Signal::new(descriptor.try_clone_to_owned()?))
}

/// Owns a socket. Every use raises its signal, see [`crate::signal`].
#[derive(Debug)]
pub(crate) struct Socket {
    raw: *mut c_void,
    signal: Arc<Signal>,
    context: Context,
}

// SAFETY: libzmq allows a socket to move between threads with a full fence between the uses, which whatever
// moves a `Socket` (a thread's start, a channel) has. It is not `Sync`: the raw pointer sees to that.
unsafe impl Send for Socket {}

impl Socket {
    /// Sets an option whose type is `int`.
    pub(crate) fn set(&self, option: c_int, value: c_int) -> io::Result<()> {
        self.set_bytes(option, &value.to_ne_bytes())
    }

    /// Sets an option of any type by its bytes.
    pub(crate) fn set_bytes(&self, option: c_int, value: &[u8]) -> io::Result<()> {
        self.signal.raise();
        // SAFETY: the socket is open; libzmq copies `value.len()` bytes and checks them.
        check(unsafe { sys::zmq_setsockopt(self.raw, option, value.as_ptr().cast(), value.len()) })
    }

    pub(crate) fn bind(&self, endpoint: &str) -> io::Result<()> {
        let endpoint = c_text(endpoint)?;
        self.signal.raise();
        // SAFETY: the socket is open; a text that ends in zero.
        check(unsafe { sys::zmq_bind(self.raw, endpoint.as_ptr()) })
    }

    pub(crate) fn connect(&self, endpoint: &str) -> io::Result<()> {
        let endpoint = c_text(endpoint)?;
        self.signal.raise();
        // SAFETY: the socket is open; a text that ends in zero.
        check(unsafe { sys::zmq_connect(self.raw, endpoint.as_ptr()) })
    }

    /// The endpoint bound last, with the port that the system chose.
    pub(crate) fn last_endpoint(&self) -> io::Result<String> {
        let mut text = [0u8; 256];
        let mut length = text.len();
        // SAFETY: the socket is open; `length` says how much room `text` has.
        check(unsafe {
            sys::zmq_getsockopt(
                self.raw,
                sys::ZMQ_LAST_ENDPOINT,
                text.as_mut_ptr().cast(),
                &mut length,
            )
        })?;
        let text = CStr::from_bytes_until_nul(&text).map_err(io::Error::other)?;
        Ok(text.to_string_lossy().into_owned())
    }

    /// A socket that receives this socket's connection events (a `ZMQ_EVENT_*` mask), in order.
    pub(crate) fn monitor(&self, name: &str, events: c_int) -> io::Result<Monitor> {
        let address = format!("inproc://monitor-{name}");
        let endpoint = c_text(&address)?;
        // SAFETY: the socket is open; a text that ends in zero.
        check(unsafe { sys::zmq_socket_monitor(self.raw, endpoint.as_ptr(), events) })?;
        let socket = self.context.socket(sys::ZMQ_PAIR)?;
        socket.set(sys::ZMQ_LINGER, 0)?;
        // No bound: at one, libzmq's own I/O thread would wait for us to read, and we may at that moment be
        // waiting for it to close the monitored socket. Each event stands for a connection that really ended.
        socket.set(sys::ZMQ_RCVHWM, 0)?;
        socket.connect(&address)?;
        Ok(Monitor {
            socket,
            message: Message::new(),
        })
    }

    /// Sends bytes that other parts of the same message follow. Does not wait.
    pub(crate) fn send_first(&self, bytes: &[u8]) -> io::Result<()> {
        self.signal.raise();
        let flags = sys::ZMQ_DONTWAIT | sys::ZMQ_SNDMORE;
        // SAFETY: the socket is open; libzmq copies `bytes`.
        check(unsafe { sys::zmq_send(self.raw, bytes.as_ptr().cast(), bytes.len(), flags) })
    }

    /// Sends the pieces joined as the only or last part. Does not wait.
    pub(crate) fn send(&self, pieces: [&[u8]; 3]) -> io::Result<()> {
        let mut message = Message::joined(pieces)?;
        self.signal.raise();
        // SAFETY: the socket is open, the message initialised; on failure it stays ours and is closed.
        check(unsafe { sys::zmq_msg_send(&mut message.0, self.raw, sys::ZMQ_DONTWAIT) })
    }

    /// Receives a part into `message`; `false` if there is none. Does not wait. Asks libzmq only if the signal is raised.
    pub(crate) fn receive(&self, message: &mut Message) -> io::Result<bool> {
        while self.signal.is_raised() {
            // SAFETY: the socket is open, the message initialised; libzmq frees its former content.
            match check(unsafe { sys::zmq_msg_recv(&mut message.0, self.raw, sys::ZMQ_DONTWAIT) }) {
                Ok(()) => return Ok(true),
                // libzmq has looked at all that its descriptor told of before it says so.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.signal.lower(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Whether something can be received now.
    pub(crate) fn has_input(&self) -> io::Result<bool> {
        if !self.signal.is_raised() {
            return Ok(false);
        }
        let has_input = number(self.raw, sys::ZMQ_EVENTS)? & sys::ZMQ_POLLIN != 0;
        if !has_input {
            self.signal.lower();
        }
        Ok(has_input)
    }

    /// What a thread sleeps on that waits for this socket.
    pub(crate) fn signal(&self) -> &Arc<Signal> {
        &self.signal
    }

    /// Reads away the rest of a message whose part was `last`.
    pub(crate) fn skip_parts(&self, last: &mut Message) -> io::Result<()> {
        while last.has_more() && self.receive(last)? {}
        Ok(())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // First the end of its monitor: libzmq reports the end of a connection on its I/O thread, and once
        // the monitor's receiver is gone (its owner drops it next) that report would wait for ever.
        // SAFETY: the socket is open; without an address this only stops a monitor, if there is one.
        unsafe { sys::zmq_socket_monitor(self.raw, std::ptr::null(), 0) };
        // SAFETY: the socket is open and is not used afterwards. The only failure is that it is none.
        unsafe { sys::zmq_close(self.raw) };
    }
}

/// Owns a message part.
#[derive(Debug)]
pub(crate) struct Message(sys::zmq_msg_t);

impl Message {
    pub(crate) fn new() -> Self {
        let mut raw = MaybeUninit::<sys::zmq_msg_t>::uninit();
        // SAFETY: `zmq_msg_init` initialises the whole message and cannot fail.
        unsafe {
            sys::zmq_msg_init(raw.as_mut_ptr());
            Self(raw.assume_init())
        }
    }

    fn joined(pieces: [&[u8]; 3]) -> io::Result<Self> {
        let size = pieces.iter().map(|piece| piece.len()).sum();
        let mut raw = MaybeUninit::<sys::zmq_msg_t>::uninit();
        // SAFETY: initialises the message if it answers 0; otherwise (no memory) `raw` is dropped unused.
        check(unsafe { sys::zmq_msg_init_size(raw.as_mut_ptr(), size) })?;
        // SAFETY: initialised by the call above.
        let mut message = Self(unsafe { raw.assume_init() });
        // SAFETY: the message is initialised.
        let mut place = unsafe { sys::zmq_msg_data(&mut message.0) }.cast::<u8>();
        for piece in pieces {
            // SAFETY: the message has room for the sum of the pieces, and is not theirs.
            unsafe {
                place.copy_from_nonoverlapping(piece.as_ptr(), piece.len());
                place = place.add(piece.len());
            }
        }
        Ok(message)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the message is initialised; its bytes live and stay as long as it is borrowed. libzmq only
        // reads here, though it asks for a mutable pointer. An empty message has a pointer too: libzmq's
        // points into the message itself.
        unsafe {
            let data = sys::zmq_msg_data((&raw const self.0).cast_mut()).cast::<u8>();
            std::slice::from_raw_parts(data, sys::zmq_msg_size(&self.0))
        }
    }

    /// More parts of the same message follow.
    pub(crate) fn has_more(&self) -> bool {
        // SAFETY: the message is initialised.
        unsafe { sys::zmq_msg_get(&self.0, sys::ZMQ_MORE) == 1 }
    }

    /// A property of the connection it came by: what the handler of authentication said (`User-Id`), the
    /// network address (`Peer-Address`), or what the peer claims.
    pub(crate) fn property(&self, name: &CStr) -> Option<&str> {
        // SAFETY: the message is initialised, the name ends in zero.
        let text = unsafe { sys::zmq_msg_gets(&self.0, name.as_ptr()) };
        if text.is_null() {
            return None;
        }
        // SAFETY: a text that ends in zero and lives as long as the message has this content, which it has
        // while it is borrowed.
        unsafe { CStr::from_ptr(text) }.to_str().ok()
    }

    /// The descriptor of the connection it came by, if it came by one. A name, not for use as a descriptor.
    pub(crate) fn connection(&self) -> Option<u64> {
        // SAFETY: the message is initialised.
        let fd = unsafe { sys::zmq_msg_get(&self.0, sys::ZMQ_SRCFD) };
        u64::try_from(fd).ok()
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: the message is initialised and is not used afterwards.
        unsafe { sys::zmq_msg_close(&mut self.0) };
    }
}

/// Receives a socket's connection events. Drop it before its socket or after, as it comes.
#[derive(Debug)]
pub(crate) struct Monitor {
    socket: Socket,
    message: Message,
}

impl Monitor {
    /// The next event, if there is one: its `ZMQ_EVENT_*` and its value (a descriptor or an error).
    pub(crate) fn next(&mut self) -> io::Result<Option<(c_int, u64)>> {
        if !self.socket.receive(&mut self.message)? {
            return Ok(None);
        }
        // Layout of the first part: event u16, value u32, both in the machine's order.
        let event = match *self.message.bytes() {
            [a, b, c, d, e, f] => {
                let value = u32::from_ne_bytes([c, d, e, f]);
                Some((c_int::from(u16::from_ne_bytes([a, b])), u64::from(value)))
            }
            _ => None,
        };
        self.socket.skip_parts(&mut self.message)?;
        Ok(event)
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }
}

/// Waits until one of the sockets has something to look at, the waker calls, the time has passed, or a signal came.
pub(crate) fn wait<const N: usize>(
    sockets: [&Socket; N],
    waker: &Waker,
    time_max: Duration,
) -> io::Result<()> {
    let mut sources = Sources::default();
    for socket in sockets {
        if socket.has_input()? {
            return Ok(());
        }
        sources.add(Arc::clone(&socket.signal));
    }
    sources.sleep(waker, time_max).map(drop)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// For what comes at once.
    const PATIENCE: Duration = Duration::from_secs(30);

    #[test]
    fn the_library_can_encrypt() {
        assert!(has_curve());
    }

    #[test]
    fn messages_keep_their_bytes() {
        let message = Message::joined([b"ab", b"", b"cde"]).expect("memory");
        assert_eq!(message.bytes(), b"abcde");
        assert_eq!(Message::new().bytes(), b"");
        assert!(!message.has_more());
        assert_eq!(message.connection(), None);
        let large = Message::joined([&[7; 100_000], &[], &[8]]).expect("memory");
        assert_eq!(large.bytes().len(), 100_001);
        assert_eq!(large.bytes()[100_000], 8);
    }

    #[test]
    fn a_bad_option_and_a_bad_address_are_errors() {
        let context = Context::new().expect("context");
        let socket = context.socket(sys::ZMQ_ROUTER).expect("socket");
        assert!(socket.set(9999, 1).is_err());
        assert!(socket.bind("nonsense").is_err());
        assert!(socket.connect("tcp://a\0b:1").is_err());
    }

    #[test]
    fn an_option_that_is_no_number_is_an_error() {
        let context = Context::new().expect("context");
        let socket = context.socket(sys::ZMQ_PAIR).expect("socket");
        socket.bind("inproc://longer-than-a-number").expect("bind");
        assert!(number(socket.raw, sys::ZMQ_LAST_ENDPOINT).is_err());
        assert!(number(socket.raw, 9999).is_err());
    }

    #[test]
    fn a_thread_may_sleep_on_a_socket_that_is_gone() {
        let context = Context::new().expect("context");
        let socket = context.socket(sys::ZMQ_PAIR).expect("socket");
        let mut sources = Sources::default();
        sources.add(Arc::clone(socket.signal()));
        drop(socket);
        // Ends libzmq's threads, and closes all of its descriptors.
        drop(context);
        let waker = Waker::new().expect("eventfd");
        assert!(waker.prepare_sleep());
        waker.wake();
        assert!(sources.sleep(&waker, PATIENCE).expect("still a descriptor"));
    }

    #[test]
    fn no_edge_is_lost_between_threads_that_take_turns() {
        const TURNS: u32 = 20_000;
        for endpoint in ["inproc://turns", "tcp://127.0.0.1:*"] {
            let context = Context::new().expect("context");
            let pair = || context.socket(sys::ZMQ_PAIR).expect("socket");
            let (one, other) = (pair(), pair());
            one.bind(endpoint).expect("bind");
            other
                .connect(&one.last_endpoint().expect("bound"))
                .expect("connect");
            // Whoever connects can send at once.
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    for turn in 0..TURNS {
                        other.send([&turn.to_ne_bytes(), &[], &[]]).expect("room");
                        assert_eq!(awaited(&other), turn.to_ne_bytes());
                    }
                });
                for turn in 0..TURNS {
                    assert_eq!(awaited(&one), turn.to_ne_bytes());
                    one.send([&turn.to_ne_bytes(), &[], &[]]).expect("room");
                }
            });
        }
    }

    /// The next message; a wait that lasts to its end has lost an edge.
    fn awaited(socket: &Socket) -> Vec<u8> {
        let never = Waker::new().expect("eventfd");
        let until = Instant::now() + PATIENCE;
        let mut message = Message::new();
        while !socket.receive(&mut message).expect("receive") {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "nothing told of a message");
            wait([socket], &never, left).expect("poll");
        }
        message.bytes().to_vec()
    }
}
