#!/bin/sh
# Finds a Chromium, or installs Debian's where that is allowed, or names the one command that does.
set -eu
if [ -n "${WAXOS_BRIDGE__BROWSER_PATH:-}" ] && [ -x "$WAXOS_BRIDGE__BROWSER_PATH" ]; then exit 0; fi
for name in chromium chromium-browser google-chrome google-chrome-stable microsoft-edge; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
sudo=""
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo="sudo -n"; else sudo="none"; fi
fi
if [ "$sudo" != none ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium (package chromium) ..."
    $sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends chromium >/dev/null && exit 0
fi
echo "WAXOS needs a Chromium browser and could not install one. Run: sudo apt-get install -y chromium" >&2
exit 1
