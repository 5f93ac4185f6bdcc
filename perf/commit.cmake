# Writes OUTPUT, a source file that says which commit SOURCE is at. Run at every build; touches the file only when that
# changes. A tree that is no clone of its own has no commit.
execute_process(COMMAND git -C ${SOURCE} rev-parse --show-toplevel OUTPUT_VARIABLE top ERROR_QUIET
  OUTPUT_STRIP_TRAILING_WHITESPACE)
set(commit unknown)
set(dirty false)
file(REAL_PATH "${SOURCE}" here)
if(top STREQUAL here)
  execute_process(COMMAND git -C ${SOURCE} rev-parse HEAD OUTPUT_VARIABLE head RESULT_VARIABLE result ERROR_QUIET
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(result EQUAL 0)
    set(commit ${head})
  endif()
  execute_process(COMMAND git -C ${SOURCE} status --porcelain --untracked-files=no OUTPUT_VARIABLE changes ERROR_QUIET
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT changes STREQUAL "")
    set(dirty true)
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT [[#include "perf/common/provenance.hpp"
const char* const stretto::perf::kCommit = "@commit@";
const bool stretto::perf::kCommitDirty = @dirty@;
]] @ONLY)
