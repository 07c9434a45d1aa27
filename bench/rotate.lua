-- wrk -s rotate.lua URL -- FILE KEY STAMP: asks what stands in FILE, one request a line: a path, or a body for /graphql.
-- "@@" in a body becomes a text that no request had before.
local lines, ready, sent, stamp = {}, {}, 0, ""

function init(args)
  stamp = args[3]
  wrk.headers["Authorization"] = "Bearer " .. args[2]
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Accept"] = "application/json"
  for line in io.lines(args[1]) do
    table.insert(lines, line)
    local path = line:sub(1, 1) == "/"
    table.insert(ready, path and wrk.format("GET", line) or wrk.format("POST", "/graphql", nil, line))
  end
end

function request()
  sent = sent + 1
  local n = (sent * 7) % #lines + 1
  if lines[n]:find("@@", 1, true) then
    return wrk.format("POST", "/graphql", nil, (lines[n]:gsub("@@", stamp .. sent)))
  end
  return ready[n]
end

function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("\n@ %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), failed))
end
