#!/usr/bin/env bash
# `npm run fresh-clone`: what a newcomer does, on this machine, as hard as it gets: a new clone of HEAD below a private
# folder, the system's own Node, and no Python. Starts the server, stops it, starts it again and runs the tests.
# Listens on LETHE_PORT, or 7300.
set -euo pipefail

node_version_min=20
ready_seconds_max=60
stop_seconds_max=10
port="${LETHE_PORT:-7300}"
health="http://127.0.0.1:$port/healthz"

repository="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
work="$(mktemp -d "${TMPDIR:-/tmp}/lethe-fresh-XXXXXX")" # mktemp makes it 0700
group='' # the process group of what runs in the background
family='' # that process and everything it had started when it was stopped

main() {
  trap clean_up EXIT
  trap 'exit 130' INT TERM HUP

  PATH="$(path_without_python)" # apart from its export, which would hide a failure
  export PATH
  unset_npm_surroundings
  say "Node $(node --version), npm $(npm --version), no Python, below a private folder"
  require_old_enough_node
  ! is_healthy || fail "something already answers at $health: stop it, or set LETHE_PORT"

  say "git clone"
  git clone --quiet "$repository" "$work/lethe"
  cd "$work/lethe"

  say "npm ci && npm start"
  start_in_background "$work/first.log" 'npm ci && exec npm start'
  wait_until_healthy "$work/first.log"
  say "answers at $health"
  names_an_app "$work/first.log" || fail_with "$work/first.log" 'the first start printed no app key'
  stop_by_sigterm
  say "stopped, and nothing of it is left"

  say "npm start, again"
  start_in_background "$work/second.log" 'exec npm start'
  wait_until_healthy "$work/second.log"
  ! names_an_app "$work/second.log" || fail_with "$work/second.log" 'the second start made a new app: it did not find the data of the first'
  stop_by_sigterm
  say "found everything, and stopped"

  say "npm ci && npm test"
  npm ci
  npm test
  say "everything passed"
}

# A folder of links to every program on the path except Python's: npm must get by with what is left. The repository's
# own node_modules, which npm puts on the path of its scripts, is left out too, so that `node` is the system's.
path_without_python() {
  local bin="$work/bin" folder program
  mkdir "$bin"
  local folders
  IFS=: read -ra folders <<<"$PATH"
  for folder in "${folders[@]}"; do
    case "$folder" in *node_modules* | *node-gyp-bin* | *pyenv* | '') continue ;; esac
    for program in "$folder"/*; do
      case "${program##*/}" in *python* | *py3* | pip*) continue ;; esac
      if [[ -x "$program" && ! -d "$program" && ! -e "$bin/${program##*/}" ]]; then
        ln -s "$program" "$bin/${program##*/}"
      fi
    done
  done
  if PATH="$bin" command -v python3 >/dev/null || PATH="$bin" command -v python >/dev/null; then
    fail 'Python is still on the path'
  fi
  printf '%s' "$bin"
}

# npm hands its scripts a great many variables, which would steer the clone's own npm.
unset_npm_surroundings() {
  local name
  while IFS= read -r name; do unset "$name"; done < <(compgen -e | grep -i '^npm_' || true)
  unset INIT_CWD NODE NODE_OPTIONS LETHE_DATABASE_URL LETHE_DATA_DIR LETHE_APP_KEY LETHE_MASTER_SECRET
}

require_old_enough_node() {
  local major
  major="$(node -p 'parseInt(process.versions.node, 10)')"
  ((major >= node_version_min)) || fail "the system's Node is $(node --version): install Node $node_version_min or newer"
}

# With job control a background job leads a process group of its own, by which its descendants are found again.
start_in_background() {
  local log="$1" command="$2"
  set -m
  LETHE_PORT="$port" bash -c "$command" >"$log" 2>&1 </dev/null &
  group=$!
  set +m
  started_log="$log"
}

wait_until_healthy() {
  local log="$1" deadline=$((SECONDS + ready_seconds_max))
  until is_healthy; do
    kill -0 "$group" 2>/dev/null || fail_with "$log" 'the server ended by itself'
    ((SECONDS < deadline)) || fail_with "$log" "nothing answers at $health after $ready_seconds_max s"
    sleep 0.2
  done
}

is_healthy() {
  node -e 'fetch(process.argv[1]).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))' "$health"
}

# A first start mints the app and prints it once: 24 hexadecimal characters, which stand nowhere else in the output.
names_an_app() {
  grep -Eqw '[0-9a-f]{24}' "$1"
}

# SIGTERM to npm alone, as a service manager or a closing terminal would.
stop_by_sigterm() {
  local npm="$group" deadline=$((SECONDS + stop_seconds_max))
  family="$(descendants "$npm")"
  kill -TERM "$npm"
  while [[ -n "$(still_running "$family")" || -n "$(group_members)" ]]; do
    if ((SECONDS >= deadline)); then
      ps -o pid,ppid,pgid,args -p "$(tr ' \n' ',,' <<<"$family" | sed 's/,*$//')" >&2 || true
      fail_with "$started_log" "still running $stop_seconds_max s after SIGTERM"
    fi
    sleep 0.1
  done
  wait "$npm" 2>/dev/null || true
  group='' family=''
  ! is_healthy || fail "something still answers at $health"
}

# The process and everything it has started, however deep, one number a line.
descendants() {
  ps -A -o pid=,ppid= | awk -v root="$1" '
    { parent[$1] = $2 }
    END { for (pid in parent) { at = pid; while (at != root && at in parent) at = parent[at]; if (at == root) print pid } }'
}

# Of these numbers, those of processes that have not ended.
still_running() {
  ps -A -o pid=,stat= | awk -v pids="$1" '
    BEGIN { count = split(pids, list); for (i = 1; i <= count; i++) wanted[list[i]] }
    $1 in wanted && $2 !~ /^Z/ { print $1 }'
}

group_members() {
  ps -A -o pid=,pgid=,stat= | awk -v group="$group" '$2 == group && $3 !~ /^Z/ { print $1 }'
}

say() {
  printf '[%s +%3ds] %s\n' "$(date -u +%H:%M:%S)" "$SECONDS" "$*"
}

fail() {
  printf 'fresh-clone: %s.\n' "$*" >&2
  exit 1
}

fail_with() {
  tail -n 40 "$1" >&2
  fail "$2"
}

clean_up() {
  if [[ -n "$group" ]]; then
    # Both of them lists of numbers, of which some may have ended by now.
    # shellcheck disable=SC2046
    kill -KILL $(still_running "$family") $(group_members) 2>/dev/null || true
    wait "$group" 2>/dev/null || true
  fi
  rm -rf "$work"
}

main
