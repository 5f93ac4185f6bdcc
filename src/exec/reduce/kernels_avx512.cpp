#define STRETTO_KERNEL_VARIANT kernel_table_avx512
#include "exec/reduce/variant.inc.hpp"
