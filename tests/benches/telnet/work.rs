//! What users type, and the world in which they do.
//!
//! In: a server with LambdaCore or the starter world, both of which have `$prog`, `$room`, a wizard without a password and a verb that answers
//! to `;`. Out: players, each in a room of its own, who know the commands.

use std::net::SocketAddr;

use moor_tests::Client;

/// What one command is.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Workload {
    /// A verb of one line.
    Ping,
    /// 200 turns of a loop, and a property write, which is synced to disk before the answer.
    Workping,
    /// An expression that is compiled and computed.
    Eval,
    /// The room, followed by `ping`, so that its end is known.
    Look,
}

impl Workload {
    pub(crate) const ALL: [Self; 4] = [Self::Ping, Self::Workping, Self::Eval, Self::Look];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Workping => "workping",
            Self::Eval => "eval",
            Self::Look => "look",
        }
    }

    /// The lines of one command, which bears a number.
    pub(crate) fn lines(self, number: u64) -> String {
        match self {
            Self::Ping => format!("ping {number}\r\n"),
            Self::Workping => format!("workping {number}\r\n"),
            Self::Eval => format!(";{number} + 0\r\n"),
            Self::Look => format!("look\r\nping {number}\r\n"),
        }
    }

    /// How the last line of the answer begins.
    pub(crate) fn answer(self, number: u64) -> String {
        match self {
            Self::Eval => format!("=> {number}"),
            _ => format!("pong {number}"),
        }
    }
}

/// No task runs out of ticks or seconds.
const LIMITS: &str = r#"
    for option in ({"fg_ticks", "fg_seconds", "bg_ticks", "bg_seconds"})
        `$server_options.(option) = 2000000000 ! E_PROPNF
            => add_property($server_options, option, 2000000000, {player, "r"})';
    endfor
    load_server_options();
    `player.ownership_quota = 1000000 ! ANY';"#;

/// The commands, and `bench #NUMBER` as the only way to log in.
const COMMANDS: &str = r##"
    class = create($prog);
    add_property(class, "count", 0, {player, "rwc"});
    for command in ({
        {"ping", {"notify(player, \"pong \" + argstr);"}},
        {"workping", {"x = 0;", "for i in [1..200]", "x = x + i % 7;", "endfor",
            "player.count = player.count + 1;", "notify(player, tostr(\"pong \", argstr, \" \", x));"}}})
        add_verb(class, {player, "rxd", command[1]}, {"any", "none", "none"});
        set_verb_code(class, command[1], command[2]) && raise(E_INVARG);
    endfor
    set_verb_code(#0, "do_login_command",
        {"return length(args) == 2 && args[1] == \"bench\" ? toobj(args[2]) | 0;"}) && raise(E_INVARG);
    return class;"##;

/// Limits and commands, then so many players: their literals.
pub(crate) fn prepare(telnet: SocketAddr, players: usize) -> Vec<String> {
    let mut wizard = Client::connect(telnet).expect("the host accepts");
    wizard.send("connect wizard").expect("connected");
    value(&mut wizard, &format!("{LIMITS} return 1;"));
    let class = value(&mut wizard, COMMANDS);
    let players = value(
        &mut wizard,
        &format!(
            "players = {{}};
             for i in [1..{players}]
                 room = create($room);
                 room.name = tostr(\"Room \", i);
                 room.description = \"A room with as many words about it as rooms have that somebody has thought of.\";
                 someone = create({class});
                 someone.name = tostr(\"Someone\", i);
                 set_player_flag(someone, 1);
                 someone.programmer = 1;
                 someone.home = room;
                 move(someone, room);
                 players = {{@players, someone}};
             endfor
             return players;"
        ),
    );
    let players = players.trim_matches(['{', '}']).split(", ");
    players.map(str::to_owned).collect()
}

/// What statements return, as the world's `;` shows it.
fn value(wizard: &mut Client, code: &str) -> String {
    let parts: Vec<&str> = code.lines().map(str::trim).collect();
    wizard
        .send(&format!(";;{}", parts.join(" ")))
        .expect("connected");
    let lines = wizard.expect("=> ");
    let answer = lines.last().and_then(|line| line.strip_prefix("=> "));
    let answer = answer.unwrap_or_else(|| panic!("{code}\n{lines:?}"));
    // LambdaCore adds the name of an object, and how many ticks it took.
    let value = answer.split("  ").next().unwrap_or(answer);
    value.to_owned()
}
