"""AWS on a laptop: a thin adapter over the MiniStack emulator, pinned to one version.

MiniStack needs neither Docker nor an account. Where it differs from AWS in a way that
this platform would notice, a small *patch* (``emulator/patches/``) closes the gap. A gap that only
a rebuilt service would close stays open, and the README names it.

``emulator.control`` starts and stops the emulator; ``emulator.server`` is the process.
"""

MINISTACK_VERSION = "1.5.33"
"""The only version that the patches are written and tested for."""

INSTALL_HINT = f"python -m pip install 'ministack=={MINISTACK_VERSION}'"
