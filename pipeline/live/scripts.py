"""The Lua scripts of the live view; each runs as one step inside Redis and touches one slot.

In all of them KEYS are the stream's keys as `StreamKeys.all` orders them, so that every write
moves the end of life of all keys of the stream together, and `updated_at_ms` is Redis's own clock.
Sent as text with EVAL: a restarted server needs no reloading.
"""

_TOUCH = """
local now = redis.call('TIME')
redis.call('HSET', KEYS[1], 'updated_at_ms', now[1] .. string.format('%03d', now[2] / 1000))
for i = 1, #KEYS do redis.call('PEXPIRE', KEYS[i], ARGV[1]) end
"""

# ARGV: expire_ms, is_resume, run_id, call_id. Another run's rows would make this run's ids look
# like repetitions, so they go unless this very run is resumed.
BEGIN = (
    """
if ARGV[2] == '0' or redis.call('HGET', KEYS[1], 'run_id') ~= ARGV[3] then
  redis.call('UNLINK', unpack(KEYS))
end
redis.call('HSET', KEYS[1], 'run_id', ARGV[3], 'call_id', ARGV[4], 'state', 'live')
"""
    + _TOUCH
)

# ARGV: expire_ms, then field, value, …
STATE = (
    """
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
"""
    + _TOUCH
)

# ARGV: expire_ms, tracks_max, rank of the segment, ledger JSON, run_id, call_id, then track,
# JSON, …
# A segment that is published again never turns a track back; run_id and the like are restored
# where the server lost them.
LATEST = (
    """
local rank = tonumber(ARGV[3])
local known = tonumber(redis.call('HGET', KEYS[1], 'rank') or '-1')
if rank >= known then redis.call('HSET', KEYS[1], 'segment', ARGV[4], 'rank', ARGV[3]) end
redis.call('HSETNX', KEYS[1], 'run_id', ARGV[5])
redis.call('HSETNX', KEYS[1], 'call_id', ARGV[6])
redis.call('HSETNX', KEYS[1], 'state', 'live')
for i = 7, #ARGV, 2 do
  local score = redis.call('ZSCORE', KEYS[2], ARGV[i])
  if not score or tonumber(score) <= rank then
    redis.call('ZADD', KEYS[2], ARGV[3], ARGV[i])
    redis.call('HSET', KEYS[1], 'track/' .. ARGV[i], ARGV[i + 1])
  end
end
local excess = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[2])
if excess > 0 then
  local gone = redis.call('ZPOPMIN', KEYS[2], excess)
  for i = 1, #gone, 2 do redis.call('HDEL', KEYS[1], 'track/' .. gone[i]) end
end
"""
    + _TOUCH
)

# ARGV: expire_ms, windows_max, position of the size's sorted set in KEYS, then field, revision,
# start_ms, JSON, …  Returns how many were stored and how many refused.
WINDOWS = (
    """
local order, stored, refused = KEYS[tonumber(ARGV[3])], 0, 0
for i = 4, #ARGV, 4 do
  local old = redis.call('HGET', KEYS[4], ARGV[i])
  local known = old and tonumber(string.match(old, '^{"revision":(%d+)')) or -1
  if known >= tonumber(ARGV[i + 1]) then
    refused = refused + 1
  else
    redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 3])
    redis.call('ZADD', order, ARGV[i + 2], ARGV[i])
    stored = stored + 1
  end
end
local excess = redis.call('ZCARD', order) - tonumber(ARGV[2])
if excess > 0 then
  local gone = redis.call('ZPOPMIN', order, excess)
  for i = 1, #gone, 2 do redis.call('HDEL', KEYS[4], gone[i]) end
end
"""
    + _TOUCH
    + "return {stored, refused}\n"
)
