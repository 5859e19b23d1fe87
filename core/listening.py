"""Opening the port of a process, so that a person hears at once and in one line why it cannot be opened."""

import errno
import os
import socket

from core.errors import SetupError


def listen(host: str, port: int, *, what: str, setting: str) -> socket.socket:
    """Return a listening socket for `what` ("the API"); `setting` is the prefix of the variables that choose the address.

    Raises:
        SetupError: the port is taken or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise SetupError(
                f"port {port} on {host} is in use",
                hint=f"{what} may be running already; stop it, or choose another port with {setting}PORT",
            ) from None
        raise SetupError(
            f"{what} cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}",
            hint=f"correct {setting}HOST and {setting}PORT",
        ) from None
    return listener
