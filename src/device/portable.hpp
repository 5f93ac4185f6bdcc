// Marks functions that are compiled for the device by nvcc, and for the host by everyone: what runs in kernels is
// tested on threads first.
#pragma once

#if defined(__CUDACC__)
#define STRETTO_DEVICE __host__ __device__ __forceinline__
/// For paths that few operations take: one copy of the code, not one in every loop.
#define STRETTO_DEVICE_RARE __host__ __device__ __noinline__
#else
#define STRETTO_DEVICE inline
#define STRETTO_DEVICE_RARE inline
#endif

/// Before a loop whose number of rounds is a constant.
#if defined(__CUDA_ARCH__)
#define STRETTO_UNROLL _Pragma("unroll")
#else
#define STRETTO_UNROLL
#endif
