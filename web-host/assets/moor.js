// The page of the web host: sign in, play, come back after a break.
//
// Text of the world becomes text nodes and nothing else. The token is in a cookie that scripts cannot read; what is
// kept here is the name of the session, so that a reload of the page goes on with it. docs/WEB.md has the messages.
"use strict";

const PROTOCOL = "moor.v1";
const LINES_SHOWN_MAX = 2000;
const HISTORY_MAX = 200;
const PAUSE_FIRST_MS = 250;
const PAUSE_MAX_MS = 10000;
const ACK_AFTER_MS = 500;
const CLOSE_ENDED = 1000;
const CLOSE_POLICY = 1008;
const CLOSE_SIGN_IN = 4401;
const CLOSE_TAKEN = 4409;
// What terminals obey (ECMA-48): commands that begin with ESC or CSI, and single control characters but tab and new line.
const TERMINAL =
  /\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|\u001b[ -/]*[0-~]?|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

const at = (id) => document.getElementById(id);
const [log, line, status, problem] = ["log", "line", "status", "problem"].map(at);

// What is known of the session: its name, the last event shown, and the lines that the host has not said that it has.
const session = {
  name: sessionStorage.getItem("moor.session"),
  lastEvent: Number(sessionStorage.getItem("moor.event") ?? 0),
  lastLine: 0,
  unsent: [],
  isWelcome: false,
};
let socket = null;
let failures = 0;
let ackTimer = null;
let wantsConnection = false;
let isLineOpen = false;

// Output.

// The text without what only a terminal understands.
function plain(text) {
  return text.replace(TERMINAL, "");
}

function show(text, kind) {
  const wasAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const paragraph = document.createElement("p");
  if (kind) paragraph.className = kind;
  paragraph.textContent = plain(text);
  log.append(paragraph);
  while (log.childElementCount > LINES_SHOWN_MAX) log.firstElementChild.remove();
  if (wasAtEnd) log.scrollTop = log.scrollHeight;
  return paragraph;
}

// Lines without an end go on in the paragraph before.
function showLines(lines, newline) {
  for (const text of lines) {
    if (isLineOpen && log.lastElementChild) log.lastElementChild.textContent += plain(text);
    else show(text);
    isLineOpen = !newline;
  }
}

function showStatus(text) {
  if (status.textContent !== text) status.textContent = text;
}

function showDoor(isOpen) {
  at("door").hidden = !isOpen;
  at("play").hidden = isOpen;
  at("leave").hidden = isOpen;
  (isOpen ? at("player") : line).focus();
}

// The session.

function remember(name, lastEvent) {
  session.name = name;
  session.lastEvent = lastEvent;
  if (name) {
    sessionStorage.setItem("moor.session", name);
    sessionStorage.setItem("moor.event", String(lastEvent));
  } else {
    sessionStorage.removeItem("moor.session");
    sessionStorage.removeItem("moor.event");
  }
}

function connect() {
  wantsConnection = true;
  session.isWelcome = false;
  showStatus(failures === 0 ? "Connecting…" : "Connection lost. Connecting again…");
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const own = new WebSocket(`${scheme}//${location.host}/ws`, PROTOCOL);
  socket = own;
  own.onopen = () => {
    const hello = { type: "hello", last_event: session.lastEvent };
    if (session.name) hello.resume = session.name;
    own.send(JSON.stringify(hello));
  };
  own.onmessage = (message) => own === socket && take(JSON.parse(message.data));
  own.onclose = (closed) => own === socket && lost(closed.code);
}

function lost(code) {
  socket = null;
  session.isWelcome = false;
  if (!wantsConnection) return;
  if (code === CLOSE_ENDED || code === CLOSE_POLICY || code === CLOSE_SIGN_IN) return over();
  if (code === CLOSE_TAKEN) return showStatus("Another window goes on with this session.");
  const bound = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** failures);
  failures += 1;
  showStatus("Connection lost. Connecting again…");
  setTimeout(() => wantsConnection && !socket && connect(), bound / 2 + (Math.random() * bound) / 2);
}

function over() {
  wantsConnection = false;
  remember(null, 0);
  session.unsent = [];
  showStatus("Not connected.");
  show("You are not connected any more.", "notice");
  const words = [...log.querySelectorAll("p")].slice(-5).map((paragraph) => paragraph.textContent);
  problem.textContent = words.join("\n");
  showDoor(true);
}

function take(message) {
  if (typeof message.n === "number") {
    // What came before a break may come again.
    if (message.n <= session.lastEvent) return;
    remember(session.name, message.n);
    acknowledgeSoon();
  }
  switch (message.type) {
    case "welcome": return welcome(message);
    case "text": return showLines(message.lines, message.newline);
    case "binary": return show("[binary output]", "notice");
    case "done": return done(message.line);
    case "echo": return setEcho(message.on);
    case "notice": return show(message.text, "notice");
    case "missed": return show(`>> Up to ${message.lines} lines were lost <<`, "notice");
    case "error": return show(message.text, "notice");
  }
}

function welcome(message) {
  failures = 0;
  session.isWelcome = true;
  if (!message.resumed && session.name && message.session !== session.name) {
    show("This is a new session.", "notice");
    session.unsent = [];
  }
  // A new session shows what is typed; one that goes on may be asking for a password.
  if (!message.resumed) setEcho(true);
  remember(message.session, message.resumed ? session.lastEvent : 0);
  // Lines that did not arrive are sent again, under numbers that follow what did.
  session.unsent = session.unsent.filter((unsent) => unsent.n > message.last_line);
  session.lastLine = message.last_line;
  for (const unsent of session.unsent) {
    session.lastLine += 1;
    unsent.n = session.lastLine;
    sendLine(unsent);
  }
  showStatus("Connected.");
}

function acknowledgeSoon() {
  ackTimer ??= setTimeout(() => {
    ackTimer = null;
    if (session.isWelcome) socket.send(JSON.stringify({ type: "ack", n: session.lastEvent }));
  }, ACK_AFTER_MS);
}

function done(number) {
  session.unsent = session.unsent.filter((unsent) => unsent.n > number);
}

function sendLine(unsent) {
  socket.send(JSON.stringify({ type: "line", n: unsent.n, text: unsent.text }));
}

function say(text) {
  session.lastLine += 1;
  const unsent = { n: session.lastLine, text };
  session.unsent.push(unsent);
  if (session.isWelcome) sendLine(unsent);
}

// Input.

const past = [];
let place = 0;
let draft = "";

function setEcho(isOn) {
  line.type = isOn ? "text" : "password";
  at("line-label").textContent = isOn ? "Command" : "Command (not shown)";
}

at("prompt").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = line.value;
  const isShown = line.type === "text";
  line.value = "";
  isLineOpen = false;
  if (isShown) show(`> ${text}`, "typed");
  if (isShown && text && past[past.length - 1] !== text) past.push(text);
  if (past.length > HISTORY_MAX) past.shift();
  place = past.length;
  say(text);
});

line.addEventListener("keydown", (event) => {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const next = place + step;
  if (!step || event.ctrlKey || event.altKey || event.metaKey || next < 0 || next > past.length) return;
  event.preventDefault();
  if (place === past.length) draft = line.value;
  place = next;
  line.value = place === past.length ? draft : past[place];
  line.setSelectionRange(line.value.length, line.value.length);
});

// A text of several lines that is pasted becomes several commands.
line.addEventListener("paste", (event) => {
  const lines = event.clipboardData.getData("text").split(/\r\n|\r|\n/);
  if (lines.length < 2) return;
  event.preventDefault();
  lines[0] = line.value + lines[0];
  line.value = lines.pop();
  for (const text of lines) {
    show(`> ${text}`, "typed");
    say(text);
  }
});

// The door.

at("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const wish = event.submitter?.value === "create" ? "create" : "connect";
  problem.textContent = "";
  showStatus("Signing in…");
  try {
    const response = await fetch(`/auth/${wish}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ player: at("player").value, password: at("password").value }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error.message);
    at("password").value = "";
    log.replaceChildren();
    session.unsent = [];
    remember(answer.session, 0);
    setEcho(true);
    failures = 0;
    showDoor(false);
    connect();
  } catch (error) {
    showStatus("Not connected.");
    problem.textContent = error instanceof TypeError ? "The server cannot be reached." : plain(error.message);
    at("player").focus();
  }
});

at("leave").addEventListener("click", async () => {
  wantsConnection = false;
  socket?.close();
  socket = null;
  remember(null, 0);
  await fetch("/auth/logout", { method: "POST" }).catch(() => {});
  showStatus("Signed out.");
  showDoor(true);
});

// A page that was loaded again goes on; what it had shown is gone, so it asks for what the host still has.
if (session.name) {
  showDoor(false);
  connect();
} else {
  at("player").focus();
}
