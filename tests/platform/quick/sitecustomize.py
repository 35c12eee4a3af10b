"""Read by every Python that starts with this folder on its path, the AWS CLI's: it polls sooner than every 30 s."""

import time

_sleep = time.sleep
time.sleep = lambda seconds: _sleep(min(seconds, 0.5))
