# Debian's and Python's packages, for the scripts that source this. Set before: `name`, how the program calls itself, and
# `log`, a file for apt-get's output.

say() { printf '%s: %s\n' "$name" "$*"; }
die() { printf '%s: %s\n' "$name" "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

become_root=()
can_install=1
if ! have apt-get; then
  can_install=""
  why_not="this machine has no apt-get"
elif [[ $(id -u) != 0 ]]; then
  if have sudo && { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; then
    become_root=(sudo)
  else
    can_install=""
    why_not="this user is not root and cannot use sudo here"
  fi
fi

index_is_fresh=""
apt() {
  ${become_root[@]+"${become_root[@]}"} env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" >>"$log" 2>&1
}

# install_packages PACKAGE…: true when all of them are there afterwards.
install_packages() {
  if [[ -z $can_install ]]; then
    say "cannot install $*: $why_not"
    return 1
  fi
  say "installing with apt-get: $*"
  : >"$log"
  if [[ -z $index_is_fresh ]]; then
    apt update || say "apt-get update failed; trying with the package lists that are there"
    index_is_fresh=1
  fi
  if ! apt install --no-install-recommends "$@"; then
    tail -n 15 "$log" >&2
    say "apt-get could not install $*; its output is in $log"
    return 1
  fi
}

# missing_for PYTHON: adds to `missing` what an environment of that interpreter needs. systemd-python has no wheel: it is
# compiled, against the interpreter's headers.
missing_for() {
  local python=$1 package=python3 path
  path=$(readlink -f "$(command -v "$python")")
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    die "$python is $("$python" -V 2>&1 || true): Python 3.11 or newer is needed (name another with PYTHON=…)"
  [[ $path != /usr/bin/* ]] || package=$(basename "$path")
  [[ $package != python3.11 ]] || package=python3 # Debian 12's own
  "$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=("$package-venv")
  "$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' ||
    missing+=("$package-dev")
  have gcc || have cc || missing+=(gcc)
  have pkg-config || missing+=(pkg-config)
  { have pkg-config && pkg-config --exists libsystemd; } || missing+=(libsystemd-dev)
}

# pip_of PYTHON ARGUMENT…: that interpreter's pip. A package index that falls silent is asked again and never waited for
# without end: a request has half a minute, all of them a quarter of an hour.
pip_of() {
  local python=$1
  shift
  PIP_DEFAULT_TIMEOUT=30 PIP_RETRIES=8 timeout 900 "$python" -m pip --disable-pip-version-check "$@"
}
