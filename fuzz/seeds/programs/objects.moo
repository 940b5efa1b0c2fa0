this.count = this.count + 1;
this.list[1] = $thing;
this.("na" + "me") = this:test(@args);
#1:("test")(player, caller, verb, argstr, dobj, prepstr);
return this.list[$] == 'x;
