# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the scenarios share; each sources this first. They run in a machine of their own, as root, and need not clean up.
set -eEuo pipefail  # E: a failure in a function is reported, too
export SYSTEMD_PAGER=cat SYSTEMD_COLORS=0
readonly deadline=30  # seconds for what takes milliseconds
readonly whole=240  # seconds, longer than a scenario takes, also one of several machines
trap 'echo "$0:$LINENO: status $?: $BASH_COMMAND" >&2' ERR

fail() {
  echo "failed: $*" >&2
  exit 1
}

# pool NAME ADDRESS [KEYS]: a pool of three echo workers; KEYS are further ones of its config, as JSON. Their timeouts for
# clients are long, for busy machines.
pool() {
  local settings='"log_connections": false, "idle_timeout": "off", "message_timeout": "off", "write_timeout": "off"'
  mkdir -p /etc/preforkd
  printf '{"program": ["/usr/libexec/preforkd/prefork-echo"], "listen": ["%s"], "workers": 3, "settings": {%s}%s}\n' \
    "$2" "$settings" "${3:+, $3}" >"/etc/preforkd/$1.json"
  systemctl daemon-reload
}

# drop_in UNIT SECTION LINE...: further settings of a unit.
drop_in() {
  mkdir -p "/etc/systemd/system/$1.d"
  printf '%s\n' "[$2]" "${@:3}" >>"/etc/systemd/system/$1.d/test.conf"
  systemctl daemon-reload
}

# older DEB: the same package with version 0.0.9, as files in /tmp; the programs in it say so, too.
older() {
  local folder
  folder=$(mktemp -d)
  dpkg-deb --raw-extract "$1" "$folder"
  sed -i -E '/^(Version|Depends):/s/\b0\.1\.0\b/0.0.9/g' "$folder/DEBIAN/control"
  [ ! -f "$folder/etc/preforkd/echo.json" ] || echo "// As it was in an older version." >>"$folder/etc/preforkd/echo.json"
  [ ! -f "$folder/usr/bin/preforkd" ] || LC_ALL=C sed -i 's/0\.1\.0/0.0.9/g' "$folder/usr/bin/preforkd"
  dpkg-deb -Zgzip -z1 --build "$folder" /tmp >/dev/null
}

# property UNIT NAME: one property of a unit.
property() { systemctl show --value -p "$2" "$1"; }

master() { property "preforkd@$1.service" MainPID; }  # 0: there is none

# restarted NAME TIMES [TEXT]: systemd has restarted the master so often, and the new one is there and says TEXT. Between two masters
# systemd shows the last text of the one before.
restarted() {
  [ "$(property "preforkd@$1.service" NRestarts)" -eq "$2" ] && [ "$(master "$1")" -gt 0 ] && status_says "$1" "${3:-}"
}

# workers NAME: the pids of a pool's processes except its master and the keepers of its workers, one per line.
workers() {
  local group pid name
  group=/sys/fs/cgroup$(property "preforkd@$1.service" ControlGroup)
  for pid in $(cat "$group/cgroup.procs" "$group"/*/cgroup.procs 2>/dev/null | grep -vx "$(master "$1")" || true); do
    name=$(cat "/proc/$pid/comm" 2>/dev/null) || continue  # it has ended
    [ "$name" = keeper ] || echo "$pid"
  done | sort -n 2>/dev/null || true  # a reader that takes the first one closes the pipe
}

# has_workers NAME NUMBER: for a moment a new keeper looks like a worker, and a reload is done before all that leave are gone.
has_workers() { [ "$(workers "$1" | wc -l)" -eq "$2" ]; }

# eventually COMMAND...: waits until the command succeeds. It is tried again when systemd reports a change, and every second.
eventually() {
  local end=$((SECONDS + deadline)) changes monitor
  exec {changes}< <(exec busctl monitor org.freedesktop.systemd1 2>/dev/null)
  monitor=$!
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || { kill "$monitor" 2>/dev/null || true; fail "not within $deadline s: $*"; }
    read -r -t 1 -u "$changes" || true
  done
  kill "$monitor" 2>/dev/null || true  # it ends with the bus
  exec {changes}<&-
}

# log_line UNIT TEXT: whether the unit's journal has such a line.
log_line() { grep -qF -- "$2" < <(journalctl -u "$1" -o cat --no-pager); }

status_says() { [[ $(property "preforkd@$1.service" StatusText) == *"$2"* ]]; }

equal() { [ "$1" = "$2" ] || fail "${3:-value}: \"$1\", not \"$2\""; }

# answers ADDRESS: one request, one reply.
answers() { equal "$(prefork-client --timeout 20s "$1" hello)" "received: hello" "reply of $1"; }

# connections: the number that the kernel has accepted since boot. A list of sockets would lack closed ones above tcp_max_tw_buckets.
connections() { nstat -asz TcpPassiveOpens | awk '$1 == "TcpPassiveOpens" { print $2 }'; }

more_connections_than() { [ "$(connections)" -gt "$1" ]; }

# load_begin ADDRESS OPTION...: clients that check every reply, in the background, until load_end; the first have connected when it
# returns. A request that waits is not a failure: its timeout is that of the whole scenario.
load_begin() {
  local before
  before=$(connections)
  prefork-client --bench --json --churn --connections 32 --seconds "$whole" --timeout "${whole}s" --reply-timeout "${whole}s" "${@:2}" "$1" >/tmp/load.json &
  load=$!
  eventually more_connections_than "$before"
}

# load_end: ends the load. No request may have failed, and some must have been answered.
load_end() {
  kill -TERM "$load"
  wait "$load" || fail "the load failed: $(cat /tmp/load.json)"
  ! grep -q '"requests":0,' /tmp/load.json || fail "the load has tried nothing"
  cat /tmp/load.json
}

# hold_begin ADDRESS OPTION...: clients that keep their connections and check every reply, in the background, until hold_end. Nearly all have
# connected when it returns. Beside a load.
hold_begin() {
  prefork-client --bench --json --connections 20 --seconds "$whole" --timeout "${whole}s" --reply-timeout "${whole}s" "${@:2}" "$1" >/tmp/hold.json &
  hold=$!
  eventually [ -e "/proc/$hold/fd/20" ]
}

# hold_end: ends them. No request may have failed, no connection may have been closed, and some must have been answered.
hold_end() {
  kill -TERM "$hold"
  wait "$hold" || fail "clients have lost their connections: $(cat /tmp/hold.json)"
  ! grep -q '"requests":0,' /tmp/hold.json || fail "the clients have tried nothing"
  cat /tmp/hold.json
}

# http_get PORT: prints the body of a web server's response.
http_get() {
  local server
  exec {server}<>"/dev/tcp/127.0.0.1/$1"
  printf 'GET / HTTP/1.0\r\n\r\n' >&"$server"
  timeout "$deadline" tr -d '\r' <&"$server" | sed '1,/^$/d'
  exec {server}>&-
}
