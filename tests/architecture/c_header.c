/* stretto.h is C99 and needs nothing but itself: that this compiles, with every warning an error, is the test. */
#include "stretto/stretto.h"

int uses_the_header(void);

int uses_the_header(void) {
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  strettoCallConfig_t call = STRETTO_CALL_CONFIG_INITIALIZER;
  strettoErrorInfo_t info = STRETTO_ERROR_INFO_INITIALIZER;
  strettoUniqueId id = {{0}};
  return (int)(config.size + call.size + info.size) + id.internal[0];
}
