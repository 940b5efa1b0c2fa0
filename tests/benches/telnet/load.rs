//! Connections that type as fast as they are answered.
//!
//! In: a site, a workload, a player for each connection, and for how long. Out: how many commands were answered, how long each took, and
//! what that cost each process.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use memchr::memmem;
use moor_tests::Client;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;

use crate::process::{own_processor_time, processor_time};
use crate::site::Site;
use crate::work::Workload;

/// Answers that are taken at a time.
const EVENTS: usize = 256;

/// What one row of the table says.
pub(crate) struct Load {
    rate: f64,
    /// Sorted.
    times: Vec<Duration>,
    daemon: Duration,
    host: Duration,
    /// Of the connections, that is of this process.
    own: Duration,
}

impl Load {
    /// The head of the table whose last columns a [`Load`] is.
    pub(crate) const HEAD: &str = "\
| command | link | connections | commands/s | p50 us | p99 us | p99.9 us | daemon us/command | host us/command | clients us/command |
|---|---|---|---|---|---|---|---|---|---|";

    /// One connection for each player, all typing until `length` is over, and at least one command each.
    pub(crate) fn run(
        site: &mut Site,
        workload: Workload,
        players: &[String],
        length: Duration,
    ) -> Self {
        let mut crowd = Crowd::gather(site.telnet, workload, players);
        let (daemon, host) = (site.daemon.id(), site.host.id());
        let used = || {
            [
                processor_time(daemon),
                processor_time(host),
                own_processor_time(),
            ]
        };
        let (before, begin) = (used(), Instant::now());
        let mut times = crowd.type_until(begin + length);
        let (lasted, after) = (begin.elapsed(), used());
        times.sort_unstable();
        let [daemon, host, own] = std::array::from_fn(|at| after[at].saturating_sub(before[at]));
        Self {
            rate: times.len() as f64 / lasted.as_secs_f64(),
            times,
            daemon,
            host,
            own,
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.times.len() - 1;
        let at = |share: f64| self.times[(last as f64 * share) as usize].as_micros();
        let each = |time: Duration| time.as_secs_f64() * 1e6 / self.times.len() as f64;
        write!(
            f,
            "{:.0} | {} | {} | {} | {:.1} | {:.1} | {:.1}",
            self.rate,
            at(0.5),
            at(0.99),
            at(0.999),
            each(self.daemon),
            each(self.host),
            each(self.own)
        )
    }
}

/// Everybody.
struct Crowd {
    users: Vec<User>,
    /// Tells by index which users have something to read.
    poll: OwnedFd,
}

/// A connection that has at most one command on its way.
struct User {
    stream: TcpStream,
    workload: Workload,
    /// Of its command.
    number: u64,
    sent: Instant,
    /// What has come of the answer.
    answer: Vec<u8>,
}

impl Crowd {
    fn gather(telnet: SocketAddr, workload: Workload, players: &[String]) -> Self {
        let users: Vec<User> = players
            .iter()
            .map(|player| User::log_in(telnet, player, workload))
            .collect();
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("a poll");
        for (index, user) in users.iter().enumerate() {
            let data = epoll::EventData::new_u64(index as u64);
            epoll::add(&poll, &user.stream, data, epoll::EventFlags::IN).expect("a socket");
        }
        Self { users, poll }
    }

    /// Everybody types until the end; how long each command took.
    fn type_until(&mut self, end: Instant) -> Vec<Duration> {
        let mut times = Vec::new();
        let mut events = Vec::with_capacity(EVENTS);
        self.users.iter_mut().for_each(User::send);
        let mut waiting = self.users.len();
        while waiting > 0 {
            events.clear();
            epoll::wait(&self.poll, spare_capacity(&mut events), None).expect("polled");
            for event in &events {
                let user = &mut self.users[event.data.u64() as usize];
                let Some(time) = user.receive() else { continue };
                times.push(time);
                match Instant::now() < end {
                    true => user.send(),
                    false => waiting -= 1,
                }
            }
        }
        times
    }
}

impl User {
    fn log_in(telnet: SocketAddr, player: &str, workload: Workload) -> Self {
        let mut client = Client::connect(telnet).expect("the host accepts");
        client.send(&format!("bench {player}")).expect("connected");
        client.send("ping 0").expect("connected");
        client.expect("pong 0");
        let stream = client.into_stream();
        stream.set_nonblocking(true).expect("a socket");
        Self {
            stream,
            workload,
            number: 0,
            sent: Instant::now(),
            answer: Vec::new(),
        }
    }

    fn send(&mut self) {
        self.number += 1;
        self.answer.clear();
        let lines = self.workload.lines(self.number);
        self.sent = Instant::now();
        // A few short lines always fit an empty buffer.
        self.stream.write_all(lines.as_bytes()).expect("connected");
    }

    /// Reads what is there; how long the command took if the answer is whole.
    fn receive(&mut self) -> Option<Duration> {
        let mut bytes = [0; 8 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(0) => panic!("the host closed the connection"),
            Ok(count) => self.answer.extend_from_slice(&bytes[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) => panic!("telnet: {error}"),
        }
        let wanted = self.workload.answer(self.number);
        let whole =
            self.answer.ends_with(b"\n") && memmem::find(&self.answer, wanted.as_bytes()).is_some();
        whole.then(|| self.sent.elapsed())
    }
}
