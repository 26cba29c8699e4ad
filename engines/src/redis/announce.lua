-- A node has sockets for routes. Each route is a sorted set of nodes by the time at which they lapse.
-- KEYS: the mark, routes. ARGV: node, life in ms.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local life = tonumber(ARGV[2])
if redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('SET', KEYS[1], string.format('%.0f', now))
end
for i = 2, #KEYS do
    redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', string.format('%.0f', now))
    redis.call('ZADD', KEYS[i], string.format('%.0f', now + life), ARGV[1])
    -- The set lives as long as the node in it that lives longest.
    if redis.call('PTTL', KEYS[i]) < life then
        redis.call('PEXPIRE', KEYS[i], life)
    end
end
return 0
