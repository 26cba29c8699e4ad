-- The nodes of routes, and the age of what is known, in ms.
-- KEYS: the mark, routes. The mark is set by whoever finds none: it tells when this Redis began to
-- know anything, so that one that has lost its data is not taken for one where nobody is.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local since = redis.call('GET', KEYS[1])
if not since or tonumber(since) > now then
    since = string.format('%.0f', now)
    redis.call('SET', KEYS[1], since)
end
local found = {}
local live = string.format('(%.0f', now)
for i = 2, #KEYS do
    found[i - 1] = redis.call('ZRANGE', KEYS[i], live, '+inf', 'BYSCORE')
end
return {now - tonumber(since), found}
