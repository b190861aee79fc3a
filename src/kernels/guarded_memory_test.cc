#include "kernels/guarded_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace narabi::kernels {
namespace {

const std::size_t kPage = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));

std::size_t whole_pages(std::size_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

}  // namespace

void* allocate_guarded(std::size_t bytes) {
  const std::size_t held = whole_pages(bytes);
  void* memory =
      mmap(nullptr, held + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  std::byte* guard = static_cast<std::byte*>(memory) + held;
  if (mprotect(guard, kPage, PROT_NONE) != 0) throw std::bad_alloc();
  return guard - bytes;
}

void free_guarded(void* memory, std::size_t bytes) {
  const std::size_t held = whole_pages(bytes);
  munmap(static_cast<std::byte*>(memory) + bytes - held, held + kPage);
}

TEST(GuardedMemory, ends_where_nothing_can_be_read) {
  Guarded<float> values(3, 1.0f);
  EXPECT_EQ(values[2], 1.0f);
  const volatile float* after = values.data() + values.size();
  EXPECT_DEATH(static_cast<void>(*after), "");
}

}  // namespace narabi::kernels
