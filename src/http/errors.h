// The one table from what went wrong to status and body.
#pragma once

#include <string>

#include "http/http_error.h"
#include "http/message.h"
#include "service/failure.h"

namespace narabi::http {

// Which client reads the body: most read `error`, `message` or `detail` as text, those of OpenAI's
// family an object `error`.
enum class ErrorShape { kText, kOpenAi };

Response error_response(const HttpError& error, ErrorShape shape);
Response failure_response(const service::Failure& failure, ErrorShape shape);

}  // namespace narabi::http
