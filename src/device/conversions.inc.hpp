// Conversions of narrow floats: those of base/arithmetic/formats.inc.hpp, which in kernels are the GPU's instructions.
// They are to give the same bits for every number: NVIDIA's host versions of them (cuda_fp16.h, cuda_bf16.h,
// cuda_fp8.h) narrow all 2^32 floats as those do, and tests/device/conversions_test holds the instructions to each
// pattern. All round to nearest, ties to even, with gradual underflow; a NaN becomes sign 0 and all other bits 1;
// `satfinite` takes what is too large, infinities included, to the largest number, with its sign. Widening is exact,
// but for the payload of a NaN, which does not last: every result is narrowed again. Included inside an anonymous
// namespace.

// The types are the same for host and device, since kernels are named by them.

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890
#define STRETTO_CONVERT(on_chip, on_host) on_chip
#else
#define STRETTO_CONVERT(on_chip, on_host) on_host
#endif

struct ChipHalf : Half {
  STRETTO_DEVICE static float decode(Bits code) {
    return STRETTO_CONVERT(ptx::float_of_half(code), Half::decode(code));
  }
  STRETTO_DEVICE static Bits encode(float value) {
    return STRETTO_CONVERT(ptx::half_of_float(value), Half::encode(value));
  }
};

struct ChipBfloat16 : Bfloat16 {
  STRETTO_DEVICE static Bits encode(float value) {
    return STRETTO_CONVERT(ptx::bfloat16_of_float(value), Bfloat16::encode(value));
  }
};

struct ChipFp8E4m3 : Fp8E4m3 {
  STRETTO_DEVICE static float decode(Bits code) {
    return STRETTO_CONVERT(ptx::float_of_half(ptx::half_of_e4m3(code)), Fp8E4m3::decode(code));
  }
  STRETTO_DEVICE static Bits encode(float value) {
    return STRETTO_CONVERT(ptx::e4m3_of_float(value), Fp8E4m3::encode(value));
  }
};

struct ChipFp8E5m2 : Fp8E5m2 {
  STRETTO_DEVICE static float decode(Bits code) {
    return STRETTO_CONVERT(ptx::float_of_half(ptx::half_of_e5m2(code)), Fp8E5m2::decode(code));
  }
  STRETTO_DEVICE static Bits encode(float value) {
    return STRETTO_CONVERT(ptx::e5m2_of_float(value), Fp8E5m2::encode(value));
  }
};
#undef STRETTO_CONVERT
