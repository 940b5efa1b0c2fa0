## The first wizard, and The Moorings: four places with what stands about in them.

object #2 wizard "Wizard"
parent $wiz
location $player_start
flags player programmer wizard
set description = "Someone with ink on the fingers and a ring of many keys."

object #19 $player_start "Lantern Quay"
parent $room
set description = "Worn stones run down to the water, where a few small boats nod at their moorings. An iron lantern hangs from a post and hisses in the drizzle. The inn's windows glow to the north; a causeway leads east to the lighthouse, and to the west the land rises into open moor."
set exits = {@quay_north, @quay_east, @quay_west}

object #20 inn "Common Room of the Slack Tide"
parent $room
set description = "Low beams, a peat fire, and tables polished by a hundred years of elbows. Somebody has left a game of draughts half played."
set exits = {@inn_south}

object #21 lighthouse "Lamp Room of the Lighthouse"
parent $room
set description = "The great lens turns slowly, and stripes of light wheel out over the sea. From up here the quay is a row of sparks, and the moor a dark sleeping animal."
set exits = {@lighthouse_west}

object #22 moor "Open Moor"
parent $room
set description = "Heather to the knees and sky everywhere else. A sheep path wanders off between standing stones, thinks better of it, and comes back. Plenty of room to build here."
set exits = {@moor_east}

object #23 quay_north "north"
parent $exit
set aliases = {"n", "inn"}
set description = "A door with bottle-glass panes, under a sign that shows a boat lying on sand."
set source = $player_start
set dest = @inn

object #24 quay_east "east"
parent $exit
set aliases = {"e", "lighthouse", "causeway"}
set description = "A causeway of black stone, wet from the last tide."
set source = $player_start
set dest = @lighthouse

object #25 quay_west "west"
parent $exit
set aliases = {"w", "moor"}
set description = "A cart track that climbs between drystone walls."
set source = $player_start
set dest = @moor

object #26 inn_south "south"
parent $exit
set aliases = {"s", "out", "quay"}
set description = "The door to the quay. It sticks in wet weather, which is to say that it sticks."
set source = @inn
set dest = $player_start

object #27 lighthouse_west "west"
parent $exit
set aliases = {"w", "down", "d", "quay"}
set description = "A spiral stair, then the causeway back to the quay."
set source = @lighthouse
set dest = $player_start

object #28 moor_east "east"
parent $exit
set aliases = {"e", "quay"}
set description = "The track down to the harbour."
set source = @moor
set dest = $player_start

object #29 bell "harbour bell"
parent $thing
location $player_start
set aliases = {"bell"}
set description = "A green old bell with a rope. It asks to be rung: ring bell."
set fixed = "The bell is bolted to its post."
verb "ring" this none none rxd
  "Usage: ring bell";
  "Rings it.";
  if (caller != player || player.location != this.location)
    return player:tell("The bell is out of reach.");
  endif
  player:tell("You pull the rope. The bell rolls out one round note over the water.");
  this.location:announce(player:title(), " rings the harbour bell.");
  for exit in (this.location.exits)
    if (valid(exit) && valid(exit.dest))
      exit.dest:announce_all("A bell rings down at the harbour.");
    endif
  endfor
endverb

object #30 chest "sea chest"
parent $container
location @inn
set aliases = {"chest"}
set description = "A chest with rope handles and somebody's initials burnt into the lid."
set fixed = "The chest is far too heavy."

object #31 guest_book "guest book"
parent $note
location @inn
set aliases = {"book"}
set description = "A thick book with a pencil on a string. Try: read book, and: write I was here on book."
set fixed = "The book is chained to the bar."
set public = 1
set text = {"Welcome, whoever you are. Leave a line for those who come after you."}

object #32 pebble "round pebble"
parent $thing
location @chest
set aliases = {"pebble"}
set description = "Grey, with one white ring all the way round. Such pebbles are said to be lucky."
