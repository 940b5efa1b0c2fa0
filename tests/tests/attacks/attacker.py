"""What an attacker with libzmq tries against a daemon that listens on TCP.

usage: attacker.py ATTACK JSON, where JSON names endpoints and keys. Prints one JSON value a line; a line on
standard input means "go on". It shares no code with moor: the bytes of the link's frames are written out here.
"""

import base64
import itertools
import json
import os
import select
import socket
import struct
import sys
import threading
import time

import zmq
from zmq.utils.monitor import recv_monitor_message

CONTEXT = zmq.Context()
# A name for each monitor: pyzmq's own is the descriptor's number, which a socket that is still being closed may have had.
MONITORS = (f"inproc://monitor-{number}" for number in itertools.count())
PATIENCE_S = 20


def say(value):
    print(json.dumps(value), flush=True)


def go_on():
    sys.stdin.readline()


def random_keys():
    return zmq.curve_keypair()


def keys_of(secret):
    secret = secret.encode()
    return zmq.curve_public(secret), secret


def opened(kind, endpoint, server=None, keys=None, plain=False):
    """A connected socket and the monitor of its connection."""
    sock = CONTEXT.socket(kind)
    sock.linger = 0
    sock.reconnect_ivl = 200
    if plain:
        sock.plain_username = b"moor"
        sock.plain_password = b"moor"
    if server is not None:
        sock.curve_serverkey = server.encode()
        sock.curve_publickey, sock.curve_secretkey = keys
    monitor = sock.get_monitor_socket(
        zmq.EVENT_HANDSHAKE_SUCCEEDED
        | zmq.EVENT_HANDSHAKE_FAILED_AUTH
        | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
        | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
        | zmq.EVENT_DISCONNECTED,
        next(MONITORS),
    )
    sock.connect(endpoint)
    return sock, monitor


def handshake(monitor):
    """How the handshake went: "succeeded", or how it failed."""
    if not monitor.poll(PATIENCE_S * 1000):
        return "silence"
    event = recv_monitor_message(monitor)["event"]
    names = {
        zmq.EVENT_HANDSHAKE_SUCCEEDED: "succeeded",
        zmq.EVENT_HANDSHAKE_FAILED_AUTH: "not allowed",
        zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: "failed",
        zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "protocol",
        zmq.EVENT_DISCONNECTED: "disconnected",
    }
    return names.get(int(event), str(event))


def hello(config, service, node=None):
    node = node or os.urandom(16)
    link, protocol = config["link"], config["protocol"]
    return (
        b"\x01MOOR" + struct.pack("<HI", link, protocol) + node
        + bytes([len(service)]) + service.encode() + b"\x01x"
    )


def welcomed(config, server, keys, service, node=None):
    """A connection that was let in, and the ticket of its welcome."""
    rpc, monitor = opened(zmq.DEALER, config["endpoints"]["rpc"], server, keys)
    rpc.send(hello(config, service, node))
    if not rpc.poll(PATIENCE_S * 1000):
        return rpc, None
    answer = rpc.recv()
    if answer[0] != 2:
        return rpc, None
    # kind, link u16, instance 16, ticket 16
    return rpc, answer[19:35]


def doors(config):
    """Every door with every wrong key. One line for each: who, where, how it went, what came back."""
    server = config["server"]
    identities = {
        "null": dict(),
        "plain": dict(plain=True),
        "stranger": dict(server=server, keys=random_keys()),
        "wrong server": dict(server=random_keys()[0].decode(), keys=keys_of(config["host"])),
        "worker": dict(server=server, keys=keys_of(config["worker"])),
        "host": dict(server=server, keys=keys_of(config["host"])),
    }
    subscribes = ("events", "workers-request")
    for who, options in identities.items():
        for door, endpoint in config["endpoints"].items():
            kind = zmq.SUB if door in subscribes else zmq.DEALER
            sock, monitor = opened(kind, endpoint, **options)
            if kind == zmq.SUB:
                sock.subscribe(b"")
            else:
                service = "curl-worker" if who == "worker" else "telnet-host"
                sock.send(hello(config, service))
            went = handshake(monitor)
            came = 0
            if went == "succeeded" and door != "enrollment":
                came = int(bool(sock.poll(300)))
            say([who, door, went, came])
            sock.disable_monitor()
            sock.close()


def eavesdrop(config):
    """An enrolled host that wants every other host's events."""
    server, keys = config["server"], keys_of(config["host"])
    rpc, ticket = welcomed(config, server, keys, "telnet-host")
    assert ticket, "the enrolled key is let in"
    events, monitor = opened(zmq.SUB, config["endpoints"]["events"], server, keys)
    assert handshake(monitor) == "succeeded"
    wishes = [b""] + [bytes([byte]) for byte in range(256)]
    wishes += [ticket[:length] for length in range(1, 16)] + [ticket + b"\x09", os.urandom(16)]
    for wish in wishes:
        events.subscribe(wish)
    stray = 0
    say("listening")
    go_on()
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        if events.poll(100):
            events.recv()
            stray += 1
    # The proof that it would have heard what is its own.
    events.subscribe(ticket)
    own = int(bool(events.poll(PATIENCE_S * 1000)))
    say({"stray": stray, "own": own})


def impostor(config):
    """An enrolled host that says it is another host, and one that says it is of another kind."""
    server, keys = config["server"], keys_of(config["host"])
    rpc, ticket = welcomed(config, server, keys, "telnet-host", bytes.fromhex(config["victim"]))
    say({"as itself": ticket is not None})
    other, ticket = welcomed(config, server, keys, "web-host")
    say({"as web-host": ticket is not None})
    go_on()


def revoked(config):
    """A host that is let in, and then no longer."""
    server, keys = config["server"], keys_of(config["host"])
    rpc, ticket = welcomed(config, server, keys, "telnet-host")
    assert ticket, "the enrolled key is let in"
    events, monitor = opened(zmq.SUB, config["endpoints"]["events"], server, keys)
    events.subscribe(ticket)
    assert events.poll(PATIENCE_S * 1000), "the subscription is granted"
    assert events.recv()[16] == 5
    say("in")
    go_on()
    begin = time.monotonic()
    refusal = None
    while refusal is None and time.monotonic() - begin < PATIENCE_S:
        if rpc.poll(20):
            answer = rpc.recv()
            if answer[0] in (3, 8):
                refusal = answer[0]
    took = time.monotonic() - begin
    # A request of the old connection, an event for it, a new connection.
    rpc.send(b"\x04" + bytes(9))
    later = rpc.recv() if rpc.poll(300) else b""
    while events.poll(300):
        # A ping that was on its way, or a goodbye.
        last = events.recv()
        if last[16] not in (6, 8):
            say({"event after the end": last.hex()})
    again, monitor = opened(zmq.DEALER, config["endpoints"]["rpc"], server, keys)
    say({"refusal": refusal, "seconds": took, "answered": later[:1] == b"\x04", "again": handshake(monitor)})


class Tap:
    """A TCP relay that keeps every byte that passes."""

    def __init__(self, target):
        host, port = target.removeprefix("tcp://").split(":")
        self.target = (host, int(port))
        self.bytes = {"up": bytearray(), "down": bytearray()}
        self.first_up = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "tcp://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            threading.Thread(target=self.relay, args=(near,), daemon=True).start()

    def relay(self, near):
        try:
            far = socket.create_connection(self.target)
        except OSError:
            near.close()
            return
        own = bytearray()
        if self.first_up is None:
            self.first_up = own
        ends = {near: (far, "up"), far: (near, "down")}
        while True:
            for source in select.select(list(ends), [], [])[0]:
                target, way = ends[source]
                try:
                    data = source.recv(65536)
                    target.sendall(data)
                except OSError:
                    data = b""
                if not data:
                    near.close()
                    far.close()
                    return
                self.bytes[way] += data
                if way == "up":
                    own += data


def tap(config):
    """A wiretap on every endpoint, and the replay of an enrollment."""
    taps = {name: Tap(endpoint) for name, endpoint in config["endpoints"].items()}
    say({name: tap.address for name, tap in taps.items()})
    go_on()
    wanted = [text.encode() for text in config["secrets"]]
    for text in config["secrets"]:
        try:
            wanted.append(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except ValueError:
            pass
    heard = {name: len(tap.bytes["up"]) + len(tap.bytes["down"]) for name, tap in taps.items()}
    leaks = [
        name for name, tap in taps.items() for want in wanted for way in tap.bytes.values() if want in way
    ]
    say({"heard": heard, "leaks": leaks})
    recorded = bytes(taps["enrollment"].first_up)
    host, port = taps["enrollment"].target
    with socket.create_connection((host, port)) as replay:
        replay.settimeout(2)
        replay.sendall(recorded)
        answer = bytearray()
        try:
            while data := replay.recv(65536):
                answer += data
        except OSError:
            pass
    say({"replayed": len(recorded), "answered": len(answer)})


def middle(config):
    """A server with another key where the daemon should be."""
    public, secret = random_keys()
    sock = CONTEXT.socket(zmq.ROUTER)
    sock.linger = 0
    sock.curve_server = True
    sock.curve_secretkey = secret
    port = sock.bind_to_random_port("tcp://127.0.0.1")
    say("tcp://127.0.0.1:%d" % port)
    received = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        if sock.poll(100):
            sock.recv_multipart()
            received += 1
    say({"received": received})


def greeting(mechanism=b"CURVE"):
    """The 64 bytes with which ZMTP 3.1 begins."""
    return b"\xff" + bytes(8) + b"\x7f" + b"\x03\x01" + mechanism.ljust(20, b"\0") + b"\0" + bytes(31)


def flood(config):
    """Silent connections by the hundred, garbage, frames of 8 GiB, bytes one by one."""
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    places = [endpoint.removeprefix("tcp://").split(":") for endpoint in config["endpoints"].values()]
    places = [(host, int(port)) for host, port in places]

    def connections(count):
        for number in range(count):
            try:
                yield socket.create_connection(places[number % len(places)], timeout=5)
            except OSError:
                pass

    silent = list(connections(config["silent"]))
    giants = list(connections(50))
    # A command, and a long message, that each say they have 8 GiB.
    headers = [b"\x06" + struct.pack(">Q", 8 << 30), b"\x02" + struct.pack(">Q", 8 << 30)]
    for number, sock in enumerate(giants):
        mechanism = b"NULL" if number % 3 == 0 else b"CURVE"
        try:
            sock.sendall(greeting(mechanism) + headers[number % 2] + bytes(4096))
        except OSError:
            pass
    for sock in connections(50):
        try:
            sock.sendall(os.urandom(100_000))
        except OSError:
            pass
        silent.append(sock)
    loris = list(connections(50))
    say({"open": len(silent) + len(giants) + len(loris)})
    drip = greeting() * 40
    at = 0
    while not select.select([sys.stdin], [], [], 0.05)[0]:
        byte = drip[at % len(drip):][:1]
        at += 1
        for sock in loris:
            try:
                sock.sendall(byte)
            except OSError:
                pass
    say("done")


ATTACKS = {
    "doors": doors,
    "eavesdrop": eavesdrop,
    "impostor": impostor,
    "revoked": revoked,
    "tap": tap,
    "middle": middle,
    "flood": flood,
}

if __name__ == "__main__":
    ATTACKS[sys.argv[1]](json.loads(sys.argv[2]))
    CONTEXT.destroy(linger=0)
