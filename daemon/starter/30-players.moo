## Players, programmers and wizards: what people can do.
## A command that writes or runs what its user names does so with the user's own permissions, or with those of the
## verb that called it, so that no one's code acts as someone else. Other commands of a player refuse to be called but by
## that player's own line: `caller' and `player' are `this'.

object #8 $player "player"
parent $root
flags readable
property password - = 0
property home rc = $player_start
property mail - = {}
property mail_max r = 100
property ownership_quota r = 100
property last_connected r = 0
property last_disconnected r = 0
verb "accept" this none this rxd
  "People carry things.";
  {what} = args;
  return isa(what, $thing);
endverb
verb "is_awake" this none this rxd
  "Whether this player is connected.";
  return this in connected_players() != 0;
endverb
verb "description" this none this rxd
  "What others see who look.";
  return this.description || tostr(this:title(), " has not said yet what others see (@describe me as TEXT).");
endverb
verb "look_self" this none this rxd
  "Shows this player to args[1].";
  {who} = args;
  who:tell(this:title());
  pass(@args);
  names = $string_utils:titles(this.contents);
  who:tell(this:title(), this:is_awake() ? " is awake" | " is asleep", names ? " and carries " + $string_utils:english_list(names) | "", ".");
endverb
verb "tell" this none this rxd
  "(text ...): shows this player one line.";
  notify(this, tostr(@args));
endverb
verb "tell_lines" this none this rxd
  "(lines): shows this player several lines.";
  {lines} = args;
  for line in (lines)
    this:tell(line);
  endfor
endverb
verb "confunc" this none this rxd
  "(whether connected before): called by #0 after a log-in.";
  if (caller != #0)
    return E_PERM;
  endif
  {again} = args;
  this.last_connected = time();
  if (valid(this.location))
    this.location:look_self(this);
  elseif (this:moveto(this.home) != 1)
    this:moveto($player_start);
  endif
  if (!again && valid(this.location))
    this.location:announce_all_but({this}, this:title(), " wakes up.");
  endif
  unread = $mail:count_unread(this);
  if (unread)
    this:tell("You have ", unread, unread == 1 ? " unread letter" | " unread letters", "; `@mail' lists them.");
  endif
  if (this.wizard && typeof(this.password) != STR)
    this:tell("You have no password yet. Please set one: @password NEW-PASSWORD");
  endif
endverb
verb "disfunc" this none this rxd
  "Called by #0 when this player's connection has ended.";
  if (caller != #0)
    return E_PERM;
  endif
  this.last_disconnected = time();
  if (valid(this.location))
    this.location:announce_all_but({this}, this:title(), " falls asleep.");
  endif
endverb
verb "read_lines" this none this rxd
  "Reads lines from this player until a single dot and returns them, or 0 after `@abort'.";
  if (!(caller_perms().wizard || caller_perms() == this))
    return E_PERM;
  endif
  this:tell("Type lines of text; end with a line `.', or give up with `@abort'.");
  lines = {};
  while (length(lines) <= 2000)
    line = read(this);
    if (line == ".")
      return lines;
    elseif (line == "@abort")
      this:tell("Given up.");
      return 0;
    endif
    lines = {@lines, line};
  endwhile
  this:tell("That is too long; nothing was done.");
  return 0;
endverb
verb "explain_huh" this none this rxd
  "(verb, argstr, dobjstr, dobj, prepstr, iobjstr, iobj): says what was wrong with a command.";
  {word, text, dstr, dobj, prep, istr, iobj} = args;
  known = 0;
  for class in ({$thing, $container, $note, $player, dobj, iobj})
    known = known || (valid(class) && valid($match_utils:verb_definer(class, word)));
  endfor
  if (!known)
    return this:tell("I don't know how to \"", word, "\". Type `help' to see what you can do.");
  elseif (dstr && !valid(dobj))
    return this:tell($match_utils:fault(dstr, dobj));
  elseif (istr && !valid(iobj))
    return this:tell($match_utils:fault(istr, iobj));
  elseif (!dstr)
    return this:tell($string_utils:capitalize(word), " what? `help ", word, "' says more.");
  endif
  this:tell("You can't ", word, " ", text, ". `help ", word, "' may say more.");
endverb
verb "l*ook" any any any rxd
  "Usage: look, look at THING, look in CONTAINER, look EXIT";
  "Shows the room, or a thing or person in it. `here' and `me' are the room and yourself.";
  if (caller != this || player != this)
    return E_PERM;
  elseif (!argstr)
    if (valid(this.location))
      return this.location:look_self(this);
    endif
    return this:tell("You are nowhere. `home' takes you home.");
  endif
  inside = prepstr in {"in", "inside", "into"};
  name = dobjstr || iobjstr;
  what = $match_utils:object(name);
  if (valid(what) && inside && isa(what, $container))
    what:look_inside(this);
  elseif (valid(what))
    what:look_self(this);
  else
    this:tell($match_utils:fault(name, what));
  endif
endverb
verb "i*nventory" none none none rxd
  "Usage: inventory";
  "Lists what you carry.";
  if (caller != this || player != this)
    return E_PERM;
  endif
  this:tell("You carry ", $string_utils:english_list($string_utils:titles(this.contents)), ".");
endverb
verb "exa*mine @exa*mine" any none none rxd
  "Usage: examine THING";
  "Tells what something is, whose it is, and which commands it understands.";
  if (caller != this || player != this)
    return E_PERM;
  endif
  what = $match_utils:find(argstr);
  if (!valid(what))
    return;
  endif
  owner = valid(what.owner) ? what.owner.name | "nobody";
  kind = valid(parent(what)) ? parent(what).name | "nothing";
  this:tell(what.name, " (", what, ") is owned by ", owner, " and is a kind of ", kind, ".");
  if (what.aliases)
    this:tell("It is also called ", $string_utils:english_list(what.aliases), ".");
  endif
  what:look_self(this);
  commands = {};
  for definer in ({what, @ancestors(what)})
    for i in [1..length(`verbs(definer) ! E_PERM => {}')]
      spec = verb_args(definer, i);
      info = verb_info(definer, i);
      if ("this" in {spec[1], spec[3]} && spec != {"this", "none", "this"} && index(info[2], "x"))
        form = {explode(info[3])[1]};
        for word in (spec)
          form = word == "none" ? form | {@form, word == "this" ? what.name | (word == "any" ? "..." | explode(word, "/")[1])};
        endfor
        commands = setadd(commands, "  " + $string_utils:join(form));
      endif
    endfor
  endfor
  if (commands)
    this:tell_lines({"Commands:", @commands});
  endif
endverb
verb "home" none none none rxd
  "Usage: home";
  "Takes you home from wherever you are.";
  if (caller != this || player != this)
    return E_PERM;
  elseif (this.location == this.home)
    return this:tell("You are home already.");
  endif
  from = this.location;
  if (this:moveto(this.home) == 1 || this:moveto($player_start) == 1)
    if (valid(from))
      from:announce_all(this:title(), " goes home.");
    endif
    this.location:announce_all_but({this}, this:title(), " comes home.");
  else
    this:tell("The way home is barred.");
  endif
endverb
verb "@sethome" none none none rxd
  "Usage: @sethome";
  "Makes the room that you are in your home: where you go with `home'.";
  if (caller != this || player != this)
    return E_PERM;
  elseif (!valid(this.location) || !(this.location == $player_start || $perm_utils:controls(this, this.location)))
    return this:tell("Your home must be a room of yours, or the place where everyone begins.");
  endif
  this.home = this.location;
  this:tell("This is your home now.");
endverb
verb "give hand" any at this rxd
  "Usage: give THING to PERSON";
  "Gives something that you carry to someone here.";
  if (caller != player)
    return E_PERM;
  endif
  what = $match_utils:find_in(dobjstr, player.contents);
  if (!valid(what))
    return;
  elseif (this == player || this.location != player.location)
    player:tell("There is nobody else like that here.");
  elseif (what:moveto(this) == 1)
    player:tell("You give the ", what:title(), " to ", this:title(), ".");
    this:tell(player:title(), " gives you the ", what:title(), ".");
    player.location:announce_all_but({player, this}, player:title(), " gives the ", what:title(), " to ", this:title(), ".");
  else
    player:tell(this:title(), " can't take that.");
  endif
endverb
verb "whis*per" any at this rxd
  "Usage: whisper TEXT to PERSON";
  "Says something that only one person in the room hears.";
  if (caller != player)
    return E_PERM;
  elseif (this.location != player.location)
    return player:tell(this:title(), " is not here; try `page'.");
  elseif (!this:is_awake())
    return player:tell(this:title(), " is asleep.");
  endif
  this:tell(player:title(), " whispers, \"", dobjstr, "\"");
  player:tell("You whisper to ", this:title(), ", \"", dobjstr, "\"");
endverb
verb "p*age" any any any rxd
  "Usage: page PERSON TEXT";
  "Says something to someone anywhere.";
  if (caller != this || player != this)
    return E_PERM;
  elseif (length(args) == 0)
    return this:tell("Page whom?");
  endif
  name = args[1];
  who = $match_utils:find_player(name);
  if (!valid(who))
    return;
  elseif (!who:is_awake())
    return this:tell(who:title(), " is not connected; `@send ", who.name, "' leaves a letter.");
  endif
  text = $string_utils:trim(argstr[index(argstr, name) + length(name)..$]);
  if (text && text[1] == "\"")
    text = text[2..$];
  endif
  place = valid(this.location) ? this.location:title() | "nowhere";
  who:tell(this:title(), " pages you from ", place, text ? tostr(": \"", text, "\"") | ".");
  this:tell("You have paged ", who:title(), ".");
endverb
verb "who @who" none none none rxd
  "Usage: who";
  "Lists who is connected.";
  if (caller != this || player != this)
    return E_PERM;
  endif
  this:tell_lines($login:who_lines());
endverb
verb "help @help" any any any rxd
  "Usage: help, help TOPIC, help COMMAND";
  "Explains something.";
  if (caller != this || player != this)
    return E_PERM;
  endif
  this:tell_lines($help:lines(argstr || "index", this));
endverb
verb "@desc*ribe" any as any rxd
  "Usage: @describe THING as TEXT";
  "Sets what others see who look at a thing, a room or a person of yours.";
  what = $match_utils:find(dobjstr);
  set_task_perms(callers() ? caller_perms() | player);
  if (valid(what))
    text = iobjstr;
    if (`what.description = text ! E_PERM' == E_PERM)
      return this:tell("That is not yours to describe.");
    endif
    this:tell(text ? "Description set." | "Description cleared.");
  endif
endverb
verb "@rename @name" any any any rxd
  "Usage: @rename THING to NAME   or   @rename THING to NAME,ALIAS,ALIAS ...";
  "Gives a thing of yours another name, and other words that it is known by.";
  if (caller != this || player != this)
    return E_PERM;
  endif
  at = index(argstr, " to ");
  if (!at)
    return this:tell("Usage: @rename THING to NAME,ALIAS ...");
  endif
  what = $match_utils:find($string_utils:trim(argstr[1..at]));
  names = $string_utils:comma_list(argstr[at + 4..$]);
  if (!valid(what))
    return;
  elseif (!$perm_utils:controls(this, what))
    return this:tell("That is not yours to rename.");
  elseif (!names)
    return this:tell("A name can't be empty.");
  elseif (is_player(what) && (fault = $login:name_fault(names[1], what)))
    return this:tell(fault);
  endif
  what.name = names[1];
  what.aliases = names[2..$];
  this:tell(what, " is called ", $string_utils:english_list(names), " now.");
endverb
verb "@create" any any any rxd
  "Usage: @create KIND named NAME   or   @create KIND named NAME,ALIAS ...";
  "Makes something of a kind, which is yours: @create $thing named ball. See `help kinds'.";
  set_task_perms(callers() ? caller_perms() | player);
  at = index(argstr, " named ");
  if (!at)
    return this:tell("Usage: @create KIND named NAME,ALIAS ...");
  endif
  kind = $match_utils:find(argstr[1..at - 1]);
  names = $string_utils:comma_list(argstr[at + 7..$]);
  if (!valid(kind))
    return;
  elseif (!names)
    return this:tell("A name can't be empty.");
  endif
  what = `create(kind) ! E_PERM, E_QUOTA';
  if (what == E_PERM)
    return this:tell("You can't make things of that kind.");
  elseif (what == E_QUOTA)
    return this:tell("You own as many things as you may; @recycle something first.");
  endif
  what.name = names[1];
  what.aliases = names[2..$];
  `move(what, this) ! ANY';
  this:tell(what.location == this ? "You now have " | "You have made ", names[1], " with object number ", what, ", a kind of ", kind.name, ".");
endverb
verb "@recycle" any none none rxd
  "Usage: @recycle THING";
  "Destroys something of yours for good.";
  what = $match_utils:find(dobjstr);
  set_task_perms(callers() ? caller_perms() | player);
  if (!valid(what))
    return;
  elseif (is_player(what))
    return this:tell("People are not recycled.");
  elseif ($perm_utils:is_core(what))
    return this:tell("The world needs that.");
  endif
  name = tostr(what.name, " (", what, ")");
  if (`recycle(what) ! E_PERM' == E_PERM)
    return this:tell("That is not yours to recycle.");
  endif
  this:tell(name, " is no more.");
endverb
verb "@dig" any any any rxd
  "Usage: @dig ROOM   or   @dig EXIT to ROOM   or   @dig EXIT|EXIT-BACK to ROOM";
  "Makes a room, an exit that leads there from the room that you are in, and one that leads back.";
  "Names of exits may have aliases: @dig north,n|south,s to Attic. ROOM may be the number of a room, as #12.";
  "Exits can be made only in rooms of yours; `@dig ROOM' and `@go #NUMBER' take you to a first one.";
  set_task_perms(callers() ? caller_perms() | player);
  at = index(argstr, " to ");
  name = $string_utils:trim(at ? argstr[at + 4..$] | argstr);
  ways = at ? explode(argstr[1..at - 1], "|") | {};
  here = this.location;
  if (!name || length(ways) > 2)
    return this:tell("Usage: @dig EXIT|EXIT-BACK to ROOM");
  elseif (at && !(valid(here) && isa(here, $room) && $perm_utils:controls(player, here)))
    return this:tell("You may make exits only in rooms of yours. `@dig ", name, "' makes a room; `@go' takes you there.");
  endif
  room = match(name, "^#[0-9]+$") ? toobj(name) | #-1;
  if (match(name, "^#[0-9]+$") && !(valid(room) && isa(room, $room)))
    return this:tell("There is no room ", name, ".");
  elseif (!valid(room))
    room = `create($room) ! E_QUOTA';
    if (room == E_QUOTA)
      return this:tell("You own as many things as you may; @recycle something first.");
    endif
    room.name = name;
    this:tell(name, " (", room, ") is dug.");
  endif
  if (ways)
    this:dig_exit(here, ways[1], room);
  endif
  if (length(ways) == 2)
    this:dig_exit(room, ways[2], here);
  endif
endverb
verb "dig_exit" this none this rxd
  "(source, names, destination): makes an exit for the player who calls and says so.";
  set_task_perms(caller_perms());
  {source, names, dest} = args;
  names = $string_utils:comma_list(names);
  if (!names)
    return this:tell("An exit must have a name.");
  elseif (!$perm_utils:controls(caller_perms(), source))
    return this:tell(source.name, " is not yours; no exit was made there.");
  endif
  exit = `create($exit) ! E_QUOTA';
  if (exit == E_QUOTA)
    return this:tell("You own as many things as you may; @recycle something first.");
  endif
  exit.name = names[1];
  exit.aliases = names[2..$];
  exit.source = source;
  exit.dest = dest;
  source.exits = setadd(source.exits, exit);
  this:tell("The exit ", names[1], " (", exit, ") leads from ", source.name, " to ", dest.name, ".");
endverb
verb "@go" any none none rxd
  "Usage: @go ROOM";
  "Takes you to a room of yours, by its number; wizards go anywhere.";
  if (caller != this || player != this)
    return E_PERM;
  endif
  room = $match_utils:find(argstr);
  if (!valid(room))
    return;
  elseif (!isa(room, $room) || !(room == $player_start || $perm_utils:controls(this, room)))
    return this:tell("You can go only to rooms of yours that way.");
  endif
  from = this.location;
  if (this:moveto(room) == 1)
    if (valid(from))
      from:announce_all(this:title(), " disappears.");
    endif
    room:announce_all_but({this}, this:title(), " appears.");
  endif
endverb
verb "@owned" none none none rxd
  "Usage: @owned";
  "Lists what is yours.";
  if (caller != this || player != this)
    return E_PERM;
  endif
  for i in [0..toint(max_object())]
    what = toobj(i);
    if (valid(what) && what.owner == this)
      this:tell($string_utils:left(what, 8), what.name);
    endif
    if (ticks_left() < 2000 || seconds_left() < 2)
      suspend(0);
    endif
  endfor
endverb
verb "@password" any any any rxd
  "Usage: @password OLD NEW   or, where there is none yet,   @password NEW";
  "Changes your password.";
  if (caller != this || player != this || callers())
    return E_PERM;
  endif
  has_old = typeof(this.password) == STR;
  if (length(args) != 1 + has_old)
    this:tell(has_old ? "Usage: @password OLD NEW" | "Usage: @password NEW");
  elseif (has_old && !$login:is_password(args[1], this.password))
    this:tell("That is not your old password.");
  elseif (fault = $login:password_fault(args[$]))
    this:tell(fault);
  else
    this.password = $login:hash(args[$]);
    this:tell("Your password is set.");
  endif
endverb
verb "@send" any none none rxd
  "Usage: @send PERSON";
  "Writes someone a letter: lines of text up to a line with a single dot.";
  if (caller != this || player != this)
    return E_PERM;
  endif
  who = $match_utils:find_player(argstr);
  if (valid(who) && typeof(lines = this:read_lines()) == LIST)
    $mail:deliver(this, who, lines);
  endif
endverb
verb "@mail" none none none rxd
  "Usage: @mail";
  "Lists your letters; a star marks those that you have not read.";
  if (caller != this || player != this)
    return E_PERM;
  endif
  this:tell_lines($mail:list(this));
endverb
verb "@read" any none none rxd
  "Usage: @read NUMBER";
  "Shows a letter of yours, by its number in `@mail'.";
  if (caller != this || player != this)
    return E_PERM;
  endif
  this:tell_lines($mail:show(this, toint(argstr)));
endverb
verb "@delete" any none none rxd
  "Usage: @delete NUMBER";
  "Throws away a letter of yours, by its number in `@mail'.";
  if (caller != this || player != this)
    return E_PERM;
  endif
  this:tell($mail:delete(this, toint(argstr)));
endverb
verb "@quit quit" none none none rxd
  "Usage: @quit";
  "Ends your connection. Your character falls asleep where it is.";
  if (caller != this || player != this || callers())
    return E_PERM;
  endif
  this:tell("Good-bye!");
  boot_player(this);
endverb

object #9 $prog "programmer"
parent $player
flags readable
set ownership_quota = 1000
verb "eval*" any any any rxd
  "Usage: ;EXPRESSION   or   ;;STATEMENTS";
  "Computes something and shows its value; `me' and `here' are variables.";
  set_task_perms(callers() ? caller_perms() | player);
  code = argstr;
  if (code && code[1] == ";")
    code = code[2..$] + ";";
  else
    code = "return " + code + ";";
  endif
  names = match(code, "%<%(me%|here%)%>") ? "me = player; here = me.location; " | "";
  result = eval(names + code);
  if (result[1])
    this:tell("=> ", toliteral(result[2]));
  else
    this:tell_lines({@result[2], tostr(length(result[2]), length(result[2]) == 1 ? " error." | " errors.")});
  endif
endverb
verb "value_of" this none this rxd
  "(text): the value of an expression with the permissions of the caller; raises E_INVARG after telling the faults.";
  set_task_perms(caller_perms());
  {text} = args;
  result = eval("return " + text + ";");
  if (!result[1])
    this:tell_lines(result[2]);
    raise(E_INVARG, "That is not an expression.");
  endif
  return result[2];
endverb
verb "@set" any any any rxd
  "Usage: @set OBJECT.PROPERTY to EXPRESSION";
  "Sets a property.";
  set_task_perms(callers() ? caller_perms() | player);
  at = index(argstr, " to ");
  part = at ? $match_utils:part(argstr[1..at - 1]) | 0;
  if (!at || (part && part[2] != "."))
    return this:tell("Usage: @set OBJECT.PROPERTY to EXPRESSION");
  elseif (!part)
    return;
  endif
  try
    value = this:value_of(argstr[at + 4..$]);
    part[1].(part[3]) = value;
    this:tell(part[1], ".", part[3], " is now ", toliteral(value), ".");
  except fault (ANY)
    this:tell(fault[2], ": nothing was set.");
  endtry
endverb
verb "@prop*erty" any any any rxd
  "Usage: @property OBJECT.NAME   or   @property OBJECT.NAME EXPRESSION";
  "Adds a property with a value, 0 where none is given. Everyone may read it; @chmod changes that.";
  set_task_perms(callers() ? caller_perms() | player);
  at = index(argstr, " ");
  part = argstr ? $match_utils:part(at ? argstr[1..at - 1] | argstr) | {0, "", ""};
  if (!part)
    return;
  elseif (part[2] != ".")
    return this:tell("Usage: @property OBJECT.NAME EXPRESSION");
  endif
  try
    value = at ? this:value_of(argstr[at + 1..$]) | 0;
    add_property(part[1], part[3], value, {player, "rc"});
    this:tell("Property ", part[3], " added to ", part[1], " with value ", toliteral(value), ".");
  except fault (ANY)
    this:tell(fault[2], ": no property was added.");
  endtry
endverb
verb "@rmprop*erty @rmverb" any none none rxd
  "Usage: @rmproperty OBJECT.NAME, @rmverb OBJECT:VERB";
  "Removes a property or a verb.";
  set_task_perms(callers() ? caller_perms() | player);
  part = $match_utils:part(argstr);
  if (!part)
    return;
  endif
  try
    if (part[2] == "." && verb != "@rmverb")
      delete_property(part[1], part[3]);
    elseif (part[2] == ":" && verb == "@rmverb")
      delete_verb(part[1], part[3]);
    else
      return this:tell("Usage: @rmproperty OBJECT.NAME, @rmverb OBJECT:VERB");
    endif
    this:tell("Removed ", part[3], " from ", part[1], ".");
  except fault (ANY)
    this:tell(fault[2], ": nothing was removed.");
  endtry
endverb
verb "@verb" any any any rxd
  "Usage: @verb OBJECT:NAME   or   @verb OBJECT:NAME DOBJ PREPOSITION IOBJ";
  "Adds a verb: without arguments one that programs call, else a command. Quote several names: @verb ball:\"throw toss\" this none none";
  set_task_perms(callers() ? caller_perms() | player);
  if (!(length(args) in {1, 4}))
    return this:tell("Usage: @verb OBJECT:NAME DOBJ PREPOSITION IOBJ");
  endif
  part = $match_utils:part(args[1]);
  if (!part)
    return;
  elseif (part[2] != ":")
    return this:tell("Usage: @verb OBJECT:NAME DOBJ PREPOSITION IOBJ");
  endif
  try
    add_verb(part[1], {player, "rxd", part[3]}, length(args) == 4 ? args[2..4] | {"this", "none", "this"});
    this:tell("Verb ", part[3], " added to ", part[1], "; `@program ", part[1], ":", explode(part[3])[1], "' gives it a program.");
  except fault (ANY)
    this:tell(fault[2], ": no verb was added.");
  endtry
endverb
verb "@program" any any any rxd
  "Usage: @program OBJECT:VERB   or   @program OBJECT:VERB DOBJ PREPOSITION IOBJ";
  "Gives a verb a program: lines of code up to a line with a single dot. The second form adds the verb where it is missing.";
  if (caller != this || player != this)
    return E_PERM;
  endif
  part = args ? $match_utils:part(args[1]) | {0, "", ""};
  if (!part)
    return;
  elseif (part[2] != ":" || !(length(args) in {1, 4}))
    return this:tell("Usage: @program OBJECT:VERB DOBJ PREPOSITION IOBJ");
  elseif (`verb_info(part[1], part[3]) ! ANY' == E_VERBNF && length(args) == 1)
    return this:tell(part[1], " has no verb ", part[3], "; `@verb' adds one.");
  endif
  lines = this:read_lines();
  if (typeof(lines) == LIST)
    this:program_verb(part[1], part[3], args[2..$], lines);
  endif
endverb
verb "program_verb" this none this rxd
  "(object, verb, arguments or {}, lines): sets a program for the player who acts.";
  if (caller != this || player != this)
    return E_PERM;
  endif
  set_task_perms(player);
  {what, name, spec, lines} = args;
  try
    if (spec && `verb_info(what, name) ! E_VERBNF' == E_VERBNF)
      add_verb(what, {player, "rxd", name}, spec);
    endif
    faults = set_verb_code(what, name, lines);
    this:tell_lines({@faults, tostr(length(faults), " error(s)."), faults ? "Verb not programmed." | "Verb programmed."});
  except fault (ANY)
    this:tell(fault[2], ": verb not programmed.");
  endtry
endverb
verb "@list" any any any rxd
  "Usage: @list OBJECT:VERB";
  "Shows the program of a verb, with the numbers of its lines.";
  set_task_perms(callers() ? caller_perms() | player);
  part = $match_utils:part(argstr);
  if (!part)
    return;
  elseif (part[2] != ":")
    return this:tell("Usage: @list OBJECT:VERB");
  endif
  definer = $match_utils:verb_definer(part[1], part[3]);
  if (!valid(definer))
    return this:tell(part[1], " has no verb ", part[3], ".");
  endif
  try
    {owner, perms, names} = verb_info(definer, part[3]);
    this:tell(definer, ":\"", names, "\"  ", $string_utils:join(verb_args(definer, part[3])), "  ", perms, "  owner ", owner.name, " (", owner, ")");
    number = 0;
    for line in (verb_code(definer, part[3], 0, 1))
      this:tell($string_utils:right(number = number + 1, 3), ": ", line);
    endfor
    if (!number)
      this:tell("It has no program yet.");
    endif
  except fault (ANY)
    this:tell(fault[2], ".");
  endtry
endverb
verb "@show @d*isplay" any none none rxd
  "Usage: @show OBJECT, @show OBJECT.PROPERTY, @show OBJECT:VERB";
  "Shows what a programmer may know.";
  set_task_perms(callers() ? caller_perms() | player);
  part = $match_utils:part(argstr);
  if (!part)
    return;
  endif
  try
    if (part[2] == "")
      this:show_object(part[1]);
    elseif (part[2] == ".")
      this:show_property(part[1], part[3]);
    else
      definer = $match_utils:verb_definer(part[1], part[3]);
      if (!valid(definer))
        return this:tell(part[1], " has no verb ", part[3], ".");
      endif
      {owner, perms, names} = verb_info(definer, part[3]);
      this:tell(definer, ":\"", names, "\"  ", $string_utils:join(verb_args(definer, part[3])), "  ", perms, "  owner ", owner.name, " (", owner, ")");
    endif
  except fault (ANY)
    this:tell(fault[2], ".");
  endtry
endverb
verb "show_object" this none this rxd
  "(object): tells of it and all that it defines, with the permissions of the caller.";
  set_task_perms(caller_perms());
  {what} = args;
  flags = (what.r ? "r" | "") + (what.w ? "w" | "") + (what.f ? "f" | "");
  roles = (is_player(what) ? " player" | "") + (what.programmer ? " programmer" | "") + (what.wizard ? " wizard" | "");
  this:tell("Object:    ", what, "  \"", what.name, "\"");
  this:tell("Owner:     ", what.owner, valid(what.owner) ? "  " + what.owner.name | "");
  this:tell("Parents:   ", toliteral(parents(what)), valid(parent(what)) ? "  " + parent(what).name | "");
  this:tell("Location:  ", what.location, valid(what.location) ? "  " + what.location.name | "");
  this:tell("Flags:     ", flags || "none", roles);
  this:tell("Contents:  ", toliteral(what.contents));
  for i in [1..length(verbs(what))]
    try
      {owner, perms, names} = verb_info(what, i);
      this:tell("  :\"", names, "\"  ", $string_utils:join(verb_args(what, i)), "  ", perms);
    except (E_PERM)
      this:tell("  :", verbs(what)[i], "  (not readable)");
    endtry
  endfor
  for definer in ({what, @ancestors(what)})
    for name in (`properties(definer) ! E_PERM => {}')
      this:show_property(what, name);
    endfor
  endfor
endverb
verb "show_property" this none this rxd
  "(object, property): tells of it with the permissions of the caller.";
  set_task_perms(caller_perms());
  {what, name} = args;
  value = `toliteral(what.(name)) ! E_PERM => "(not readable)"';
  info = `property_info(what, name) ! E_PERM, E_PROPNF => {}';
  cleared = info && is_clear_property(what, name) ? "  (inherited)" | "";
  this:tell("  .", $string_utils:left(name, 20), $string_utils:left(info ? info[2] || "-" | "", 4), value, cleared);
endverb
verb "@chmod" any any any rxd
  "Usage: @chmod OBJECT PERMISSIONS, @chmod OBJECT.PROPERTY PERMISSIONS, @chmod OBJECT:VERB PERMISSIONS";
  "Sets permissions: letters of rwf for objects, rwc for properties, rwxd for verbs; `none' for no letter.";
  set_task_perms(callers() ? caller_perms() | player);
  if (length(args) != 2)
    return this:tell("Usage: @chmod OBJECT PERMISSIONS");
  endif
  part = $match_utils:part(args[1]);
  perms = args[2] in {"none", "-"} ? "" | args[2];
  if (!part)
    return;
  endif
  {what, kind, name} = part;
  try
    if (kind == ".")
      set_property_info(what, name, {property_info(what, name)[1], perms});
    elseif (kind == ":")
      {owner, old, names} = verb_info(what, name);
      set_verb_info(what, name, {owner, perms, names});
    elseif (match(perms, "[^rwf]"))
      raise(E_INVARG);
    else
      what.r = index(perms, "r") != 0;
      what.w = index(perms, "w") != 0;
      what.f = index(perms, "f") != 0;
    endif
    this:tell("Permissions set.");
  except fault (ANY)
    this:tell(fault[2], ": no permissions were set.");
  endtry
endverb
verb "@parents @kids" any none none rxd
  "Usage: @parents OBJECT, @kids OBJECT";
  "Lists what an object comes from, or what comes from it.";
  if (caller != this || player != this)
    return E_PERM;
  endif
  what = $match_utils:find(argstr);
  if (valid(what))
    for relative in (verb == "@kids" ? children(what) | {what, @ancestors(what)})
      this:tell($string_utils:left(relative, 8), relative.name);
    endfor
  endif
endverb
verb "@move" any at any rxd
  "Usage: @move THING to PLACE";
  "Moves something of yours to a room, a person or a container, by name or number.";
  set_task_perms(callers() ? caller_perms() | player);
  what = $match_utils:find(dobjstr);
  where = valid(what) ? $match_utils:find(iobjstr) | #-1;
  if (valid(where))
    try
      move(what, where);
      this:tell(what.name, " is in ", where.name, " now.");
    except fault (ANY)
      this:tell(fault[2], ": nothing was moved.");
    endtry
  endif
endverb

object #10 $wiz "wizard"
parent $prog
flags readable
set ownership_quota = 100000
verb "@programmer" any none none rxd
  "Usage: @programmer PERSON";
  "Lets someone program.";
  if (caller != this || player != this || !player.wizard)
    return E_PERM;
  endif
  who = $match_utils:find_player(argstr);
  if (!valid(who))
    return;
  elseif (who.programmer)
    return this:tell(who.name, " is a programmer already.");
  endif
  who.programmer = 1;
  if (!isa(who, $prog))
    chparent(who, $prog);
  endif
  this:tell(who.name, " is a programmer now.");
  who:tell("You are a programmer now; see `help programming'.");
endverb
verb "@newpassword" any any any rxd
  "Usage: @newpassword PERSON PASSWORD";
  "Sets someone's password who has forgotten it.";
  if (caller != this || player != this || !player.wizard)
    return E_PERM;
  elseif (length(args) != 2)
    return this:tell("Usage: @newpassword PERSON PASSWORD");
  endif
  who = $match_utils:find_player(args[1]);
  if (!valid(who))
    return;
  elseif (fault = $login:password_fault(args[2]))
    return this:tell(fault);
  endif
  who.password = $login:hash(args[2]);
  this:tell("The password of ", who.name, " is set.");
endverb
verb "@boot" any none none rxd
  "Usage: @boot PERSON";
  "Ends someone's connection.";
  if (caller != this || player != this || !player.wizard)
    return E_PERM;
  endif
  who = $match_utils:find_player(argstr);
  if (!valid(who))
    return;
  elseif (!who:is_awake())
    return this:tell(who.name, " is not connected.");
  endif
  boot_player(who);
  this:tell(who.name, " is disconnected.");
endverb
verb "@shout" any any any rxd
  "Usage: @shout TEXT";
  "Tells everyone who is connected.";
  if (caller != this || player != this || !player.wizard)
    return E_PERM;
  endif
  for who in (connected_players())
    who:tell(this:title(), " shouts, \"", argstr, "\"");
  endfor
endverb
verb "@dump" none none none rxd
  "Usage: @dump";
  "Asks the server for a checkpoint now. What was shown to anyone is safe without it.";
  if (caller != this || player != this || !player.wizard)
    return E_PERM;
  endif
  dump_database();
  this:tell("A checkpoint is on its way.");
endverb
verb "@shutdown" any any any rxd
  "Usage: @shutdown   or   @shutdown REASON";
  "Stops the server, which tells everyone the reason.";
  if (caller != this || player != this || !player.wizard)
    return E_PERM;
  endif
  shutdown(tostr(argstr || "no reason given", " (", this.name, ")"));
endverb
