# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the scenarios of web servers share: tests of an example's pool under load. Each sources this instead of scenario.sh.
# shellcheck source=tests/system/scenario.sh
. /run/tests/scenario.sh
readonly clients=8  # of each load

# server NAME FILE PORT: creates a pool from a copy of the example NAME. FILE, in /srv/NAME, is changed for another version; PORT is its
# HTTP port.
server() {
  local examples=/usr/share/doc/preforkd/examples
  name=$1 file=/srv/$1/$2 port=$3 greeting=hello
  install -m 644 "$examples/$name.json" /etc/preforkd
  cp -r "$examples/$name" /srv
}

version_answers() { [[ $(http_get "$port") =~ ^$greeting\ from\ worker\ [012]$ ]]; }

# reload GREETING: reloads with the next version. The greeting must be as long as the one before, because of compiled programs.
reload() {
  sed -i "s/$greeting/$1/g" "$file"
  greeting=$1
  systemctl reload "preforkd@$name.service"
  eventually version_answers  # an older worker may still answer as it leaves
}

# load MODE: starts a load in the background, with a new connection for each request (close) or keep-alive connections (keep).
load() {
  local before header=()
  [ "$1" = keep ] || header=(--header "Connection: close")
  before=$(connections)
  wrk --threads 1 --connections "$clients" --duration "${whole}s" --timeout "${whole}s" "${header[@]}" "http://127.0.0.1:$port/" >"/tmp/$1.txt" &
  loads[$1]=$!
  eventually more_connections_than "$before"
}

# under_load LOST COMMAND...: runs the command under both loads, each of which may lose at most LOST requests.
under_load() {
  local mode lost
  declare -A loads=()
  load close
  load keep
  "${@:2}"
  # Earlier clients have their replies by then, even if the command stopped the pool before it had answered any.
  for _ in 1 2 3; do eventually version_answers; done
  for mode in close keep; do
    kill -INT "${loads[$mode]}"
    wait "${loads[$mode]}" || fail "the load failed: $(cat "/tmp/$mode.txt")"
    echo "${*:2}: $mode: $(grep -E 'requests in|Socket errors|Non-2xx' "/tmp/$mode.txt" | tr -s '\n ' ' ')"
    grep -q '^ *[1-9][0-9]* requests in' "/tmp/$mode.txt" || fail "the load has tried nothing"
    ! grep 'Non-2xx' "/tmp/$mode.txt" || fail "requests failed"
    lost=$(sed -nE 's/.*connect ([0-9]+), read ([0-9]+), write ([0-9]+), timeout ([0-9]+)/\1 + \2 + \3 + \4/p' "/tmp/$mode.txt")
    [ "$((lost))" -le "$1" ] || fail "more than $1 requests were lost"
  done
}

reload_thrice() {
  reload salve
  reload aloha
  reload howdy
}

kill_worker() {
  local worker
  worker=$(workers "$name" | head -n 1)
  kill -KILL "$worker"
  gone() { ! kill -0 "$worker"; }
  eventually gone
  ready() { [ "$(preforkctl show "$name" -p ReadyWorkers --value)" -eq 3 ]; }  # the text that systemd shows may be a second old
  eventually ready
}

# kill_master: the next one takes over each process, also if one of another program's own masters has started it.
kill_master() {
  local before turn
  before=$(workers "$name")
  for turn in 1 2 3; do
    kill -KILL "$(master "$name")"
    eventually restarted "$name" "$turn" "3/3 workers ready"
  done
  ! grep -vFx "$before" <(workers "$name") || fail "processes are new after kills of their master"  # some that drain may have left
}

# stop: the next client starts the pool again.
stop() {
  local before
  before=$(master "$name")
  systemctl stop "preforkd@$name.service"
  started_again() { [ "$(master "$name")" -gt "$before" ] && status_says "$name" "3/3 workers ready"; }
  eventually started_again
}

# serves SAID [LOST]: reloads, kills of the master, a stop and the death of a worker under load lose no request except those pending in the
# killed worker. A broken version, whose worker prints SAID, is refused. LOST: the number of requests that the server may lose in each
# reload and stop (0).
serves() {
  systemctl daemon-reload
  systemctl start "preforkd@$name.socket" "preforkd@$name.service"
  eventually version_answers
  under_load "${2:-0}" reload_thrice

  cp "$file" /tmp/good
  sed -i '1s/^/(broken\n/' "$file"
  preforkctl reload "$name" >/tmp/said 2>&1 && fail "a broken version was reloaded"
  cat /tmp/said
  grep -q "$1" /tmp/said || fail "preforkctl does not show why the worker failed"
  cat /tmp/good >"$file"
  version_answers || fail "another version answers after a reload that failed"
  eventually status_says "$name" "3/3 workers ready"

  under_load "$clients" kill_worker
  under_load 0 kill_master
  under_load "${2:-0}" stop
  systemctl stop "preforkd@$name.socket" "preforkd@$name.service"
  ! pgrep --list-full --uid _preforkd || fail "processes are left"
}
