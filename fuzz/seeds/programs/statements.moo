for x in ({1, "two", #3})
  if (x == 1)
    y = x;
  elseif (typeof(x) == STR)
    continue;
  else
    break x;
  endif
endfor
for v, k in (["a" -> 1])
  while loop (k)
    break loop;
  endwhile
endfor
for i in [1..3]
  fork task (0)
    return i;
  endfork
endfor
try
  raise(E_PERM, "no", {1});
except e (E_PERM, E_TYPE)
  return e[1];
except (ANY)
finally_ = 1;
endtry
try
  suspend(0);
finally
  return;
endtry
