//! Measures the link over a Unix socket and over TCP with CURVE, side by side: the time of a request and the
//! event that answers it, and messages per second each way.
//!
//! In: nothing (`cargo run --release -p moor-link --example pingpong`). Out: a few lines with percentiles.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, bounded};
use moor_keyring::{Domain, KeyPair, Registry};
use moor_link::{
    Client, ClientConfig, ClientEvent, ClientHandle, ClientKeys, ClientSecurity, Endpoint, NodeId,
    Security, SendError, Server, ServerConfig, ServerEvent, ServerHandle, ServerKeys, ServiceType,
    ServiceTypeError,
};

const SERVICE: &str = "telnet-host";

const WARM_UP: usize = 2_000;
const ROUNDS: usize = 20_000;
const BURST: usize = 500_000;
const PAYLOAD: [u8; 100] = [b'x'; 100];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("moor-pingpong-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    let ipc = |name: &str| Endpoint::ipc(folder.join("sockets").join(name));
    let server = server_config(ipc("rpc.sock")?, ipc("events.sock")?)?;
    measure("ipc://", server, client_config()?)?;

    let any: Endpoint = "tcp://127.0.0.1:0".parse()?;
    let mut server = server_config(any.clone(), any)?;
    let mut client = client_config()?;
    let registry = Registry::open(&folder.join("allowed-hosts"))?;
    let (server_pair, pair) = (KeyPair::generate()?, KeyPair::generate()?);
    let now = SystemTime::now();
    registry.enroll(SERVICE, "here", pair.public(), now, now)?;
    client.security = ClientSecurity::Curve(Arc::new(ClientKeys {
        pair: Arc::new(pair),
        server: server_pair.public(),
    }));
    server.security = Security::Curve(Arc::new(ServerKeys {
        pair: Arc::new(server_pair),
        registry: Arc::new(registry),
        rpc: Domain::Rpc,
        events: Domain::Events,
    }));
    measure("tcp:// with CURVE", server, client)?;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn server_config(rpc: Endpoint, events: Endpoint) -> Result<ServerConfig, ServiceTypeError> {
    let service = ServiceType::new(SERVICE)?;
    Ok(ServerConfig::new(vec![rpc], vec![events], 1, vec![service]))
}

/// Without addresses: they are known when the server listens.
fn client_config() -> Result<ClientConfig, Box<dyn std::error::Error>> {
    let none = Vec::<Endpoint>::new;
    let service = ServiceType::new(SERVICE)?;
    Ok(ClientConfig::new(
        none(),
        none(),
        1,
        NodeId::random()?,
        service,
    ))
}

/// Starts both sides and measures between them.
fn measure(
    name: &str,
    server: ServerConfig,
    mut client: ClientConfig,
) -> Result<(), Box<dyn std::error::Error>> {
    println!("{name}");
    let (sender, requests) = bounded(100_000);
    let server = Server::start(server, sender)?;
    let handle = server.handle();
    let addresses = |endpoints: &[Endpoint]| endpoints.iter().cloned().map(Into::into).collect();
    client.rpc = addresses(&handle.endpoints().rpc);
    client.events = addresses(&handle.endpoints().events);
    let (sender, answers) = bounded(100_000);
    let client = Client::start(client, sender)?;
    let echo = std::thread::spawn(move || echo(&requests, &handle));
    while !client.handle().is_up() {
        std::thread::sleep(Duration::from_millis(1));
    }
    round_trips(&client.handle(), &answers)?;
    burst(&client.handle(), &answers)?;
    client.shutdown();
    server.shutdown();
    echo.join().map_err(|_| "the echo thread panicked")?;
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
