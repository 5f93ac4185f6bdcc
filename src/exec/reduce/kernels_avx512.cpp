#define STRETTO_REDUCE_VARIANT reduce_table_avx512
#include "exec/reduce/variant.inc.hpp"
