// What this process may use of the machine.
#pragma once

#include <string_view>

namespace narabi::base {

// Each holds those before it. kVnni: AVX-512 with VNNI (Cascade Lake, Ice Lake). kBf16: and with
// BF16 (Zen 4, Cooper Lake, Sapphire Rapids and later). kAmx: and with AMX's tiles of int8 and bf16
// (Sapphire Rapids and later, where the host shows them).
enum class Isa { kScalar, kAvx2, kAvx512, kVnni, kBf16, kAmx };

// The best instruction set that both the CPU and the build have. The environment's NARABI_ISA
// (scalar, avx2, avx512, vnni, bf16 or amx) forces one: Unsupported when the CPU lacks it,
// InvalidArgument for another word. Decided once.
Isa isa();
// True when this CPU can run code for `set`.
bool cpu_has(Isa set);
std::string_view isa_name(Isa set);
// The products of bf16 in isa() are faster than those of f32: twice on AMD's Zen 4, several times
// with AMX; on Intel's cores without it a model in bf16 takes 1.3 times what it takes in f32
// (Sapphire Rapids).
bool bf16_is_fast();

// Cores that affinity and the cgroup's CPU quota allow, rounded up, at least 1.
int available_cores();

}  // namespace narabi::base
