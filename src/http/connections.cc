#include "http/session.h"

namespace narabi::http {

std::list<Connections::Close>::iterator Connections::add(Close close) {
  const std::lock_guard lock(mutex_);
  return open_.insert(open_.end(), std::move(close));
}

void Connections::remove(std::list<Close>::iterator entry) {
  const std::lock_guard lock(mutex_);
  open_.erase(entry);
}

void Connections::close_idle() {
  const std::lock_guard lock(mutex_);
  for (const Close& close : open_) close();
}

std::size_t Connections::count() const {
  const std::lock_guard lock(mutex_);
  return open_.size();
}

}  // namespace narabi::http
