#!/bin/sh
# Makes the Python environment that `make test` and `make demo` run in.
#
# Usage: sh .ci/environment.sh [DIRECTORY]      (.venv if not given)
#        PYTHON=/path/to/python3.10 sh .ci/environment.sh
#
# It finds the newest Python from 3.8 to 3.13 or fetches one by uv, installs the
# versions in constraints.txt (or in constraints-3.12.txt, for a Python that has a list
# of its own) into DIRECTORY, and, on Debian and Ubuntu as root or with sudo, the
# system's packages that are missing. Where it may not install those, it
# says which they are and stops.
set -eu
cd "$(dirname "$0")/.."

venv=${1:-.venv}
versions='3.13 3.12 3.11 3.10 3.9 3.8'
newest=3.13
gpu_packages='python3-pygpu libgpuarray-dev libclblast-dev pocl-opencl-icd'

say() { printf '== %s\n' "$*"; }
stop() { printf '\n%s\n' "$*" >&2; exit 1; }

# --- the system's packages --------------------------------------------------

apt_prefix() {  # prints how to become root for apt-get; fails where one cannot
    command -v apt-get >/dev/null || return 1
    if [ "$(id -u)" = 0 ]; then
        echo env
    elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        echo sudo env
    else
        return 1
    fi
}

may_install() { apt_prefix >/dev/null; }

apt_updated=no
apt_update() {
    [ "$apt_updated" = yes ] && return
    say "Updating the list of the system's packages"
    # An old list may be good enough; if not, the installation says so.
    $(apt_prefix) apt-get update -qq || say "The list could not be updated"
    apt_updated=yes
}

apt_install() {
    apt_update
    say "Installing the system's packages: $*"
    $(apt_prefix) DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

apt_knows() { apt-cache show "$1" >/dev/null 2>&1; }

has_package() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# --- Python -----------------------------------------------------------------

suits() {  # is this a Python that the stack runs on?
    "$1" -c '
import sys
fits = (3, 8) <= sys.version_info[:2] <= (3, 13)
sys.exit(not (fits and sys.implementation.name == "cpython"))' 2>/dev/null
}

is_systems() {  # is it the one that the distribution packages?
    [ -x /usr/bin/dpkg ] && [ "$("$1" -c 'import sys; print(sys.prefix)')" = /usr ]
}

lacking() {  # prints the system's packages that a Python of the system lacks
    "$1" -c '
import importlib.util, os, sys, sysconfig
header = os.path.join(sysconfig.get_path("include"), "Python.h")
version = "python%d.%d" % sys.version_info[:2]
if not importlib.util.find_spec("ensurepip"):
    print(version + "-venv")
if not os.path.exists(header):
    print(version + "-dev")'
}

candidates() {  # prints where a Python may be, the newest version first
    for version in $versions; do
        echo "/usr/bin/python$version"
        echo "python$version"
        # pyenv's commands work for the versions that are chosen; these for all.
        ls -d "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python 2>/dev/null
    done
    echo python3
    echo /usr/bin/python3
}

find_python() {  # sets $python, or $incomplete to one that lacks something
    incomplete=
    for candidate in ${PYTHON:-$(candidates)}; do
        suits "$candidate" || continue
        python=$candidate
        [ -z "$(lacking "$python")" ] && return 0
        is_systems "$python" && may_install && return 0
        incomplete=${incomplete:-$python}
    done
    python=
    return 1
}

has_ensurepip() { python3 -c 'import ensurepip' 2>/dev/null; }

fetch_python() {  # sets $python to one that uv fetches
    if command -v uv >/dev/null; then
        uv=uv
    elif has_ensurepip; then
        say "Installing uv, to fetch a Python by it"
        python3 -m venv "$venv-uv" || return 1
        "$venv-uv/bin/python" -m pip install -q -c .ci/constraints.txt uv || return 1
        uv=$venv-uv/bin/uv
    else
        return 1
    fi
    say "Fetching Python $newest by uv"
    "$uv" python install -q $newest || return 1
    python=$("$uv" python find --python-preference only-managed $newest) &&
        suits "$python"
}

choose_python() {
    find_python && return
    if [ -n "${PYTHON:-}" ] && [ -z "$incomplete" ]; then
        stop "PYTHON=$PYTHON is no CPython 3.8 to 3.13."
    fi
    if [ -z "${PYTHON:-}" ] && may_install && ! has_ensurepip; then
        # Whatever its version: a wrong one still brings uv.
        apt_install python3 python3-venv
        find_python && return
    fi
    [ -z "${PYTHON:-}" ] && fetch_python && return
    if [ -n "$incomplete" ]; then
        python=$incomplete
        stop_for_lack_of "$(missing_packages | paste -sd ' ' -)"
    fi
    stop "There is no Python 3.8 to 3.13 here, and uv fetched none." \
        "Install one (Debian 12: sudo apt-get install python3 python3-venv" \
        "python3-dev g++ libopenblas-dev; elsewhere uv, pyenv and conda have them)," \
        "and name it if it is not on the PATH: make PYTHON=/path/to/python3.13"
}

# --- what is missing below Python -------------------------------------------

links() {  # can a program be compiled, and linked with this?
    echo 'int main() { return 0; }' |
        g++ -x c++ - "$@" -o /dev/null 2>/dev/null
}

missing_packages() {
    links || echo g++
    lacking "$python"
    # A BLAS of another name is good enough where there is one.
    links -lopenblas || links -lblas || echo libopenblas-dev
}

stop_for_lack_of() {
    stop "These are missing, by their names in Debian: $1
Install them (on Debian and Ubuntu: sudo apt-get install $1), then call make again."
}

install_packages() {
    missing=$(missing_packages | paste -sd ' ' -)
    if [ -n "$missing" ]; then
        may_install || stop_for_lack_of "$missing"
        # shellcheck disable=SC2086  # a list of words
        apt_install $missing
        # -lblas may be the slow reference BLAS, which is better than none.
        missing=$(missing_packages | paste -sd ' ' -)
        [ -z "$missing" ] || stop "Installed, and yet not found: $missing"
    fi
}

install_gpu_packages() {  # only the distribution's Python can import its pygpu
    is_systems "$python" || return 0
    wanted=
    for package in $gpu_packages; do
        has_package "$package" || wanted="$wanted $package"
    done
    [ -n "$wanted" ] || return 0
    if ! may_install; then
        say "To test the GPU's code too: sudo apt-get install$wanted"
        return 0
    fi
    apt_update
    for package in $wanted; do
        if ! apt_knows "$package"; then
            say "No package $package here: the GPU's code will not be tested"
            return 0
        fi
    done
    # shellcheck disable=SC2086
    apt_install $wanted || say "Without them the GPU's code will not be tested"
}

# --- the environment --------------------------------------------------------

link_pygpu() {  # pygpu alone, not all else that the system's Python has
    is_systems "$python" || return 0
    source=$("$python" -c '
from importlib.util import find_spec
spec = find_spec("pygpu")
print(spec.submodule_search_locations[0] if spec else "")')
    [ -n "$source" ] || return 0
    packages=$("$venv/bin/python" -c '
import sysconfig
print(sysconfig.get_path("platlib"))')
    ln -sfn "$source" "$packages/pygpu"
    if ! "$venv/bin/python" -W ignore -c 'import pygpu' 2>/dev/null; then
        rm "$packages/pygpu"
        say "The system's pygpu does not import: the GPU's code will not be tested"
    fi
}

list_of_versions() {  # prints the file for the Python that was chosen
    own=.ci/constraints-$("$python" -c '
import sys
print("%d.%d" % sys.version_info[:2])').txt
    if [ -e "$own" ]; then echo "$own"; else echo .ci/constraints.txt; fi
}

make_environment() {
    constraints=$(list_of_versions)
    if ! suits "$venv/bin/python" || ! [ "$venv/python" -ef "$python" ]; then
        say "Making $venv with $("$python" --version)"
        "$python" -m venv --clear "$venv"
        ln -s "$(command -v "$python")" "$venv/python"
    fi
    say "Installing the versions in $constraints"
    pip="$venv/bin/python -m pip --disable-pip-version-check"
    $pip install -q -c "$constraints" pip setuptools wheel
    PYTHONPATH=$PWD/.ci/old_setup \
        $pip install -q -c "$constraints" --no-build-isolation -e '.[test,lint,docs,gpu]'
}

choose_python
install_packages
install_gpu_packages
make_environment
link_pygpu
touch "$venv/complete"
say "$venv is complete"
