// Functions of the settled interface that come with later releases: each says so.
#include "api/api.hpp"

using stretto::api::unsupported;

extern "C" {

strettoResult_t strettoCommInitRankScalable(strettoComm_t*, int, int, int, const strettoUniqueId*,
                                            const strettoConfig_t*) {
  return unsupported("strettoCommInitRankScalable");
}
strettoResult_t strettoMemAlloc(void**, size_t) { return unsupported("strettoMemAlloc"); }
strettoResult_t strettoMemFree(void*) { return unsupported("strettoMemFree"); }
strettoResult_t strettoCommRegister(strettoComm_t, void*, size_t, void**) { return unsupported("strettoCommRegister"); }
strettoResult_t strettoCommDeregister(strettoComm_t, void*) { return unsupported("strettoCommDeregister"); }

}  // extern "C"
