# libstretto.so, and how it is installed and found: find_package(stretto) and pkg-config.
include(CMakePackageConfigHelpers)

add_library(stretto SHARED)
add_library(stretto::stretto ALIAS stretto)
set_target_properties(stretto PROPERTIES
  VERSION ${PROJECT_VERSION}
  SOVERSION 0
  LINKER_LANGUAGE CXX
  LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/stretto.map)
target_include_directories(stretto INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>)
target_link_libraries(stretto PRIVATE stretto_objects)
# Static libraries (libsodium, the CUDA runtime) keep their names to themselves, and so do our own C++ symbols.
target_link_options(stretto PRIVATE
  -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/stretto.map -Wl,--exclude-libs,ALL -Wl,--as-needed)
if(NOT STRETTO_SANITIZE)
  target_link_options(stretto PRIVATE -Wl,-z,defs)
endif()

install(TARGETS stretto EXPORT stretto-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/stretto DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(stretto_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/stretto)
install(EXPORT stretto-targets NAMESPACE stretto:: DESTINATION ${stretto_cmake_dir})
configure_package_config_file(cmake/stretto-config.cmake.in ${PROJECT_BINARY_DIR}/stretto-config.cmake
  INSTALL_DESTINATION ${stretto_cmake_dir})
# Before 1.0 a new minor version may break its users.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/stretto-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/stretto-config.cmake ${PROJECT_BINARY_DIR}/stretto-config-version.cmake
  DESTINATION ${stretto_cmake_dir})

# The prefix is worked out from where the file lies, so that an installed tree can be moved.
file(RELATIVE_PATH STRETTO_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/stretto.pc.in ${PROJECT_BINARY_DIR}/stretto.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/stretto.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
