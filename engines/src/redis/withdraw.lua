-- A node has no sockets for these routes any more. KEYS: routes. ARGV: node.
for i = 1, #KEYS do
    redis.call('ZREM', KEYS[i], ARGV[1])
end
return 0
