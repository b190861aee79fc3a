// The version of the library.
#pragma once

namespace narabi {

const char* version();  // "0.1.0"

}  // namespace narabi
