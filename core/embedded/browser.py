"""Where the browser is that the bridge drives."""

import os
import shutil
from pathlib import Path

from core.errors import SetupError
from core.settings import BridgeSettings

_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "microsoft-edge-stable",
    "microsoft-edge",
)
_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
_HINT = "install one (Debian: sudo apt-get install -y chromium), or name it with WAXOS_BRIDGE__BROWSER_PATH"


def find_browser(bridge: BridgeSettings) -> Path | None:
    """Return the browser's program; none where the settings name a channel, which the bridge finds by itself.

    Raises:
        SetupError: none is installed, or the named one cannot be run.
    """
    if bridge.browser_path is not None:
        if not os.access(bridge.browser_path, os.X_OK) or not bridge.browser_path.is_file():
            raise SetupError(f"there is no browser at {bridge.browser_path}", hint=_HINT)
        return bridge.browser_path.absolute()
    if bridge.browser_channel is not None:
        return None
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    found = found or next((place for place in _PLACES if os.access(place, os.X_OK)), None)
    if found is None:
        raise SetupError("no Chromium, Chrome or Edge was found for the bridge", hint=_HINT)
    return Path(found)
