-- Writes on a board: a hash of notes, each begins with the time in ms at which it ends (0: never) and a colon.
-- KEYS: the board. ARGV: notes at most; then of each note its field, its life in ms (0: no end, -1: it is
-- wiped) and what it says. Answers whether notes found no room.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local life = redis.call('PTTL', KEYS[1])
local lasting = life == -1
local most, full = tonumber(ARGV[1]), 0
for i = 2, #ARGV, 3 do
    local field, own = ARGV[i], tonumber(ARGV[i + 1])
    if own < 0 then
        redis.call('HDEL', KEYS[1], field)
    elseif redis.call('HEXISTS', KEYS[1], field) == 0 and redis.call('HLEN', KEYS[1]) >= most then
        full = 1
    else
        local ends = 0
        if own > 0 then
            ends = now + own
            life = math.max(life, own)
        else
            lasting = true
        end
        redis.call('HSET', KEYS[1], field, string.format('%.0f:', ends) .. ARGV[i + 2])
    end
end
-- Two looks for each note: what is over goes about as fast as notes come.
local some = redis.call('HRANDFIELD', KEYS[1], math.floor((#ARGV - 1) / 3) * 2, 'WITHVALUES')
for i = 1, #some, 2 do
    local ends = tonumber(string.match(some[i + 1], '^(%d+):'))
    if ends and ends > 0 and ends <= now then
        redis.call('HDEL', KEYS[1], some[i])
    end
end
-- The board lives as long as the note on it that lives longest.
if lasting then
    redis.call('PERSIST', KEYS[1])
elseif life > 0 then
    redis.call('PEXPIRE', KEYS[1], life)
end
return full
