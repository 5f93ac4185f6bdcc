"""The image of all kernels in the library takes less than 16 MiB. Argument: libstretto.so."""

import re
import subprocess
import sys

LIMIT_BYTES = 16 << 20

sections = subprocess.run(["readelf", "-SW", sys.argv[1]], stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout
found = re.search(r"\.nv_fatbin\s+PROGBITS\s+[0-9a-f]+\s+[0-9a-f]+\s+([0-9a-f]+)", sections)
assert found, f"{sys.argv[1]} has no kernels"
size_bytes = int(found.group(1), 16)
print(f"{size_bytes / (1 << 20):.1f} MiB of kernels")
assert 0 < size_bytes < LIMIT_BYTES, f"{size_bytes} bytes of kernels"
