#!/bin/sh
# Healthy: the worker's sign of life is young; where there is none, the web process answers.
set -eu
alive="${COUNTERSIGN_ALIVE_FILE:-/tmp/countersign-alive}"
if [ -e "$alive" ]; then
    [ $(($(date +%s) - $(stat -c %Y "$alive"))) -lt 60 ]
else
    exec python -I -S -c 'import os, urllib.request as r
r.urlopen("http://127.0.0.1:%s/healthz" % os.environ.get("COUNTERSIGN_PORT", "8000"), timeout=4)'
fi
