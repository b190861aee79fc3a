// What ASan knows of a kernel's operands. Instrumented loads make a GEMM ten times slower, so the
// inner loops of gemm.h and attention.h are compiled without (CMakeLists.txt); the memory that a
// caller hands to them is looked at here as a whole, before. That they stay inside of it is shown
// by tests on memory that ends at a page which cannot be touched (guarded_memory.h).
#pragma once

#include <cstddef>

namespace narabi::kernels {

#ifdef __SANITIZE_ADDRESS__
inline constexpr bool kRegionsChecked = true;
#else
inline constexpr bool kRegionsChecked = false;
#endif

// `rows` times `bytes` bytes, `stride` bytes apart. Where one must not be touched, ASan reports it;
// without ASan nothing happens.
void check_region(const void* first, std::size_t rows, std::size_t stride, std::size_t bytes);

}  // namespace narabi::kernels
