#define STRETTO_REDUCE_VARIANT reduce_table_avx2
#include "exec/reduce/variant.inc.hpp"
