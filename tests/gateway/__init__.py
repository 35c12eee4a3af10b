"""What package managers talk to: the protocols of their registries in front of the emulator, on 127.0.0.1.

Files are kept here, a file of this folder for each protocol. Whether a version may be published or fetched the emulator
decides, by the token, the policies and the package groups; its refusals are answered in the form that the client shows.
"""

from . import ruby
from .server import Gateway

__all__ = ["Gateway", "ruby"]
