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

/// A condition that few operations meet: its code is kept out of the way of the others'.
#define STRETTO_RARELY(condition) (__builtin_expect(static_cast<bool>(condition), 0) != 0)

/// Before a loop whose number of rounds is a constant; or before one that is short, and whose code should be.
#if defined(__CUDA_ARCH__)
#define STRETTO_UNROLL _Pragma("unroll")
#define STRETTO_NO_UNROLL _Pragma("unroll 1")
#else
#define STRETTO_UNROLL
#define STRETTO_NO_UNROLL
#endif
