#!/usr/bin/env bash
# Runs the commands of README.md as on a new machine: scripts/first_day.sh in a fresh clone, with an
# empty home, an empty /tmp and only the variables of a new shell. Usage, with everything optional:
#
#   make test-bare PYTHON=python3.12 SEED=123 PYTEST="tests/config" KEEP="PIP_INDEX_URL PIP_CERT"
#
# KEEP names variables to pass on. Must also run in bash 3.2, which macOS has.
# shellcheck disable=SC2317,SC2329  # Traps call these functions.
set -euo pipefail

BARE_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
USABLE='import ensurepip, sys, venv; v = sys.version_info[:3]; sys.exit(not ((3, 11) <= v < (3, 12) or (3, 12, 2) <= v < (3, 14)))'
# For a virtual environment, the Python that created it: the environment itself may be hidden.
FACTS='import os, platform, sys
print(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
print(os.path.realpath(sys.base_prefix))
print(platform.python_version())'

say() { printf '== %s\n' "$*"; }

fail() {
  say "$*" >&2
  exit 1
}

# Finds a Python for the clone: the given one, the bare machine's `python3`, or the caller's. Leaves
# `python` empty where the bare machine's will do.
choose_python() {
  local found=${PYTHON:-python3}
  python=
  if [[ ! ${PYTHON:-} ]] && env PATH="$BARE_PATH" python3 -c "$USABLE" 2>/dev/null; then
    found=$(PATH=$BARE_PATH && command -v python3)
  fi
  "$found" -c "$USABLE" 2>/dev/null ||
    fail "$found isn't Python 3.11, 3.12 (from 3.12.2) or 3.13 with venv. Name one with: make test-bare PYTHON=..."
  { read -r interpreter && read -r prefix && read -r version; } <<<"$("$found" -c "$FACTS")"
  if [[ ${PYTHON:-} || $found == python3 ]]; then python=$interpreter; fi
}

# Runs a command in a namespace of mounts where the home, /tmp and /var/tmp are folders of $1. Of
# what they hide, $2 stays, where Python itself is.
hide() {
  local work=$1 python_home=$2 place last=
  shift 2
  set -e
  if [[ $python_home ]]; then mount --bind "$python_home" "$work$python_home"; fi
  for place in "$HOME" /tmp /var/tmp; do
    # The one that holds $1 is hidden last.
    if [[ $work == "$place"/* ]]; then last=$place; else mount --rbind "$work$place" "$place"; fi
  done
  if [[ $last ]]; then mount --rbind "$work$last" "$last"; fi
  mount -t tmpfs -o mode=1777 tmpfs /dev/shm
  # Some namespaces may not do that, and nothing depends on it.
  if [[ $python_home ]]; then mount -o remount,bind,ro "$python_home" 2>/dev/null || :; fi
  cd /
  exec "$@"
}

# Finds out what can be hidden here. Sets `isolation` to pid (files and processes), mount (files) or
# none, and `isolated` to the words that run a command that way.
choose_isolation() {
  local options rights as_user
  isolation=none isolated=(env) python_home=
  # A home in there can't be hidden apart from it.
  case $HOME in /tmp | /tmp/* | /var/tmp | /var/tmp/*) return ;; esac
  case $prefix in "$HOME"/* | /tmp/* | /var/tmp/*) python_home=$prefix ;; esac
  mkdir -p "$work$python_home"
  as_user=(unshare --user --map-user="$(id -u)" --map-group="$(id -g)")
  for options in "--mount --pid --fork --kill-child --mount-proc" "--mount"; do
    for rights in "" "--user --map-root-user"; do
      read -r -a isolated <<<"unshare $rights $options"
      isolated+=(bash -c "$(declare -f hide); hide \"\$@\"" hide "$work" "$python_home")
      "${isolated[@]}" true 2>/dev/null || continue
      isolation=mount
      if [[ $options == *--pid* ]]; then isolation=pid; fi
      # Only mounting needs root's rights; after it, the user's are used again where that works.
      if [[ $rights ]] && "${isolated[@]}" "${as_user[@]}" true 2>/dev/null; then
        isolated+=("${as_user[@]}")
      fi
      return
    done
  done
  isolated=(env) python_home=
}

# Ends what still runs and removes the folders; after Ctrl-C too.
clean_up() {
  local tries=0 pid
  trap '' INT TERM HUP
  cd /
  if [[ $child ]]; then
    kill -KILL -- "-$child" 2>/dev/null || :
    wait "$child" 2>/dev/null || :
  fi
  # Where the commands have a namespace of processes, that has ended them all.
  grep -lsF "TEST_BARE=$work" /proc/[0-9]*/environ | while IFS=/ read -r _ _ pid _; do
    kill -KILL "$pid" 2>/dev/null || :
  done || :
  # What has just been killed may still be writing.
  until rm -rf "$work" ${tmp:+"$tmp"} 2>/dev/null || ((++tries == 20)); do sleep 0.5; done
  if ((tries == 20)); then say "$work $tmp can't be removed."; fi
}

# A function, since bash reads a script while it runs: this way an edit during the run does no harm.
main() {
  root=$(cd "$(dirname "$0")/.." && pwd -P)
  cd "$root"
  if [[ ! -d ${HOME:-} || $HOME == / ]]; then HOME=/home; fi
  HOME=$(cd "$HOME" && pwd -P)
  export HOME
  choose_python

  child='' tmp='' isolation=none
  # Not in /tmp, which may be in memory: the .venv takes gigabytes.
  work=$(cd "$(mktemp -d "${TMPDIR:-/var/tmp}/bare.XXXXXX")" && pwd -P)
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  mkdir -p "$work$HOME" "$work/tmp" "$work/var/tmp"
  chmod 1777 "$work/tmp" "$work/var/tmp"
  choose_isolation

  # Settings for git, here only: the checkout may belong to another user, as it does in containers.
  printf '[safe]\n\tdirectory = *\n[advice]\n\tdetachedHead = false\n' >"$work/gitconfig"
  clone=$HOME/${root##*/}
  (
    export GIT_CONFIG_GLOBAL="$work/gitconfig"
    git clone --quiet "file://$root" "$work$clone"
    say "The first day of $(git log -1 --format='%h (%s)'), with Python $version ($interpreter)"
    uncommitted=$(($(git status --porcelain | wc -l)))
    if ((uncommitted)); then say "Not tested: $uncommitted files with uncommitted changes"; fi
  )

  user=$(id -un 2>/dev/null || id -u)
  variables=("PATH=$BARE_PATH" "USER=$user" "LOGNAME=$user" "SHELL=${SHELL:-/bin/bash}"
    "TERM=${TERM:-dumb}" "LANG=${LANG:-C.UTF-8}" "PYTEST=--require-browser ${PYTEST:-}")
  if [[ ${SEED:-} ]]; then variables+=("SEED=$SEED"); fi
  if [[ $python ]]; then variables+=("PYTHON=$python"); fi
  kept=
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ${KEEP:-}; do
    if [[ ${!name+set} ]]; then
      variables+=("$name=${!name}")
      kept+=" $name"
    fi
  done
  hidden=0
  for name in $(compgen -e); do
    case " HOME PATH USER LOGNAME SHELL TERM LANG PYTEST SEED PYTHON PWD SHLVL$kept " in
      *" $name "*) ;;
      *) hidden=$((hidden + 1)) ;;
    esac
  done

  hidden="$hidden variables, the home $HOME"
  bare="the system's packages and settings, the network"
  if [[ $isolation == none ]]; then
    # Processes can't be hidden from each other here; a variable marks those of the test.
    # The sockets that Ray creates below TMPDIR leave 20 letters for its name.
    tmp=$(mktemp -d /tmp/bare.XXXXXX)
    variables+=("HOME=$work$HOME" "TMPDIR=$tmp" "TEST_BARE=$work")
    clone=$work$clone
    hidden+=" and the folder for temporary files (as far as programs ask HOME and TMPDIR for them)"
    bare+=", /tmp and /dev/shm, other programs' processes"
  elif [[ $isolation == mount ]]; then
    variables+=("HOME=$HOME" "TEST_BARE=$work")
    hidden+=", /tmp, /var/tmp, /dev/shm"
    bare+=", other programs' processes"
  else
    variables+=("HOME=$HOME")
    hidden+=", /tmp, /var/tmp, /dev/shm, other programs' processes"
  fi
  say "Hidden: $hidden"
  say "Not hidden: $bare${python_home:+, $python_home (where Python is)}${kept:+, the variables$kept}"
  if [[ ! -d /proc/self ]]; then say "Not compared: processes and ports"; fi

  # The commands run in their own process group: it can be ended as a whole, and Ctrl-C, which bash
  # makes other background commands ignore, works in it. This folder is hidden from them, so they
  # get the text of the script.
  set -m
  "${isolated[@]}" env -i "${variables[@]}" bash -c "$(<scripts/first_day.sh)" first_day.sh \
    "$isolation" "$work" "$clone" </dev/null &
  child=$!
  status=0
  wait "$child" || status=$?
  say "That took $((SECONDS / 60)) min $((SECONDS % 60)) s."
  exit "$((status != 0))"
}

main
