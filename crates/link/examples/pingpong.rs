//! Measures the link over a Unix socket: the time of a request and the event that answers it, and messages
//! per second each way.
//!
//! In: nothing (`cargo run --release -p moor-link --example pingpong`). Out: a few lines with percentiles.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use moor_link::{
    Client, ClientConfig, ClientEvent, ClientHandle, Endpoint, NodeId, SendError, Server,
    ServerConfig, ServerEvent, ServerHandle, ServiceType,
};

const WARM_UP: usize = 2_000;
const ROUNDS: usize = 20_000;
const BURST: usize = 500_000;
const PAYLOAD: [u8; 100] = [b'x'; 100];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("moor-pingpong-{}", std::process::id()));
    let rpc = Endpoint::ipc(folder.join("rpc.sock"))?;
    let events = Endpoint::ipc(folder.join("events.sock"))?;
    let service = ServiceType::new("telnet-host")?;
    let (sender, requests) = bounded(100_000);
    let server = Server::start(
        ServerConfig::new(
            vec![rpc.clone()],
            vec![events.clone()],
            1,
            vec![service.clone()],
        ),
        sender,
    )?;
    let (sender, answers) = bounded(100_000);
    let config = ClientConfig::new(vec![rpc], vec![events], 1, NodeId::random()?, service);
    let client = Client::start(config, sender)?;
    let handle = server.handle();
    let echo = std::thread::spawn(move || echo(&requests, &handle));
    while !client.handle().is_up() {
        std::thread::sleep(Duration::from_millis(1));
    }
    round_trips(&client.handle(), &answers)?;
    burst(&client.handle(), &answers)?;
    client.shutdown();
    server.shutdown();
    echo.join().map_err(|_| "the echo thread panicked")?;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// The server's program: every request is answered with an event.
fn echo(requests: &Receiver<ServerEvent>, handle: &ServerHandle) {
    for event in requests {
        if let ServerEvent::Request { peer, payload, .. } = event {
            while handle.publish(peer, payload.clone()) == Err(SendError::Full) {
                std::thread::yield_now();
            }
        }
    }
}

fn round_trips(
    client: &ClientHandle,
    answers: &Receiver<ClientEvent>,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut times = Vec::with_capacity(ROUNDS);
    for round in 0..WARM_UP + ROUNDS {
        let start = Instant::now();
        client.send(PAYLOAD.to_vec())?;
        while !matches!(answers.recv()?, ClientEvent::Published(_)) {}
        if round >= WARM_UP {
            times.push(start.elapsed());
        }
    }
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    println!(
        "request and event, {ROUNDS} rounds: p50 {:?}, p90 {:?}, p99 {:?}",
        at(50),
        at(90),
        at(99)
    );
    Ok(())
}

fn burst(
    client: &ClientHandle,
    answers: &Receiver<ClientEvent>,
) -> Result<(), Box<dyn std::error::Error>> {
    let sender = client.clone();
    let start = Instant::now();
    let sending = std::thread::spawn(move || {
        for _ in 0..BURST {
            while sender.send(PAYLOAD.to_vec()) == Err(SendError::Full) {
                std::thread::yield_now();
            }
        }
    });
    for _ in 0..BURST {
        let ClientEvent::Published(_) = answers.recv()? else {
            return Err("the link went down".into());
        };
    }
    sending.join().map_err(|_| "the sending thread panicked")?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{BURST} requests, each answered by an event: {:.0} pairs/s",
        BURST as f64 / seconds
    );
    Ok(())
}
