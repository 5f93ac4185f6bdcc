#define STRETTO_KERNEL_VARIANT kernel_table_avx2
#include "exec/reduce/variant.inc.hpp"
