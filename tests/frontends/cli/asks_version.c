/* Prints the version of the NCCL that it finds loaded, and ends with the status that its argument names. Built without
   being linked to any, and, with LINKED, linked to one. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int ncclGetVersion(int* version);

int main(int argc, char** argv) {
  int version = 0;
#ifdef LINKED
  ncclGetVersion(&version);
#else
  int (*get)(int*) = 0;
  *(void**)&get = dlsym(RTLD_DEFAULT, "ncclGetVersion");
  if (get != 0) get(&version);
#endif
  printf("version %d\n", version);
  return argc > 1 ? atoi(argv[1]) : 0;
}
