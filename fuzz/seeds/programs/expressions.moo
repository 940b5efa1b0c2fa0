x = {1, @{2, 3}, "four"};
{a, ?b = 2, @rest} = x;
x[1] = x[$] + a * b - 7 % 3 / 2 ^ 2;
x[2..3] = {};
m = ["k" -> 1.5e10, #1 -> E_NONE];
m["k"] = `m["none"] ! E_RANGE => -1';
s = "text"[2..$] + "\"quoted\\";
return x in {1} && !s || a ? b | -a |. 3 &. 5 ^. 1 << 2 >> ~1;
