#include "base/line_reader.h"

#include <fcntl.h>
#include <lzma.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "narabi/error.h"

namespace narabi::base {
namespace {

constexpr std::size_t kChunk = 1 << 16;

// Bytes of a file as it is on disk.
class RawFile {
 public:
  explicit RawFile(const std::string& path) : path_(path) {
    fd_ = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) throw IoError(path + ": cannot open: " + std::strerror(errno));
  }
  ~RawFile() {
    if (fd_ > STDIN_FILENO) ::close(fd_);
  }
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;

  std::size_t read(char* out, std::size_t size) {
    for (;;) {
      const ssize_t n = ::read(fd_, out, size);
      if (n >= 0) return static_cast<std::size_t>(n);
      if (errno != EINTR) throw IoError(path_ + ": cannot read: " + std::strerror(errno));
    }
  }

 private:
  std::string path_;
  int fd_;
};

// Decoded bytes; read() gives 0 only at the end.
class Source {
 public:
  explicit Source(const std::string& path) : path_(path), file_(path) {}
  virtual ~Source() = default;
  virtual std::size_t read(char* out, std::size_t size) { return file_.read(out, size); }

 protected:
  [[noreturn]] void corrupt(const std::string& what) const { throw IoError(path_ + ": " + what); }
  // Refills the input buffer; false at the end of the file.
  bool refill() {
    input_.resize(kChunk);
    input_.resize(file_.read(input_.data(), input_.size()));
    return !input_.empty();
  }
  std::string path_;
  RawFile file_;
  std::vector<char> input_;
};

class GzipSource : public Source {
 public:
  explicit GzipSource(const std::string& path) : Source(path) {
    if (inflateInit2(&stream_, 15 + 32) != Z_OK) corrupt("cannot start zlib");
  }
  ~GzipSource() override { inflateEnd(&stream_); }

  std::size_t read(char* out, std::size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(size);
    while (stream_.avail_out == size) {
      if (stream_.avail_in == 0) {
        if (!refill()) {
          if (!at_member_end_) corrupt("gzip data ends too early");
          return 0;
        }
        stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
        stream_.avail_in = static_cast<uInt>(input_.size());
      }
      if (at_member_end_) inflateReset(&stream_);  // several members one after another
      at_member_end_ = false;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_STREAM_END) {
        at_member_end_ = true;
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        corrupt("corrupt gzip data");
      }
    }
    return size - stream_.avail_out;
  }

 private:
  z_stream stream_{};
  bool at_member_end_ = false;
};

class XzSource : public Source {
 public:
  explicit XzSource(const std::string& path) : Source(path) {
    if (lzma_stream_decoder(&stream_, UINT64_MAX, LZMA_CONCATENATED) != LZMA_OK) {
      corrupt("cannot start xz");
    }
  }
  ~XzSource() override { lzma_end(&stream_); }

  std::size_t read(char* out, std::size_t size) override {
    stream_.next_out = reinterpret_cast<std::uint8_t*>(out);
    stream_.avail_out = size;
    while (stream_.avail_out == size && !ended_) {
      if (stream_.avail_in == 0 && !finishing_) {
        finishing_ = !refill();
        stream_.next_in = reinterpret_cast<const std::uint8_t*>(input_.data());
        stream_.avail_in = input_.size();
      }
      const lzma_ret status = lzma_code(&stream_, finishing_ ? LZMA_FINISH : LZMA_RUN);
      if (status == LZMA_STREAM_END) {
        ended_ = true;
      } else if (status != LZMA_OK) {
        corrupt(status == LZMA_BUF_ERROR ? "xz data ends too early" : "corrupt xz data");
      }
    }
    return size - stream_.avail_out;
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool finishing_ = false, ended_ = false;
};

class ZstdSource : public Source {
 public:
  explicit ZstdSource(const std::string& path) : Source(path), stream_(ZSTD_createDStream()) {}
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }

  std::size_t read(char* out, std::size_t size) override {
    ZSTD_outBuffer output{out, size, 0};
    while (output.pos == 0) {
      if (position_.pos == position_.size) {
        if (!refill()) {
          if (pending_ != 0) corrupt("zstd data ends too early");
          return 0;
        }
        position_ = {input_.data(), input_.size(), 0};
      }
      pending_ = ZSTD_decompressStream(stream_, &output, &position_);
      if (ZSTD_isError(pending_))
        corrupt(std::string("corrupt zstd data: ") + ZSTD_getErrorName(pending_));
    }
    return output.pos;
  }

 private:
  ZSTD_DStream* stream_;
  ZSTD_inBuffer position_{nullptr, 0, 0};
  std::size_t pending_ = 0;
};

std::unique_ptr<Source> open_source(const std::string& path) {
  if (path.ends_with(".gz")) return std::make_unique<GzipSource>(path);
  if (path.ends_with(".xz")) return std::make_unique<XzSource>(path);
  if (path.ends_with(".zst")) return std::make_unique<ZstdSource>(path);
  return std::make_unique<Source>(path);
}

}  // namespace

struct LineReader::Impl {
  std::unique_ptr<Source> source;
  std::string name;
  InvalidUtf8 invalid;
  std::vector<char> buffer;
  std::size_t begin = 0, end = 0;
  std::int64_t line_number = 0;
  std::optional<std::string> put_back;

  // Appends bytes up to and without the next '\n'; false when the input ended before any byte.
  bool take_line(std::string& line) {
    bool any = false;
    for (;;) {
      if (begin == end) {
        begin = 0;
        end = source->read(buffer.data(), buffer.size());
        if (end == 0) return any;
      }
      any = true;
      const char* start = buffer.data() + begin;
      const void* newline = std::memchr(start, '\n', end - begin);
      if (newline != nullptr) {
        const auto length = static_cast<std::size_t>(static_cast<const char*>(newline) - start);
        line.append(start, length);
        begin += length + 1;
        return true;
      }
      line.append(start, end - begin);
      begin = end;
    }
  }
};

LineReader::LineReader(const std::string& path, InvalidUtf8 invalid)
    : impl_(std::make_unique<Impl>()) {
  impl_->source = open_source(path);
  impl_->name = path == "-" ? "stdin" : path;
  impl_->invalid = invalid;
  impl_->buffer.resize(kChunk);
}

LineReader::~LineReader() = default;
LineReader::LineReader(LineReader&&) noexcept = default;
LineReader& LineReader::operator=(LineReader&&) noexcept = default;

bool LineReader::next(std::string& line) {
  if (impl_->put_back) {
    line = *std::exchange(impl_->put_back, std::nullopt);
    ++impl_->line_number;
    return true;
  }
  line.clear();
  if (!impl_->take_line(line)) return false;
  ++impl_->line_number;
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (impl_->line_number == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
  if (const auto offset = invalid_utf8_at(line)) {
    if (impl_->invalid == InvalidUtf8::kReject) {
      throw InvalidFormat(where() + ": invalid UTF-8 at byte " + std::to_string(*offset) +
                          " of the line (--lossy replaces it by U+FFFD)");
    }
    line = replace_invalid_utf8(line);
  }
  return true;
}

void LineReader::put_back(std::string line) {
  impl_->put_back = std::move(line);
  --impl_->line_number;
}

std::int64_t LineReader::line_number() const {
  return impl_->line_number;
}

std::string LineReader::where() const {
  return impl_->name + ":" + std::to_string(impl_->line_number);
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

std::string read_file(const std::string& path) {
  const std::unique_ptr<Source> source = open_source(path);
  std::string out;
  std::vector<char> buffer(kChunk);
  while (const std::size_t n = source->read(buffer.data(), buffer.size()))
    out.append(buffer.data(), n);
  return out;
}

}  // namespace narabi::base
