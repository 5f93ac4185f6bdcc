/* Something that calls itself libnccl.so.2: it answers with a version that tells it from others. */
int ncclGetVersion(int* version);

int ncclGetVersion(int* version) {
  *version = STAND_IN_VERSION;
  return 0;
}
