#include "base/cpu.h"

#include <cpuid.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "narabi/error.h"

namespace narabi::base {
namespace {

Isa best() {
  for (const Isa set : {Isa::kAmx, Isa::kBf16, Isa::kVnni, Isa::kAvx512, Isa::kAvx2}) {
    if (cpu_has(set)) return set;
  }
  return Isa::kScalar;
}

Isa choose() {
  const char* wish = std::getenv("NARABI_ISA");
  if (wish == nullptr || *wish == '\0') return best();
  for (const Isa set :
       {Isa::kScalar, Isa::kAvx2, Isa::kAvx512, Isa::kVnni, Isa::kBf16, Isa::kAmx}) {
    if (isa_name(set) != wish) continue;
    if (cpu_has(set)) return set;
    throw Unsupported(std::string("NARABI_ISA=") + wish +
                      ": this CPU does not have it; it has up to " + std::string(isa_name(best())));
  }
  throw InvalidArgument(
      std::string("NARABI_ISA: expected scalar, avx2, avx512, vnni, bf16 or amx, found ") + wish);
}

// Tiles of int8 and bf16, and the kernel's leave for this process (all of its threads) to use them.
bool has_tiles() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  constexpr unsigned kTiles = 1u << 24 | 1u << 25 | 1u << 22;  // AMX-TILE, AMX-INT8, AMX-BF16
  if ((d & kTiles) != kTiles) return false;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // asm/prctl.h, XSAVE's component
  static const bool granted = syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return granted;
}

// Cores of the cgroup's CPU quota ("max 100000" or "150000 100000"), or a large number.
double cgroup_quota() {
  std::ifstream v2("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (v2 >> quota >> period && quota != "max" && period > 0)
    return std::atof(quota.c_str()) / period;
  double v1_quota = 0, v1_period = 0;
  if (std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") >> v1_quota &&
      std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_period_us") >> v1_period && v1_quota > 0 &&
      v1_period > 0) {
    return v1_quota / v1_period;
  }
  return 1e9;
}

}  // namespace

bool cpu_has(Isa set) {
  switch (set) {
    case Isa::kScalar:
      return true;
    case Isa::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::kAvx512:
      return cpu_has(Isa::kAvx2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl");
    case Isa::kVnni:
      return cpu_has(Isa::kAvx512) && __builtin_cpu_supports("avx512vnni");
    case Isa::kBf16:
      return cpu_has(Isa::kVnni) && __builtin_cpu_supports("avx512bf16");
    case Isa::kAmx:
      return cpu_has(Isa::kBf16) && has_tiles();
  }
  return false;
}

std::string_view isa_name(Isa set) {
  switch (set) {
    case Isa::kScalar:
      return "scalar";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kVnni:
      return "vnni";
    case Isa::kBf16:
      return "bf16";
    case Isa::kAmx:
      return "amx";
  }
  return "unknown";
}

Isa isa() {
  static const Isa chosen = choose();
  return chosen;
}

bool bf16_is_fast() {
  return isa() == Isa::kAmx || (isa() == Isa::kBf16 && __builtin_cpu_is("amd"));
}

int available_cores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  int cores = static_cast<int>(std::thread::hardware_concurrency());
  if (sched_getaffinity(0, sizeof(mask), &mask) == 0) cores = CPU_COUNT(&mask);
  const double quota = std::ceil(cgroup_quota());
  return std::max(1, static_cast<int>(std::min<double>(cores, quota)));
}

}  // namespace narabi::base
