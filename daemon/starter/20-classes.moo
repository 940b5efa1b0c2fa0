## Rooms, exits and things.

object #3 $room "room"
parent $root
flags readable fertile
property exits rc = {}
verb "accept" this none this rxd
  "Players and things may come in.";
  {what} = args;
  return isa(what, $player) || isa(what, $thing);
endverb
verb "enterfunc" this none this rxd
  "The server calls this when something has come in.";
  {what} = args;
  if (is_player(what))
    this:look_self(what);
  endif
endverb
verb "look_self" this none this rxd
  "Shows the room, its exits and its contents to args[1].";
  {who} = args;
  description = this:description();
  who:tell(this:title());
  who:tell_lines(typeof(description) == LIST ? description | {description});
  exits = things = people = {};
  for exit in (this.exits)
    if (valid(exit))
      exits = {@exits, exit.name};
    endif
  endfor
  for what in (setremove(this.contents, who))
    if (is_player(what))
      people = {@people, what.name + (what in connected_players() ? "" | " (asleep)")};
    else
      things = {@things, what};
    endif
  endfor
  if (things)
    who:tell("You see ", $string_utils:english_list($string_utils:titles(things)), " here.");
  endif
  if (people)
    who:tell($string_utils:english_list(people), length(people) == 1 ? " is here." | " are here.");
  endif
  who:tell(exits ? "Exits: " + $string_utils:english_list(exits) + "." | "There is no obvious way out; `home' always works.");
endverb
verb "announce" this none this rxd
  "Tells all but the player who acts.";
  this:announce_all_but({player}, @args);
endverb
verb "announce_all" this none this rxd
  "Tells everyone here.";
  this:announce_all_but({}, @args);
endverb
verb "announce_all_but" this none this rxd
  "(people, text ...): tells everyone here but those people.";
  {but, @text} = args;
  for what in (this.contents)
    if (!(what in but))
      `what:tell(@text) ! ANY';
    endif
  endfor
endverb
verb "exit_named" this none this rxd
  "The exit that a word means here, or $failed_match.";
  {word} = args;
  if (length(word) == 0)
    return $failed_match;
  endif
  for exit in (this.exits)
    if (valid(exit) && word in {exit.name, @exit.aliases})
      return exit;
    endif
  endfor
  return $failed_match;
endverb
verb "add_exit" this none this rxd
  "(exit): adds an exit to this room; for those who control the room.";
  {exit} = args;
  if (!$perm_utils:controls(caller_perms(), this))
    return E_PERM;
  endif
  this.exits = setadd(this.exits, exit);
  return 1;
endverb
verb "remove_exit" this none this rxd
  "(exit): removes an exit from this room; for those who control the room, and for the exit itself.";
  {exit} = args;
  if (!(caller == exit || $perm_utils:controls(caller_perms(), this)))
    return E_PERM;
  endif
  this.exits = setremove(this.exits, exit);
  return 1;
endverb
verb "recycle" this none this rxd
  "The server calls this before the room ceases to be: its people are moved out, its exits cease to be.";
  if (!(caller == this || $perm_utils:controls(caller_perms(), this)))
    return E_PERM;
  endif
  for what in (this.contents)
    if (is_player(what))
      what:tell("The room fades away around you.");
      what:moveto($player_start);
    endif
  endfor
  set_task_perms(this.owner);
  for exit in (this.exits)
    `recycle(exit) ! ANY';
  endfor
endverb
verb "huh" this none this rxd
  "The server calls this for a command that no verb fits: it may be an exit's name, or a mistake to explain.";
  if (caller != player)
    return E_PERM;
  endif
  exit = this:exit_named(verb + (argstr ? " " + argstr | ""));
  if (valid(exit))
    exit:invoke();
  else
    player:explain_huh(verb, argstr, dobjstr, dobj, prepstr, iobjstr, iobj);
  endif
endverb
verb "say" any any any rxd
  "Usage: say TEXT   or   \"TEXT";
  "Says something to everyone in the room.";
  if (caller != player)
    return E_PERM;
  elseif (!argstr)
    return player:tell("Say what?");
  endif
  asks = argstr[$] == "?";
  player:tell(asks ? "You ask, \"" | "You say, \"", argstr, "\"");
  this:announce(player:title(), asks ? " asks, \"" | " says, \"", argstr, "\"");
endverb
verb "emote" any any any rxd
  "Usage: emote TEXT   or   :TEXT";
  "Shows your name followed by the text: `:waves.' With `::' there is no space between.";
  if (caller != player)
    return E_PERM;
  elseif (!argstr)
    return player:tell("Emote what?");
  endif
  joined = argstr[1] == ":";
  this:announce_all(player:title(), joined ? argstr[2..$] | " " + argstr);
endverb
verb "go" any any any rxd
  "Usage: go EXIT";
  "Leaves the room by an exit. The name of the exit alone does the same.";
  if (caller != player)
    return E_PERM;
  endif
  exit = this:exit_named(argstr);
  if (valid(exit))
    exit:invoke();
  elseif (!argstr)
    player:tell("Go where?");
  else
    player:tell("There is no exit called \"", argstr, "\" here.");
  endif
endverb

object #4 $exit "exit"
parent $root
flags readable fertile
property source rc = #-1
property dest rc = #-1
property leave_text rc = ""
property arrive_text rc = ""
verb "leave_description" this none this rxd
  "What others read of someone who leaves by this exit, after the name.";
  if (this.leave_text)
    return this.leave_text;
  endif
  directions = {"north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest", "up", "down", "in", "out"};
  return this.name in directions ? "goes " + this.name | "leaves by \"" + this.name + "\"";
endverb
verb "invoke" this none this rxd
  "Takes the player who acts from the source to the destination.";
  if (!caller_perms().wizard)
    return E_PERM;
  endif
  from = player.location;
  dest = this.dest;
  if (from != this.source)
    return player:tell("You are not at that exit.");
  elseif (!valid(dest))
    return player:tell("That way leads nowhere yet.");
  elseif (!player:moveto(dest))
    return player:tell("You can't go that way.");
  endif
  name = player:title();
  if (valid(from))
    from:announce_all_but({player}, name, " ", this:leave_description(), ".");
  endif
  dest:announce_all_but({player}, name, " ", this.arrive_text || "arrives", ".");
endverb
verb "recycle" this none this rxd
  "The server calls this before the exit ceases to be.";
  if (!(caller == this || $perm_utils:controls(caller_perms(), this)))
    return E_PERM;
  endif
  if (valid(this.source) && isa(this.source, $room))
    this.source:remove_exit(this);
  endif
endverb

object #5 $thing "thing"
parent $root
flags readable fertile
property fixed rc = ""
verb "in_reach" this none this rxd
  "Whether the player who acts can touch this.";
  return this.location in {player, player.location} != 0;
endverb
verb "get take" this none none rxd
  "Usage: get THING";
  "Picks something up. Its property `fixed', if set, says why it stays where it is.";
  if (caller != player)
    return E_PERM;
  endif
  name = this:title();
  if (this.location == player)
    player:tell("You already have the ", name, ".");
  elseif (this.location != player.location)
    player:tell("The ", name, " is out of reach.");
  elseif (this.fixed)
    player:tell(this.fixed);
  elseif (this:moveto(player) == 1)
    player:tell("You take the ", name, ".");
    player.location:announce(player:title(), " takes the ", name, ".");
  else
    player:tell("You can't pick that up.");
  endif
endverb
verb "drop" this none none rxd
  "Usage: drop THING";
  "Puts down something that you carry.";
  if (caller != player)
    return E_PERM;
  endif
  name = this:title();
  if (this.location != player)
    player:tell("You don't have that.");
  elseif (this:moveto(player.location) == 1)
    player:tell("You drop the ", name, ".");
    player.location:announce(player:title(), " drops the ", name, ".");
  else
    player:tell("You can't drop that here.");
  endif
endverb

object #6 $container "container"
parent $thing
flags readable fertile
property opened rc = 1
verb "accept" this none this rxd
  "Things may be put into an open container.";
  {what} = args;
  return this.opened && isa(what, $thing) && what != this;
endverb
verb "look_self" this none this rxd
  "Shows what it is like, and what is in it.";
  pass(@args);
  this:look_inside(@args);
endverb
verb "look_inside" this none this rxd
  "Shows the contents to args[1].";
  {who} = args;
  if (!this.opened)
    return who:tell("It is closed.");
  endif
  names = $string_utils:titles(this.contents);
  who:tell(names ? "Inside you see " + $string_utils:english_list(names) + "." | "It is empty.");
endverb
verb "open close" this none none rxd
  "Usage: open THING, close THING";
  "Opens or closes a container.";
  if (caller != player)
    return E_PERM;
  endif
  open = verb == "open";
  if (!this:in_reach())
    return player:tell("The ", this:title(), " is out of reach.");
  elseif (this.opened == open)
    return player:tell("It is ", open ? "open" | "closed", " already.");
  endif
  this.opened = open;
  player:tell("You ", verb, " the ", this:title(), ".");
  player.location:announce(player:title(), open ? " opens the " | " closes the ", this:title(), ".");
endverb
verb "put" any in this rxd
  "Usage: put THING in CONTAINER";
  "Puts something that you carry, or that lies here, into a container.";
  if (caller != player)
    return E_PERM;
  endif
  what = $match_utils:find(dobjstr);
  if (!valid(what))
    return;
  elseif (!this:in_reach())
    player:tell("The ", this:title(), " is out of reach.");
  elseif (!isa(what, $thing) || !(what.location in {player, player.location}))
    player:tell("You can't put that anywhere.");
  elseif (what.fixed)
    player:tell(what.fixed);
  elseif (!this.opened)
    player:tell("The ", this:title(), " is closed.");
  elseif (what:moveto(this) == 1)
    player:tell("You put the ", what:title(), " in the ", this:title(), ".");
    player.location:announce(player:title(), " puts the ", what:title(), " in the ", this:title(), ".");
  else
    player:tell("It doesn't fit.");
  endif
endverb
verb "get take remove" any from this rxd
  "Usage: get THING from CONTAINER";
  "Takes something out of a container.";
  if (caller != player)
    return E_PERM;
  elseif (!this.opened)
    return player:tell("The ", this:title(), " is closed.");
  elseif (!this:in_reach())
    return player:tell("The ", this:title(), " is out of reach.");
  endif
  what = $match_utils:find_in(dobjstr, this.contents);
  if (!valid(what))
    return;
  elseif (what:moveto(player) == 1)
    player:tell("You take the ", what:title(), " from the ", this:title(), ".");
    player.location:announce(player:title(), " takes the ", what:title(), " from the ", this:title(), ".");
  else
    player:tell("You can't take that.");
  endif
endverb

object #7 $note "note"
parent $thing
flags readable fertile
property text rc = {}
property public rc = 0
property lines_max rc = 100
verb "read" this none none rxd
  "Usage: read NOTE";
  "Shows what is written on a note.";
  if (caller != player)
    return E_PERM;
  elseif (!this:in_reach())
    return player:tell("The ", this:title(), " is out of reach.");
  endif
  player:tell_lines(this.text || {"It is blank."});
endverb
verb "write" any on this rxd
  "Usage: write TEXT on NOTE";
  "Adds a line to a note that is yours or public.";
  if (caller != player)
    return E_PERM;
  elseif (!this:in_reach())
    player:tell("The ", this:title(), " is out of reach.");
  elseif (!(this.public || $perm_utils:controls(player, this)))
    player:tell("That is not yours to write on.");
  elseif (length(this.text) >= this.lines_max)
    player:tell("It is full.");
  else
    line = this.public ? tostr(dobjstr, " -- ", player:title()) | dobjstr;
    this.text = {@this.text, line};
    player:tell("You write on the ", this:title(), ".");
  endif
endverb
verb "erase" this none none rxd
  "Usage: erase NOTE";
  "Makes a note of yours blank.";
  if (caller != player)
    return E_PERM;
  elseif (!$perm_utils:controls(player, this))
    return player:tell("That is not yours to erase.");
  endif
  this.text = {};
  player:tell("You erase the ", this:title(), ".");
endverb
