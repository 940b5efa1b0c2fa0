## Help and letters.

object #17 $help "help"
parent $root
flags readable
## Each topic: the words that find it, and its lines. Commands explain themselves: the strings that their programs
## begin with are their help.
property topics rc = {
  {{"index", "topics", "commands"}, {
    "Seeing:    look, examine, inventory, who",
    "Talking:   say (\"), emote (:), whisper, page",
    "Moving:    the name of an exit, go, home, @sethome",
    "Things:    get, drop, give, put, open, close, read, write",
    "Building:  @create, @describe, @rename, @dig, @go, @owned, @recycle",
    "Letters:   @send, @mail, @read, @delete",
    "Yourself:  @describe me as ..., @rename me to ..., @password, @quit",
    "Programs:  ;expression, @property, @set, @verb, @program, @list, @show, @chmod, @move",
    "",
    "`help COMMAND' explains a command. Topics: beginning, building, kinds, letters, programming, wizards."
  }},
  {{"beginning", "newbie", "start"}, {
    "You are in a room. `look' shows it, `look bell' something in it, and the name of an exit takes you on.",
    "To talk to those who are here type \"hello (with one quotation mark) or `say hello'; `:smiles' shows",
    "your name and `smiles'. `page ann hello' reaches Ann wherever she is. `home' always takes you home.",
    "Tell others what they see: @describe me as A sailor with a wide hat."
  }},
  {{"building", "builder"}, {
    "  @create $thing named red ball,ball     makes a ball that you then carry",
    "  @describe ball as It is red.           says what others see",
    "  @dig Attic                             makes a room and tells you its number, say #40",
    "  @go #40                                takes you there",
    "  @dig north,n|south,s to Loft           from a room of yours: another room, with exits there and back",
    "  @recycle ball                          destroys it"
  }},
  {{"kinds", "classes"}, {
    "  $thing      something to carry",
    "  $container  something that holds things",
    "  $note       something to write on",
    "  $room, $exit (made for you by @dig)",
    "Whatever its owner has made fertile (@chmod THING rf) is a kind, too."
  }},
  {{"letters", "mail"}, {
    "`@send ann' begins a letter to Ann: type lines and end with a line that is a single dot.",
    "`@mail' lists your letters, `@read 2' shows the second, `@delete 2' throws it away."
  }},
  {{"programming", "programs"}, {
    "Programmers write verbs; a wizard makes you one with `@programmer'.",
    "  ;1 + 1                                 shows the value of an expression",
    "  ;;for i in [1..3] player:tell(i); endfor   runs statements",
    "  @property ball.bounces 0               adds a property; @set ball.bounces to 3 changes it",
    "  @verb ball:bounce this none none       adds a command, `bounce ball'",
    "  @program ball:bounce                   then type its lines, and a single dot",
    "  @list ball:bounce, @show ball          show what is there",
    "A verb runs with the permissions of its owner. Verbs that others may call and that act on what they are",
    "given begin with set_task_perms(caller_perms())."
  }},
  {{"wizards", "wizard"}, {
    "  @password NEW              first of all: until then anyone on the server's machine can be the wizard",
    "  @programmer PERSON         lets someone program",
    "  @newpassword PERSON NEW    for those who forgot theirs",
    "  @boot, @shout, @dump, @shutdown",
    "  @set $login.welcome to {\"...\"}       the text that greets connections",
    "  @set $login.creation_open to 0       no new characters but by you",
    "  @show $server_options      limits of tasks and messages of the server"
  }}
}
verb "lines" this none this rxd
  "(text, who): the help that someone gets.";
  {text, who} = args;
  for topic in (this.topics)
    if (text in topic[1])
      return topic[2];
    endif
  endfor
  word = text[1] == ";" ? "eval" | (text[1] == "\"" ? "say" | (text[1] == ":" ? "emote" | text));
  for place in ({who, who.location, $thing, $container, $note})
    definer = valid(place) ? $match_utils:verb_definer(place, word) | #-1;
    if (valid(definer) && verb_args(definer, word) != {"this", "none", "this"})
      lines = this:of_verb(definer, word);
      return lines || {tostr("The command \"", word, "\" has no help.")};
    endif
  endfor
  return {tostr("There is no help on \"", text, "\". `help' lists what there is.")};
endverb
verb "of_verb" this none this rxd
  "(definer, verb): the strings that its program begins with.";
  if (caller != this)
    return E_PERM;
  endif
  {definer, name} = args;
  lines = {};
  for line in (verb_code(definer, name, 0, 0))
    if (!match(line, "^\".*\";$"))
      return lines;
    endif
    lines = {@lines, strsub(strsub(line[2..$ - 2], "\\\"", "\""), "\\\\", "\\")};
  endfor
  return lines;
endverb

object #18 $mail "post office"
parent $root
flags readable
property lines_max r = 200
## A letter in PLAYER.mail: {time, sender, sender's name, lines, whether it was read}.
verb "deliver" this none this rxd
  "(sender, recipient, lines)";
  if (!caller_perms().wizard)
    return E_PERM;
  endif
  {from, to, lines} = args;
  for i in [1..length(lines)]
    lines[i] = tostr(lines[i]);
  endfor
  if (!lines)
    return from:tell("The letter is empty; it was not sent.");
  elseif (length(lines) > this.lines_max)
    return from:tell("A letter has at most ", this.lines_max, " lines; it was not sent.");
  elseif (length(to.mail) >= to.mail_max)
    return from:tell("The letter box of ", to.name, " is full; it was not sent.");
  endif
  to.mail = {@to.mail, {time(), from, from.name, lines, 0}};
  from:tell("Your letter to ", to.name, " is sent.");
  to:tell("A letter from ", from.name, " has come; `@mail' lists your letters.");
endverb
verb "count_unread" this none this rxd
  "(who)";
  if (!caller_perms().wizard)
    return E_PERM;
  endif
  {who} = args;
  count = 0;
  for letter in (who.mail)
    count = count + !letter[5];
  endfor
  return count;
endverb
verb "list" this none this rxd
  "(who): a line for each letter.";
  if (!caller_perms().wizard)
    return E_PERM;
  endif
  {who} = args;
  lines = {};
  for letter in (who.mail)
    {when, from, name, text, seen} = letter;
    number = $string_utils:right(length(lines) + 1, 3);
    begins = length(text[1]) > 40 ? text[1][1..40] + "..." | text[1];
    lines = {@lines, tostr(number, seen ? "  " | "* ", ctime(when)[5..16], "  ", $string_utils:left(name, 17), begins)};
  endfor
  return lines || {"You have no letters."};
endverb
verb "show" this none this rxd
  "(who, number): a letter's lines; it counts as read then.";
  if (!caller_perms().wizard)
    return E_PERM;
  endif
  {who, number} = args;
  if (number < 1 || number > length(who.mail))
    return {"You have no such letter; `@mail' lists yours."};
  endif
  {when, from, name, text, seen} = who.mail[number];
  who.mail[number][5] = 1;
  return {tostr("From ", name, " on ", ctime(when), ":"), @text, "(end)"};
endverb
verb "delete" this none this rxd
  "(who, number): throws a letter away and says so.";
  if (!caller_perms().wizard)
    return E_PERM;
  endif
  {who, number} = args;
  if (number < 1 || number > length(who.mail))
    return "You have no such letter; `@mail' lists yours.";
  endif
  who.mail = listdelete(who.mail, number);
  return "The letter is gone.";
endverb
