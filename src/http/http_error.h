// A refusal of a request, thrown by what reads it; errors.h turns it into the answer.
#pragma once

#include <stdexcept>
#include <string>

namespace narabi::http {

class HttpError : public std::runtime_error {
 public:
  // `type`: TEI's error_type (validation, empty, overloaded, ...). `field`: the JSON path, or
  // empty.
  HttpError(int status, std::string type, const std::string& message, std::string field = {})
      : std::runtime_error(message),
        status_(status),
        type_(std::move(type)),
        field_(std::move(field)) {}

  int status() const { return status_; }
  const std::string& type() const { return type_; }
  const std::string& field() const { return field_; }

 private:
  int status_;
  std::string type_;
  std::string field_;
};

}  // namespace narabi::http
