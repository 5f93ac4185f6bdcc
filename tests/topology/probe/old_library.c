/* A library with the first function of hwloc and of NVML that is asked for, of versions before those that serve. */
unsigned hwloc_get_api_version(void) { return 0x00010b00; }
int nvmlInit_v2(void) { return 0; }
