# Compiler settings and dependencies, as interface targets.
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

add_library(stretto_options INTERFACE)
target_compile_options(stretto_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)

find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_library(SODIUM_STATIC NAMES libsodium.a REQUIRED)

add_library(stretto_dependencies INTERFACE)
target_link_libraries(stretto_dependencies INTERFACE Threads::Threads ${SODIUM_STATIC})
