#!/usr/bin/env bash
# Install what a lock file pins into a virtual environment, which is made where it is missing.
#
#   requirements/install.sh PYTHON ENVIRONMENT LOCK
#
# The lock file names everything, so nothing that it leaves out is looked for.
# By uv: the one on the PATH, else one that pip puts into the environment. Where uv cannot be had, by pip.
set -euo pipefail
here=$(dirname "$0")
python=$1 environment=$2 lock=$3
inside=$environment/bin/python
packages=$(grep -c == "$lock")

own_pip() { # the one that every Python carries
  "$inside" -m pip --version > /dev/null 2>&1 || "$inside" -m ensurepip > /dev/null
  "$inside" -m pip --disable-pip-version-check install "$@"
}

get_uv() { # by PYTHON's pip: the environment's would have to be made first
  local options=(--quiet --require-hashes --only-binary=:all: -r "$here/uv.txt")
  "$python" -m pip --python "$inside" --disable-pip-version-check install "${options[@]}" 2> /dev/null ||
    own_pip "${options[@]}" 2> /dev/null
}

by_uv() {
  local uv quiet=--quiet
  if ! uv=$(command -v uv); then
    uv=$environment/bin/uv
    [ -x "$uv" ] || get_uv || return
    # uv does not read pip's configuration
    export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$("$python" -m pip config get global.index-url 2> /dev/null || true)}}
    [ -n "$UV_DEFAULT_INDEX" ] || unset UV_DEFAULT_INDEX
  fi
  if [ -t 2 ]; then quiet=; fi # progress bars are for a terminal
  "$uv" pip install ${quiet:+"$quiet"} --python "$inside" --no-deps --require-hashes -r "$lock"
}

by_pip() {
  own_pip --progress-bar off --no-deps --require-hashes -r "$lock" |
    awk -v all="$packages" '/^Collecting / && ++n % 10 == 0 { print "  " n " of " all " found"; fflush() }'
}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is %s: set PYTHON=python3.x" % sys.version.split()[0])'
echo "installing $packages packages into $environment (once)"
[ -x "$inside" ] || "$python" -m venv --without-pip "$environment"
by_uv || {
  echo "not with uv; pip takes about a minute"
  by_pip
}
