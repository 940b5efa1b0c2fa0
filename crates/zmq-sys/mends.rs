//! What is mended in libzmq 4.3.5 before it is compiled: where a peer's bytes end the process, or cost what they must
//! not, and last, where a message costs three calls of the system too many. Reasons and reach of the former are in
//! docs/decisions/0008-network-identity.md, the proofs in `tests/hostile.rs`.
//!
//! In: nothing. Out: [`MENDS`], for the build script. The old and new texts are parts of libzmq, of the files that they
//! name, and are under the Mozilla Public License, v. 2.0 (<https://mozilla.org/MPL/2.0/>), as those files are.

/// One change of one file.
pub(crate) struct Mend {
    /// Name of the file below libzmq's `src`.
    pub(crate) file: &'static str,
    /// What it is for, in a few words.
    pub(crate) why: &'static str,
    /// A text that must be in the file exactly once.
    pub(crate) old: &'static str,
    /// What takes its place.
    pub(crate) new: &'static str,
}

/// Every change, in the order in which those of one file are made.
pub(crate) const MENDS: &[Mend] = &[
    // A connection broke while its queue was full, and is kept until the queue is read. A ping that waits behind the
    // queue is then answered into a connection that is no more. `restart_output` asks the same question.
    Mend {
        file: "stream_engine_base.cpp",
        why: "no output after an error of input",
        old: r"void zmq::stream_engine_base_t::out_event ()
{
    zmq_assert (!_io_error);
",
        new: r"void zmq::stream_engine_base_t::out_event ()
{
    if (unlikely (_io_error))
        return;
",
    },
    // A peer may call itself what the ROUTER is about to call the next one, which ends the process, or what another is
    // called, and then its connection is never read nor freed. No peer of ours names itself: the name is not taken.
    Mend {
        file: "router.cpp",
        why: "a peer does not choose its routing id",
        old: r"        if (msg.size () == 0) {
            //  Fall back on the auto-generation
            unsigned char buf[5];
            buf[0] = 0;
            put_uint32 (buf + 1, _next_integral_routing_id++);
            routing_id.set (buf, sizeof buf);
            msg.close ();
        } else {
",
        new: r"        if (!_handover) {
            //  Numbers come round again after 2^32 connections.
            unsigned char buf[5];
            buf[0] = 0;
            do {
                put_uint32 (buf + 1, _next_integral_routing_id++);
                routing_id.set (buf, sizeof buf);
            } while (has_out_pipe (routing_id));
            msg.close ();
        } else {
",
    },
    // In manual mode a subscription waits beside its pipe, which may be freed before the subscription is read; another
    // pipe may have the address then, and be granted what it did not ask for.
    Mend {
        file: "xpub.cpp",
        why: "no subscription waits for a pipe that is gone",
        old: r"        if (pipe_ == _last_pipe) {
            _last_pipe = NULL;
        }
    } else {
",
        new: r"        if (pipe_ == _last_pipe) {
            _last_pipe = NULL;
        }
        std::replace (_pending_pipes.begin (), _pending_pipes.end (), pipe_,
                      static_cast<pipe_t *> (NULL));
    } else {
",
    },
    // In manual mode every topic asked for was kept in a trie of some 48 bytes for each byte, granted or not. Now the
    // trie has what was granted: the next three.
    Mend {
        file: "xpub.cpp",
        why: "a topic is kept when it is granted: not before",
        old: r"                // Store manual subscription to use on termination
                if (!subscribe)
                    _manual_subscriptions.rm (data, size, pipe_);
                else
                    _manual_subscriptions.add (data, size, pipe_);

                _pending_pipes.push_back (pipe_);
",
        new: r"                _pending_pipes.push_back (pipe_);
",
    },
    Mend {
        file: "xpub.cpp",
        why: "a topic is kept when it is granted: granted",
        old: r"    } else if (option_ == ZMQ_SUBSCRIBE && _manual) {
        if (_last_pipe != NULL)
            _subscriptions.add ((unsigned char *) optval_, optvallen_,
                                _last_pipe);
",
        new: r"    } else if (option_ == ZMQ_SUBSCRIBE && _manual) {
        if (_last_pipe != NULL) {
            _manual_subscriptions.add ((unsigned char *) optval_, optvallen_,
                                       _last_pipe);
            _subscriptions.add ((unsigned char *) optval_, optvallen_,
                                _last_pipe);
        }
",
    },
    Mend {
        file: "xpub.cpp",
        why: "a topic is kept when it is granted: taken back",
        old: r"    } else if (option_ == ZMQ_UNSUBSCRIBE && _manual) {
        if (_last_pipe != NULL)
            _subscriptions.rm ((unsigned char *) optval_, optvallen_,
                               _last_pipe);
",
        new: r"    } else if (option_ == ZMQ_UNSUBSCRIBE && _manual) {
        if (_last_pipe != NULL) {
            _manual_subscriptions.rm ((unsigned char *) optval_, optvallen_,
                                      _last_pipe);
            _subscriptions.rm ((unsigned char *) optval_, optvallen_,
                               _last_pipe);
        }
",
    },
    // Whoever had something to send began to poll for room, wrote at once, was told of room, found nothing more to write, and ended
    // the polling. Now it writes at once, and polls only if something is left: the next three.
    Mend {
        file: "stream_engine_base.cpp",
        why: "room is polled for only when there is none",
        old: r"    if (likely (_output_stopped)) {
        set_pollout ();
        _output_stopped = false;
    }
",
        new: r"    if (likely (_output_stopped && !_handshaking)) {
        _output_stopped = false;
        //  A few batches; after that it is the turn of others.
        for (int batch = 0; batch < 4; batch++) {
            out_event ();
            if (_output_stopped || _outsize != 0)
                break;
        }
        if (!_output_stopped)
            set_pollout ();
        return;
    }
    if (_output_stopped) {
        set_pollout ();
        _output_stopped = false;
    }
",
    },
    Mend {
        file: "epoll.cpp",
        why: "polling that goes on does not begin again",
        old: r"    pe->ev.events |= EPOLLOUT;
",
        new: r"    if (pe->ev.events & EPOLLOUT)
        return;
    pe->ev.events |= EPOLLOUT;
",
    },
    Mend {
        file: "epoll.cpp",
        why: "polling that has ended does not end again",
        old: r"    pe->ev.events &= ~(static_cast<uint32_t> (EPOLLOUT));
",
        new: r"    if (!(pe->ev.events & EPOLLOUT))
        return;
    pe->ev.events &= ~(static_cast<uint32_t> (EPOLLOUT));
",
    },
];
