## The system object, whose verbs the server calls, and the root of all other objects.
## Layout of these files: docs/STARTER-WORLD.md.

object #0 $sysobj "System Object"
parent $root
flags readable
set description = "What the server itself talks to."
property nothing r = #-1
property ambiguous_match r = #-2
property failed_match r = #-3
verb "do_login_command" this none this rxd
  "The server calls this for each line of a connection that has not logged in, and once when it is made.";
  "Returns the player that the connection logs in as, or 0.";
  if (callers())
    return E_PERM;
  endif
  return $login:command(player, @args);
endverb
verb "user_created user_connected user_reconnected" this none this rxd
  "The server calls this after a log-in: user_reconnected when the player was connected already.";
  if (callers())
    return E_PERM;
  endif
  {who} = args;
  who:confunc(verb == "user_reconnected");
endverb
verb "user_disconnected user_client_disconnected" this none this rxd
  "The server calls this when a connection has ended; those that never logged in have negative numbers.";
  if (callers())
    return E_PERM;
  endif
  {who} = args;
  if (valid(who) && is_player(who))
    who:disfunc();
  endif
endverb
verb "server_started" this none this rxd
  "The server calls this when it starts, before anyone is served.";
  if (callers())
    return E_PERM;
  endif
  $login.started = time();
  $login.failures = {};
endverb

object #1 $root "root"
flags readable fertile
property description rc = ""
property aliases rc = {}
verb "title" this none this rxd
  "What others read for this object.";
  return this.name;
endverb
verb "description" this none this rxd
  "What someone sees who looks: a string or a list of strings.";
  return this.description || "You see nothing special.";
endverb
verb "look_self" this none this rxd
  "Shows this object to args[1].";
  {who} = args;
  description = this:description();
  who:tell_lines(typeof(description) == LIST ? description | {description});
endverb
verb "tell tell_lines" this none this rxd
  "Players override this; other things do not listen.";
endverb
verb "accept" this none this rxd
  "Whether args[1] may be moved into this object.";
  return 0;
endverb
verb "moveto" this none this rxd
  "Moves this object to args[1], if that accepts it. Returns whether it is there now.";
  "Only the object itself and those who control it may ask.";
  {where} = args;
  if (!(caller == this || $perm_utils:controls(caller_perms(), this)))
    return E_PERM;
  endif
  if (!valid(where) || !where:accept(this))
    return 0;
  endif
  `move(this, where) ! ANY';
  return this.location == where;
endverb
