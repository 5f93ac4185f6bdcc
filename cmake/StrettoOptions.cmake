# Compiler settings and dependencies, as interface targets. Included before any target is made.
set(STRETTO_SANITIZE "" CACHE STRING "Sanitizers, comma-separated: address,undefined or thread")
option(STRETTO_FUZZ "Build the fuzz targets, which need clang's libFuzzer, in place of the tests" OFF)
set(STRETTO_CUDA "AUTO" CACHE STRING "Build CUDA code: AUTO (if nvcc is found), ON or OFF")
set_property(CACHE STRETTO_CUDA PROPERTY STRINGS AUTO ON OFF)

get_property(stretto_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT CMAKE_BUILD_TYPE AND NOT stretto_multi_config)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 99)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# The build type of the sanitizer presets: quick enough to run, and with lines for what sanitizers print (-g1: with full
# debug information a build for AddressSanitizer took 22 GB).
set(CMAKE_C_FLAGS_SANITIZE "-O1 -g1 -fno-omit-frame-pointer")
set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1 -fno-omit-frame-pointer")

# Of the preset `coverage`. Several threads count, and several processes add to the same files.
set(CMAKE_C_FLAGS_COVERAGE "-Og --coverage -fprofile-update=atomic")
set(CMAKE_CXX_FLAGS_COVERAGE "-Og --coverage -fprofile-update=atomic")

find_program(STRETTO_CCACHE ccache)
mark_as_advanced(STRETTO_CCACHE)
if(STRETTO_CCACHE)
  foreach(language C CXX CUDA)
    if(NOT CMAKE_${language}_COMPILER_LAUNCHER)
      set(CMAKE_${language}_COMPILER_LAUNCHER "${STRETTO_CCACHE}")
    endif()
  endforeach()
endif()

add_library(stretto_options INTERFACE)
# -Wno-restrict: GCC 12 reports std::string's operator+ (its bug 105329).
target_compile_options(stretto_options INTERFACE
  "$<$<COMPILE_LANGUAGE:C,CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wconversion;-Werror;-Wno-restrict>"
  "$<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings;-Xcompiler=-Wall,-Wextra,-Wshadow,-Werror>")
# GCC 13 reports std::vector's own copies and fills, at -O3, as beyond what memory can hold, and takes references that a
# lambda returns for dangling ones.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
  target_compile_options(stretto_options INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:-Wno-array-bounds;-Wno-stringop-overflow;-Wno-dangling-reference>")
endif()
if(STRETTO_FUZZ)
  # Warnings are GCC's to give: clang has others, and does not know some that are turned off above.
  target_compile_options(stretto_options INTERFACE "$<$<COMPILE_LANGUAGE:C,CXX>:-w;-fsanitize=fuzzer-no-link>")
endif()
if(STRETTO_SANITIZE)
  # No vptr check: it opens a pipe to see whether memory can be read, and so takes an object for broken where a test
  # has used up the descriptors.
  # -Wno-tsan: GCC warns that ThreadSanitizer does not model atomic_thread_fence; the code that uses one says why.
  target_compile_options(stretto_options INTERFACE
    "$<$<COMPILE_LANGUAGE:C,CXX>:-fsanitize=${STRETTO_SANITIZE};-fno-sanitize-recover=all>"
    "$<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize=vptr;-Wno-tsan>")
  # In what tests are written in, undefined behaviour is not looked for: that took half of the time of compiling them.
  target_compile_options(stretto_options INTERFACE
    "$<$<BOOL:$<TARGET_PROPERTY:STRETTO_TEST_CODE>>:-fno-sanitize=undefined>")
  target_link_options(stretto_options INTERFACE "-fsanitize=${STRETTO_SANITIZE}")
endif()

find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_library(SODIUM_STATIC NAMES libsodium.a REQUIRED)

add_library(stretto_dependencies INTERFACE)
target_link_libraries(stretto_dependencies INTERFACE Threads::Threads ${SODIUM_STATIC})

# Reads topology files (topology/files). A build without it does all the rest, and says so where it is asked to read one.
find_library(EXPAT_STATIC NAMES libexpat.a)
find_path(EXPAT_INCLUDE NAMES expat.h)
mark_as_advanced(EXPAT_STATIC EXPAT_INCLUDE)
set(STRETTO_WITH_EXPAT OFF)
if(EXPAT_STATIC AND EXPAT_INCLUDE)
  # An archive that was not built for shared libraries is of no use.
  include(CheckCSourceCompiles)
  set(CMAKE_REQUIRED_INCLUDES ${EXPAT_INCLUDE})
  set(CMAKE_REQUIRED_LIBRARIES ${EXPAT_STATIC})
  set(CMAKE_REQUIRED_LINK_OPTIONS -shared -Wl,-z,defs)
  check_c_source_compiles("#include <expat.h>
    void *make_parser(void); void *make_parser(void) { return XML_ParserCreate(0); }" STRETTO_EXPAT_LINKS)
  unset(CMAKE_REQUIRED_INCLUDES)
  unset(CMAKE_REQUIRED_LIBRARIES)
  unset(CMAKE_REQUIRED_LINK_OPTIONS)
  set(STRETTO_WITH_EXPAT ${STRETTO_EXPAT_LINKS})
endif()
if(STRETTO_WITH_EXPAT)
  target_include_directories(stretto_dependencies SYSTEM INTERFACE ${EXPAT_INCLUDE})
  target_link_libraries(stretto_dependencies INTERFACE ${EXPAT_STATIC})
else()
  message(STATUS "expat: libexpat.a and expat.h were not found; building without a reader of topology files")
endif()

include(StrettoCuda)
