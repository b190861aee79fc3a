// The numbers of the service in Prometheus' text format, under TEI's names and our own.
#pragma once

#include <string>

#include "http/app.h"

namespace narabi::http {

std::string metrics_text(const App& app);

}  // namespace narabi::http
