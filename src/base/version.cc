#include "narabi/version.h"

namespace narabi {

const char* version() {
  return NARABI_VERSION;
}

}  // namespace narabi
