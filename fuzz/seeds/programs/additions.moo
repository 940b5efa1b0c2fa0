let x = 1;
const {a, ?b = 2} = {1};
begin
  let y = {n * 2 for n in [1..5]};
  global g = y;
end
x > 5 && return 'symbol;
return {E_PERM("message"), b"AAEC", <#1, .slot = 1, {2, 3}>, {z for z in ({1, 2})}};
add = {a, ?b = n, @rest} => a + b;
fn fact(k)
  return k < 2 ? 1 | k * fact(k - 1);
endfn
return {add(1), fact(@{5}), (add)(1, 2), {(f)(3) for f in ({add, fn (q) return q; endfn})}};
