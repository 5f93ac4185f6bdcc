# Finds nvcc and sets STRETTO_WITH_CUDA. The CUDA runtime is linked statically and the driver never at all (the
# runtime opens it when first asked): a binary built here starts on machines that have neither.
set(STRETTO_WITH_CUDA OFF)
if(STRETTO_CUDA STREQUAL "OFF")
  return()
endif()

if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  # `./dev` puts nvcc, where no toolkit is installed, under the last of these.
  find_program(STRETTO_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda
    "$ENV{HOME}/.cache/stretto/cuda/nvidia/cu13" PATH_SUFFIXES bin)
  mark_as_advanced(STRETTO_NVCC)
  if(STRETTO_NVCC)
    set(CMAKE_CUDA_COMPILER "${STRETTO_NVCC}")
  endif()
endif()

# One architecture by default (H100): device code is most of the build time and of the library's size.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 90 CACHE STRING "CUDA architectures to compile for")
endif()
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)

if(NOT CMAKE_CUDA_COMPILER AND DEFINED ENV{CUDACXX})
  set(CMAKE_CUDA_COMPILER "$ENV{CUDACXX}")
endif()
if(STRETTO_CUDA STREQUAL "AUTO")
  if(NOT CMAKE_CUDA_COMPILER)
    message(STATUS "CUDA: no nvcc found; building without device code")
    return()
  endif()
  # An nvcc that is too old for C++20 or for this host compiler must not stop the build for the host.
  if(NOT DEFINED STRETTO_NVCC_WORKS)
    file(WRITE "${CMAKE_BINARY_DIR}/try_nvcc.cu" "__global__ void nothing() {}\n")
    execute_process(COMMAND "${CMAKE_CUDA_COMPILER}" -std=c++20 -arch=sm_90 -c -o /dev/null try_nvcc.cu
      WORKING_DIRECTORY "${CMAKE_BINARY_DIR}" RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(result EQUAL 0)
      set(STRETTO_NVCC_WORKS ON CACHE INTERNAL "")
    else()
      message(STATUS "CUDA: ${CMAKE_CUDA_COMPILER} cannot compile C++20 here (it said: ${output})")
      set(STRETTO_NVCC_WORKS OFF CACHE INTERNAL "")
    endif()
  endif()
  if(NOT STRETTO_NVCC_WORKS)
    message(STATUS "CUDA: building without device code (STRETTO_CUDA=ON makes this an error)")
    return()
  endif()
endif()
enable_language(CUDA)
# Not FindCUDAToolkit: it wants the whole toolkit, and the static runtime beside nvcc is all that is used here.
find_library(STRETTO_CUDART NAMES libcudart_static.a HINTS ${CMAKE_CUDA_IMPLICIT_LINK_DIRECTORIES} REQUIRED)
mark_as_advanced(STRETTO_CUDART)
add_library(stretto_cudart INTERFACE)
target_link_libraries(stretto_cudart INTERFACE ${STRETTO_CUDART} Threads::Threads ${CMAKE_DL_LIBS} rt)
# CMake 3.25 does not know that nvcc has had C++20 since CUDA 12.
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_EXTENSIONS OFF)
set(CMAKE_CUDA_VISIBILITY_PRESET hidden)
set(STRETTO_WITH_CUDA ON)
message(STATUS "CUDA: ${CMAKE_CUDA_COMPILER} ${CMAKE_CUDA_COMPILER_VERSION}, architectures ${CMAKE_CUDA_ARCHITECTURES}")
