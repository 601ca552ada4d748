#!/bin/sh
# Installs (as root, with apt) or names (otherwise) the system packages that wheels do not bring.
# Usage: scripts/system.sh run|test
set -eu

missing=""
need() { # need PACKAGE CHECK...: note PACKAGE unless CHECK succeeds
    package=$1; shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}
library() { ldconfig -p 2>/dev/null | grep -q "$1" || ls /usr/lib/*/"$1"* /usr/lib/"$1"* 2>/dev/null | grep -q .; }

need libgomp1 library libgomp.so.1 # lightgbm
need python3-venv "${PYTHON:-python3}" -c "import ensurepip, venv"
if [ "$1" = test ]; then # the product runs without these; their tests want them
    need chromium sh -c "command -v chromium || command -v google-chrome"
    need tesseract-ocr sh -c "command -v tesseract"
    need poppler-utils sh -c "command -v pdftoppm"
    need caddy sh -c "command -v caddy" # the proxy of deploy/
fi

[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q >/dev/null && apt-get install -q -y --no-install-recommends $missing </dev/null >/dev/null && exit 0
    echo "apt-get could not install:$missing" >&2
else
    echo "These system packages are missing:$missing" >&2
fi
echo "-> sudo apt-get install$missing" >&2
case "$missing" in *libgomp1* | *python3-venv*) exit 1 ;; esac # the rest only costs skipped tests
