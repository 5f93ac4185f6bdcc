#define STRETTO_REDUCE_VARIANT reduce_table_baseline
#include "exec/reduce/variant.inc.hpp"
