let x = 1;
const {a, ?b = 2} = {1};
begin
  let y = {n * 2 for n in [1..5]};
  global g = y;
end
x > 5 && return 'symbol;
return {E_PERM("message"), b"AAEC", <#1, .slot = 1, {2, 3}>, {z for z in ({1, 2})}};
