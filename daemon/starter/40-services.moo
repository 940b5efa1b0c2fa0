## What verbs lean on: texts, lists, names, permissions, log-in, options of the server.

object #11 $string_utils "string utilities"
parent $root
flags readable
verb "explode" this none this rxd
  "(text [, separator]): the words of a text.";
  return explode(@args);
endverb
verb "trim" this none this rxd
  "(text): without blanks at either end.";
  {text} = args;
  first = match(text, "[^ ]");
  return first ? text[first[1]..rmatch(text, "[^ ]")[2]] | "";
endverb
verb "left right" this none this rxd
  "(text, width): padded with blanks to a width; text at the left or the right.";
  {text, width} = args;
  text = tostr(text);
  padding = "";
  for i in [1..min(width - length(text), 1000)]
    padding = padding + " ";
  endfor
  return verb == "left" ? text + padding | padding + text;
endverb
verb "capitalize" this none this rxd
  "(text): with a capital first letter.";
  {text} = args;
  at = text ? index("abcdefghijklmnopqrstuvwxyz", text[1]) | 0;
  if (at)
    text[1] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[at];
  endif
  return text;
endverb
verb "english_list" this none this rxd
  "(texts [, what stands for none]): `a, b, and c'.";
  {texts, ?none = "nothing"} = args;
  if (!texts)
    return none;
  endif
  sentence = tostr(texts[1]);
  for i in [2..length(texts)]
    last = i == length(texts);
    sentence = sentence + (length(texts) > 2 ? ", " | " ") + (last ? "and " | "") + tostr(texts[i]);
  endfor
  return sentence;
endverb
verb "join" this none this rxd
  "(texts [, separator]): one text of many.";
  {texts, ?separator = " "} = args;
  joined = "";
  for text in (texts)
    joined = joined + (joined ? separator | "") + tostr(text);
  endfor
  return joined;
endverb
verb "comma_list" this none this rxd
  "(text): the texts between commas, without blanks around them and without empty ones.";
  {text} = args;
  texts = {};
  for part in (explode(text, ","))
    part = this:trim(part);
    texts = part ? {@texts, part} | texts;
  endfor
  return texts;
endverb
verb "with_article" this none this rxd
  "(name): with `a' or `an', unless it has an article or is a name.";
  {name} = args;
  if (!name || index("ABCDEFGHIJKLMNOPQRSTUVWXYZ", name[1], 1) || match(name, "^%(a%|an%|the%|some%) "))
    return name;
  endif
  return (index("aeiou", name[1]) ? "an " | "a ") + name;
endverb
verb "titles" this none this rxd
  "(objects): their titles with articles; a title that fails is the name.";
  {objects} = args;
  titles = {};
  for what in (objects)
    title = `what:title() ! ANY';
    titles = {@titles, this:with_article(typeof(title) == STR ? title | what.name)};
  endfor
  return titles;
endverb
verb "english_number" this none this rxd
  "(number): in words, `forty-two'; below a million millions.";
  {number} = args;
  ones = {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
  tens = {"ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"};
  if (number == 0)
    return "zero";
  elseif (number < 0)
    return "minus " + this:english_number(-number);
  elseif (number < 20)
    return ones[number];
  elseif (number < 100)
    return tens[number / 10] + (number % 10 ? "-" + ones[number % 10] | "");
  endif
  for unit in ({{1000000000, "billion"}, {1000000, "million"}, {1000, "thousand"}, {100, "hundred"}})
    {size, name} = unit;
    if (number >= size)
      rest = number % size;
      words = this:english_number(number / size) + " " + name;
      return rest ? words + (rest < 100 ? " and " | " ") + this:english_number(rest) | words;
    endif
  endfor
endverb
verb "duration" this none this rxd
  "(seconds): in the largest unit that fits, `3 minutes'.";
  {seconds} = args;
  for unit in ({{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}})
    count = seconds / unit[1];
    if (count > 0 || unit[1] == 1)
      return tostr(count, " ", unit[2], count == 1 ? "" | "s");
    endif
  endfor
endverb

object #12 $list_utils "list utilities"
parent $root
flags readable
verb "sort" this none this rxd
  "(list): in order.";
  return sort(@args);
endverb
verb "reverse" this none this rxd
  "(list): from the last to the first.";
  return reverse(@args);
endverb
verb "unique" this none this rxd
  "(list): each element once, in the order of their first places.";
  {list} = args;
  found = {};
  for element in (list)
    found = setadd(found, element);
  endfor
  return found;
endverb
verb "sum" this none this rxd
  "(numbers)";
  {numbers} = args;
  total = 0;
  for number in (numbers)
    total = total + number;
  endfor
  return total;
endverb

object #13 $match_utils "matching utilities"
parent $root
flags readable
verb "among" this none this rxd
  "(text, objects): the one whose name or alias is the text or begins with it; else $failed_match or $ambiguous_match.";
  {text, objects} = args;
  found = {};
  for what in (objects)
    begins = 0;
    aliases = `what.aliases ! E_PROPNF';
    for name in ({what.name, @typeof(aliases) == LIST ? aliases | {}})
      if (name == text)
        return what;
      elseif (typeof(name) == STR && index(name, text) == 1)
        begins = 1;
      endif
    endfor
    if (begins)
      found = {@found, what};
    endif
  endfor
  return length(found) == 1 ? found[1] | (found ? $ambiguous_match | $failed_match);
endverb
verb "object" this none this rxd
  "(text [, who]): what a text means to someone: me, here, #12, $room, or something near or an exit by name.";
  {text, ?who = player} = args;
  if (!text)
    return $nothing;
  elseif (text in {"me", "myself"})
    return who;
  elseif (text == "here")
    return who.location;
  elseif (match(text, "^#[0-9]+$"))
    what = toobj(text);
    return valid(what) ? what | $failed_match;
  elseif (text[1] == "$")
    what = `#0.(text[2..$]) ! E_PROPNF';
    return typeof(what) == OBJ && valid(what) ? what | $failed_match;
  endif
  here = who.location;
  found = this:among(text, {@who.contents, @valid(here) ? here.contents | {}});
  if (found == $failed_match && valid(here) && isa(here, $room))
    found = here:exit_named(text);
  endif
  return found;
endverb
verb "player" this none this rxd
  "(name): the player of that name; else $failed_match or $ambiguous_match.";
  {text} = args;
  if (!text)
    return $nothing;
  elseif (text == "me")
    return player;
  endif
  for who in (players())
    if (who.name == text)
      return who;
    endif
  endfor
  what = match(text, "^#[0-9]+$") ? toobj(text) | this:among(text, players());
  return what == $ambiguous_match || (valid(what) && is_player(what)) ? what | $failed_match;
endverb
verb "find find_in find_player" this none this rxd
  "find(text), find_in(text, objects), find_player(name): as above; the player is told when it is no object.";
  if (verb == "find")
    found = this:object(args[1]);
  elseif (verb == "find_in")
    found = this:among(@args);
  else
    found = this:player(args[1]);
  endif
  if (!valid(found))
    player:tell(this:fault(args[1], found, verb == "find_player"));
  endif
  return found;
endverb
verb "fault" this none this rxd
  "(text, result, is player): the sentence that says why a match failed.";
  {text, result, ?is_player = 0} = args;
  if (!text)
    return is_player ? "You must name somebody." | "You must name something.";
  elseif (result == $ambiguous_match)
    return tostr("There is more than one \"", text, "\"; please say which you mean.");
  endif
  return is_player ? tostr("There is nobody called \"", text, "\".") | tostr("You see no \"", text, "\" here.");
endverb
verb "part" this none this rxd
  "(text): {object, \".\", property}, {object, \":\", verb} or {object, \"\", \"\"}; 0 after the player was told a fault.";
  {text} = args;
  at = match(text, "[.:]");
  what = this:find(at ? text[1..at[1] - 1] | text);
  if (!valid(what))
    return 0;
  elseif (!at)
    return {what, "", ""};
  elseif (at[2] == length(text))
    player:tell("A name must follow the \"", text[$], "\".");
    return 0;
  endif
  return {what, text[at[1]], text[at[2] + 1..$]};
endverb
verb "verb_definer" this none this rxd
  "(object, verb): the object or ancestor that defines a verb, or #-1.";
  {what, name} = args;
  for definer in ({what, @ancestors(what)})
    if (`verb_info(definer, name) ! ANY')
      return definer;
    endif
  endfor
  return #-1;
endverb

object #14 $perm_utils "permission utilities"
parent $root
flags readable
verb "controls" this none this rxd
  "(who, what): whether someone may do as they like with an object.";
  {who, what} = args;
  return valid(who) && valid(what) && (who.wizard || what.owner == who);
endverb
verb "is_core" this none this rxd
  "(what): whether a property of #0 refers to an object, so that the world needs it.";
  {what} = args;
  for name in (properties(#0))
    if (#0.(name) == what)
      return 1;
    endif
  endfor
  return 0;
endverb

object #15 $login "login"
parent $root
flags readable
property started r = 0
property creation_open r = 1
property failures - = {}
property failures_max r = 3
property password_min r = 4
property reserved_names r = {"me", "myself", "here", "wizard", "guest", "nobody", "everyone", "god", "root", "admin"}
property welcome r = {
  "",
  "   ~ ~ ~   W E L C O M E   T O   T H E   M O O R I N G S   ~ ~ ~",
  "",
  "   A small harbour at the edge of a wide moor. The lamp is lit, the",
  "   inn is open, and everything else is yours to build.",
  "",
  "     create NAME PASSWORD     make a character of your own",
  "     connect NAME PASSWORD    come back to it",
  "     who                      see who is here",
  "     quit                     leave",
  ""
}
property wizard_note r = {
  "   The wizard has no password yet: from the machine that runs the server,",
  "   `connect wizard' is enough. Set one soon with `@password NEW-PASSWORD'.",
  ""
}
verb "command" this none this rxd
  "(connection, words ...): carries out a line before log-in. Returns the player who logs in, or 0.";
  if (caller != #0)
    return E_PERM;
  endif
  {connection, ?word = "", @words} = args;
  if (word == "" || word in {"help", "?", "welcome"})
    this:show_welcome(connection);
  elseif (word in {"connect", "co", "c"})
    return this:connect(connection, @words);
  elseif (word in {"create", "cr"})
    return this:create(connection, @words);
  elseif (word in {"who", "w", "@who"})
    this:show_who(connection);
  elseif (word in {"quit", "@quit", "q"})
    boot_player(connection);
  else
    notify(connection, "Please say `connect NAME PASSWORD' or `create NAME PASSWORD'; `help' shows more.");
  endif
  return 0;
endverb
verb "show_welcome" this none this rxd
  "(connection)";
  if (caller != this)
    return E_PERM;
  endif
  {connection} = args;
  open = {};
  for who in (players())
    if (who.wizard && typeof(who.password) != STR)
      open = this.wizard_note;
    endif
  endfor
  for line in ({@this.welcome, @open})
    notify(connection, line);
  endfor
endverb
verb "show_who" this none this rxd
  "(connection)";
  if (caller != this)
    return E_PERM;
  endif
  {connection} = args;
  for line in (this:who_lines())
    notify(connection, line);
  endfor
endverb
verb "who_lines" this none this rxd
  "A table of those who are connected.";
  lines = {"Name             Connected     Idle          Where"};
  for who in (connected_players())
    where = valid(who.location) ? who.location.name | "nowhere";
    line = $string_utils:left(who.name, 17);
    line = line + $string_utils:left($string_utils:duration(connected_seconds(who)), 14);
    lines = {@lines, line + $string_utils:left($string_utils:duration(idle_seconds(who)), 14) + where};
  endfor
  count = length(lines) - 1;
  if (count == 0)
    return {"Nobody is connected."};
  endif
  return {@lines, tostr(count, count == 1 ? " person is" | " people are", " connected.")};
endverb
verb "is_local" this none this rxd
  "(connection): whether someone connects from the machine that the server runs on.";
  if (caller != this)
    return E_PERM;
  endif
  {connection} = args;
  address = connection_name(connection, 1);
  return address == "::1" || match(address, "^%(::ffff:%)?127%.") != {};
endverb
verb "connect" this none this rxd
  "(connection [, name [, password]])";
  if (caller != this)
    return E_PERM;
  endif
  {connection, ?name = "", ?password = "", @rest} = args;
  if (!name || rest)
    notify(connection, "Usage: connect NAME PASSWORD");
    return 0;
  endif
  who = this:player_named(name);
  if (valid(who) && typeof(who.password) == STR)
    fits = this:is_password(password, who.password);
  else
    fits = valid(who) && this:is_local(connection);
  endif
  if (!fits)
    this:count_failure(connection);
    notify(connection, "There is no such character with that password.");
    return 0;
  endif
  return who;
endverb
verb "player_named" this none this rxd
  "(name): the player of exactly that name, or $failed_match.";
  {name} = args;
  for who in (players())
    if (who.name == name)
      return who;
    endif
  endfor
  return $failed_match;
endverb
verb "count_failure" this none this rxd
  "(connection): too many wrong passwords end a connection.";
  if (caller != this)
    return E_PERM;
  endif
  {connection} = args;
  kept = {};
  count = 1;
  for failure in (this.failures)
    if (failure[1] == connection)
      count = failure[2] + 1;
    elseif (failure[1] in connected_players(1))
      kept = {@kept, failure};
    endif
  endfor
  this.failures = {@kept, {connection, count}};
  if (count >= this.failures_max)
    notify(connection, "That was wrong too often. Good-bye.");
    boot_player(connection);
  endif
endverb
verb "name_fault" this none this rxd
  "(name [, who]): why nobody may be called that, or only someone else; an empty text when it is fine.";
  {name, ?who = #-1} = args;
  if (length(name) < 2 || length(name) > 20)
    return "A name has 2 to 20 characters.";
  elseif (!match(name, "^[a-zA-Z][-_a-zA-Z0-9']*$"))
    return "A name begins with a letter and has only letters, digits, hyphens, underscores and apostrophes.";
  elseif (name in this.reserved_names && !(valid(who) && who.name == name))
    return "That name is reserved.";
  elseif (!(this:player_named(name) in {$failed_match, who}))
    return "That name is taken.";
  endif
  return "";
endverb
verb "password_fault" this none this rxd
  "(password): what is wrong with a new password, or an empty text.";
  {password} = args;
  if (length(password) < this.password_min)
    return tostr("A password has at least ", this.password_min, " characters.");
  elseif (length(password) > 200)
    return "That password is too long.";
  endif
  return "";
endverb
verb "hash" this none this rxd
  "(password): what is kept of a password.";
  {password} = args;
  return crypt(password, salt("$6$", random_bytes(16)));
endverb
verb "is_password" this none this rxd
  "(password, what hash() gave): whether they fit. All before the last `$' is the salt.";
  {password, hashed} = args;
  return equal(crypt(password, hashed[1..rindex(hashed, "$") - 1]), hashed);
endverb
verb "create" this none this rxd
  "(connection [, name [, password]]): a new player.";
  if (caller != this)
    return E_PERM;
  endif
  {connection, ?name = "", ?password = "", @rest} = args;
  fault = this:name_fault(name) || this:password_fault(password);
  if (!this.creation_open)
    fault = "New characters are not made here; please ask the wizard.";
  elseif (!name || !password || rest)
    fault = "Usage: create NAME PASSWORD   (one word each)";
  endif
  if (fault)
    notify(connection, fault);
    return 0;
  endif
  who = create($player, $nothing);
  who.name = name;
  who.password = this:hash(password);
  set_player_flag(who, 1);
  return who;
endverb

object #16 $server_options "server options"
parent $root
flags readable
property fg_ticks r = 60000
property fg_seconds r = 5
property bg_ticks r = 30000
property bg_seconds r = 3
property max_stack_depth r = 50
property queued_task_limit r = 100
property connect_timeout r = 300
property connect_msg r = "You are connected. Type `help' if you are new here."
property create_msg r = "Your character is made. Type `help' to see what you can do."
property boot_msg r = "*** Disconnected ***"
property timeout_msg r = "*** You took too long to log in; please connect again. ***"
