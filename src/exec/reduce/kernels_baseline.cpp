#define STRETTO_KERNEL_VARIANT kernel_table_baseline
#include "exec/reduce/variant.inc.hpp"
