l = {};
s = "";
m = [];
while (1)
  l = {@l, l};
  s = s + "xy" + s;
  m[length(m)] = l;
  fork (1)
    this:test();
  endfork
endwhile
