/* What a user's first program does: asks for the version that it was compiled for. */
#include <stdio.h>
#include <string.h>
#include <stretto/stretto.h>

int main(int argc, char **argv) {
  int version = 0;
  if (strettoGetVersion(&version) != strettoSuccess || version != STRETTO_VERSION) {
    fprintf(stderr, "loaded %d, compiled for %d\n", version, STRETTO_VERSION);
    return 1;
  }
  if (argc > 1 && strcmp(argv[1], "--version") == 0) {
    printf("%d.%d.%d\n", version / 10000, version / 100 % 100, version % 100);
  }
  return strettoCommDestroy(NULL) == strettoSuccess ? 0 : 1;
}
