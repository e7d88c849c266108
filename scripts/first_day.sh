#!/usr/bin/env bash
# Runs the commands that README.md has between its "first day" marks, in one shell as a person does.
# Lists what they leave behind, and fails if there is anything. scripts/test_bare.sh starts it.
set -e -o pipefail
isolation=$1 work=$2 clone=$3

say() { printf '== %s\n' "$*"; }

# Prints the processes that the commands have started and that are still running.
list_processes() {
  local process pid
  for process in /proc/[0-9]*; do
    pid=${process#/proc/}
    if [[ $pid == "$$" || $pid == "${BASHPID:-}" ]]; then continue; fi
    if [[ $isolation == pid ]] || grep -qsF "TEST_BARE=$work" "$process/environ"; then
      if grep -qs $'^State:\t[^Z]' "$process/status"; then echo "$pid"; fi
    fi
  done
}

# Reports the processes that a command has left and the ports that they listen on, and ends them.
check_processes() {
  local tries=10 sockets=() address state inode pid file ports
  # They may be about to end.
  while ((tries)) && [[ $(list_processes) ]]; do
    sleep 0.5
    tries=$((tries - 1))
  done
  while read -r _ address _ state _ _ _ _ _ inode _; do
    if [[ $state == 0A ]]; then sockets[inode]=$((16#${address##*:})); fi
  done <<<"$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null)"
  for pid in $(list_processes); do
    ports=
    for file in "/proc/$pid/fd"/*; do
      inode=$(readlink "$file") || continue
      if [[ $inode == socket:* ]]; then
        inode=${inode//[!0-9]/}
        ports+=${sockets[inode]:+ ${sockets[inode]}}
      fi
    done
    report_left "process $pid${ports:+ (listens on port$ports)}:" \
      "$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")"
    kill -KILL "$pid" 2>/dev/null || :
  done
}

# Prints all files and empty folders, except those that may stay: the caches of pip, of Playwright and
# of the tools in the clone, and pytest's folders of its last runs.
list_files() {
  local places=(/tmp /var/tmp /dev/shm) caches=$HOME/.cache
  if [[ $isolation == none ]]; then places=("$TMPDIR"); fi
  if [[ $OSTYPE == darwin* ]]; then caches=$HOME/Library/Caches; fi
  find "$HOME" "${places[@]}" -mindepth 1 \( \
    -path "$caches/pip" -o -path "$caches/ms-playwright" -o -path "${places[0]}/pytest-of-*" \
    -o -path "$PWD/.git" -o -path "$PWD/.venv" -o -path "$PWD/*.egg-info" \
    -o -path "$PWD/*__pycache__" -o -path "$PWD/.*_cache" -o -path "$PWD/.hypothesis" \
    \) -prune -o \( ! -type d -o -empty \) -print 2>/dev/null | sort -u || :
}

# Records the state before the tests.
record_state() {
  files=$(list_files)
  changes=$(git status --porcelain | sort)
  elsewhere=$(ls -A /tmp)
}

# Reports what is new since then.
check_files() {
  local new
  new=$(comm -13 <(echo "$files") <(list_files))
  if [[ $new ]]; then
    report_left "$(($(wc -l <<<"$new"))) files, of which these are the first:"
    head -n 20 <<<"$new"
  fi
  new=$(comm -13 <(echo "$changes") <(git status --porcelain | sort))
  if [[ $new ]]; then report_left "changes in the clone:"$'\n'"$new"; fi
  new=$(comm -13 <(echo "$elsewhere") <(ls -A /tmp))
  # Where /tmp isn't the script's own, other programs write there too, so this is no failure.
  if [[ $new && $isolation == none ]]; then say "New in /tmp, maybe of other programs:"$'\n'"$new"; fi
}

check_leftovers() {
  if [[ "$line " == "make test "* ]]; then check_files; fi
  check_processes
}

report_left() {
  say "LEFT BEHIND by \`$line\`: $*"
  leftovers=$((leftovers + 1))
}

finish() {
  local status=$? compared="no files, no changes"
  set +e
  if ((status)); then
    say "FAILED after $((SECONDS - began)) s with status $status: $line"
    check_leftovers
  fi
  if [[ -d /proc/self ]]; then compared+=", no processes, no ports"; fi
  if ((leftovers)); then exit 1; fi
  say "Left behind: nothing ($compared)."
  exit "$((status != 0))"
}

cd "$clone"
text=$(awk '
  /<!-- \/first day -->/ { on = 0 }
  /<!-- first day -->/ { on = 1 }
  on && /^```/ { fence = !fence; next }
  on && fence && !/^#/ { if (sub(/\\$/, "")) printf "%s", $0; else print }' README.md)
commands=()
while IFS= read -r line; do
  if [[ $line ]]; then commands+=("$line"); fi
done <<<"$text"
if ((!${#commands[@]})); then
  say "README.md has no commands between <!-- first day --> and <!-- /first day -->."
  exit 1
fi

leftovers=0
trap finish EXIT
for line in "${commands[@]}"; do
  printf '\n$ %s\n' "$line"
  began=$SECONDS
  if [[ "$line " == "make test "* ]]; then record_state; fi
  eval "$line"
  say "$((SECONDS - began)) s: $line"
  check_leftovers
done
