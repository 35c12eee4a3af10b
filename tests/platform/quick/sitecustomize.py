"""Read by every Python that starts with this folder on its path, the AWS CLI's: it polls sooner than every 30 s."""

import atexit
import sys
import time

_sleep = time.sleep
time.sleep = lambda seconds: _sleep(min(seconds, 0.5))


@atexit.register
def leave_the_second() -> None:
    """A change set is named by the second in which it is made: two of one stack must not share it."""
    if "deploy" in sys.argv:
        _sleep(1 - time.time() % 1)
