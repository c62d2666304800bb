#!/usr/bin/env bash
# Install what a lock file pins into a virtual environment, which is made where it is missing.
#
#   requirements/install.sh PYTHON ENVIRONMENT LOCK
#
# By uv: the one on the PATH, else one that pip puts into the environment. Where uv cannot be had, by pip.
set -euo pipefail
here=$(dirname "$0")
python=$1 environment=$2 lock=$3
inside=$environment/bin/python
packages=$(grep -c == "$lock")

pip() { # of PYTHON, else the one that every Python carries; both act on the environment
  "$python" -m pip --python "$inside" --version > /dev/null 2>&1 || { "$inside" -m ensurepip > /dev/null && python=$inside; }
  "$python" -m pip --python "$inside" --disable-pip-version-check "$@"
}

by_uv() {
  local uv quiet=--quiet
  if ! uv=$(command -v uv); then
    uv=$environment/bin/uv
    [ -x "$uv" ] || pip install --quiet --require-hashes --only-binary=:all: -r "$here/uv.txt" 2> /dev/null || return
    # uv does not read pip's configuration
    export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$(pip config get global.index-url 2> /dev/null || true)}}
    [ -n "$UV_DEFAULT_INDEX" ] || unset UV_DEFAULT_INDEX
  fi
  if [ -t 2 ]; then quiet=; fi # progress bars are for a terminal
  "$uv" pip install ${quiet:+"$quiet"} --python "$inside" --require-hashes -r "$lock"
}

by_pip() {
  pip install --progress-bar off --require-hashes -r "$lock" |
    awk -v all="$packages" '/^Collecting / && ++n % 10 == 0 { print "  " n " of " all " found"; fflush() }'
}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is %s: set PYTHON=python3.x" % sys.version.split()[0])'
echo "installing $packages packages into $environment (once)"
[ -x "$inside" ] || "$python" -m venv --without-pip "$environment"
by_uv || {
  echo "not with uv; pip takes about a minute"
  by_pip
}
