l = sort({3, 1, 2}, {}, 0, 1);
l = setadd(listappend(l, 4), slice({{1, 2}, {3, 4}}, 2));
t = tostr(l, toliteral(l), index("abc", "b"), strsub("aXa", "X", "Y"));
m = match("some text", "%(t.+%)t", 1);
t = substitute("%1", m) + pcre_replace("abc", "s/b/$0$0/g");
eval("return " + t + ";");
j = parse_json(generate_json(["a" -> {1, 2.0, "x"}]));
return {explode("a b c"), decode_binary("~00a"), random(5), ctime(0), ticks_left(), callers()};
