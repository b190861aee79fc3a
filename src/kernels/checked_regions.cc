#include "kernels/checked_regions.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace narabi::kernels {

#ifdef __SANITIZE_ADDRESS__
void check_region(const void* first, std::size_t rows, std::size_t stride, std::size_t bytes) {
  const auto* row = static_cast<const char*>(first);
  for (std::size_t r = 0; r < rows; ++r, row += stride) {
    const void* poisoned = __asan_region_is_poisoned(const_cast<char*>(row), bytes);
    if (poisoned) static_cast<void>(*static_cast<const volatile char*>(poisoned));
  }
}
#else
void check_region(const void*, std::size_t, std::size_t, std::size_t) {}
#endif

}  // namespace narabi::kernels
