// One line a request on stderr: never a body, a query, a passage or a key.
#pragma once

#include "http/message.h"
#include "http/server_options.h"

namespace narabi::http {

void log_request(LogFormat format, const Exchange& exchange, const Response& response);

}  // namespace narabi::http
