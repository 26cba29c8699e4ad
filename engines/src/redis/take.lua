-- Takes one from a limit: the generic cell rate algorithm, on the clock of Redis, which all nodes share.
-- KEYS: the limit. ARGV: microseconds between two, burst.
-- The key holds when the next would come if all came evenly; it expires when the limit is whole.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local step = tonumber(ARGV[1])
local window = step * tonumber(ARGV[2])
local arrival = tonumber(redis.call('GET', KEYS[1]) or now)
-- A clock that was set back must not close a limit for longer than it lasts.
arrival = math.max(now, math.min(arrival, now + window))
local spent = arrival + step - now
if spent > window then
    return {0, 0, spent - window}
end
redis.call('SET', KEYS[1], string.format('%.0f', arrival + step), 'PX', math.ceil(spent / 1000))
return {1, math.floor((window - spent) / step), spent}
