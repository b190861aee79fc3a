// One family of exceptions for loading, configuration and input.
//
// Every message says what was wrong, where (file, key, line or byte offset), what was expected and
// what was found. Ordinary outcomes (a truncated passage, no hits) are values, not exceptions.
#pragma once

#include <stdexcept>
#include <string>

namespace narabi {

enum class ErrorCode {
  kInvalidArgument,  // the caller asked for something that makes no sense
  kInvalidFormat,    // a file or a line is not what it has to be
  kIo,               // the file system said no
  kUnsupported,      // well-formed, but narabi cannot do it; the message says what it could
  kOverloaded,       // try again later
};

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

class InvalidArgument : public Error {
 public:
  explicit InvalidArgument(const std::string& message)
      : Error(ErrorCode::kInvalidArgument, message) {}
};

class InvalidFormat : public Error {
 public:
  explicit InvalidFormat(const std::string& message) : Error(ErrorCode::kInvalidFormat, message) {}
};

class IoError : public Error {
 public:
  explicit IoError(const std::string& message) : Error(ErrorCode::kIo, message) {}
};

class Unsupported : public Error {
 public:
  explicit Unsupported(const std::string& message) : Error(ErrorCode::kUnsupported, message) {}
};

class Overloaded : public Error {
 public:
  explicit Overloaded(const std::string& message) : Error(ErrorCode::kOverloaded, message) {}
};

}  // namespace narabi
