"""The only room with torch: networks, training, prediction.

Threads that wait for each other sleep instead of spinning. On a machine that does something else too, spinning made
training two to four times slower (measured on workload S with both cores busy); on an idle one it makes no difference.
The setting counts only where torch is not loaded yet, and never overrides the user's own.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
