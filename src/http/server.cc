#include "http/server.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <csignal>
#include <optional>
#include <thread>

#include "http/session.h"
#include "http/socket_file.h"
#include "narabi/error.h"
#include "narabi/version.h"

namespace narabi::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace wire = boost::beast::http;
using asio::use_awaitable;
using boost::system::error_code;
using Executor = asio::any_io_executor;

auto seconds(double value) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(value));
}

// What a session waits for while the service works: the answer, the deadline, or the client's
// going.
struct Pending {
  explicit Pending(const Executor& executor) : wake(executor) {}
  asio::steady_timer wake;
  std::optional<Response> response;
  bool client_gone = false;
  bool watching = true;
};

template <typename Protocol>
class Session : public std::enable_shared_from_this<Session<Protocol>> {
 public:
  using Stream = beast::basic_stream<Protocol, Executor>;
  using Socket = typename Protocol::socket;

  Session(Socket socket, SessionContext context, std::string peer)
      : stream_(std::move(socket)),
        read_timer_(stream_.get_executor()),
        context_(context),
        peer_(std::move(peer)) {}

  void start() {
    auto self = this->shared_from_this();
    entry_ = context_.connections.add([weak = this->weak_from_this(), executor = executor()] {
      asio::post(executor, [weak] {
        if (auto session = weak.lock()) session->close_if_idle();
      });
    });
    asio::co_spawn(
        executor(), [self] { return self->run(); },
        [self](const std::exception_ptr&) { self->context_.connections.remove(self->entry_); });
  }

 private:
  using Parser = wire::request_parser<wire::string_body>;

  Executor executor() { return stream_.get_executor(); }
  const ServerOptions& options() const { return context_.router.options(); }

  void close_if_idle() {
    error_code ignored;
    if (idle_ && stream_.socket().available(ignored) == 0) stream_.close();
  }

  asio::awaitable<void> run() {
    if constexpr (std::is_same_v<Protocol, asio::ip::tcp>) {
      error_code ignored;
      stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    }
    while (co_await wait_for_request()) {
      if (!co_await serve_one()) break;
    }
    error_code ignored;
    stream_.socket().shutdown(Socket::shutdown_both, ignored);
    stream_.close();
  }

  // True when the first bytes of a request are there.
  asio::awaitable<bool> wait_for_request() {
    if (buffer_.size() > 0) co_return true;
    constexpr std::size_t kFirstRead = 1024;
    buffer_.shrink_to_fit();  // an idle connection holds next to nothing
    idle_ = true;
    stream_.expires_after(seconds(options().idle_seconds));
    error_code error;
    const std::size_t read = co_await stream_.async_read_some(
        buffer_.prepare(kFirstRead), asio::redirect_error(use_awaitable, error));
    idle_ = false;
    buffer_.commit(read);
    co_return !error && read > 0;
  }

  // False when the connection is to be closed.
  asio::awaitable<bool> serve_one() {
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(options().header_limit));
    parser.body_limit(options().body_limit);
    error_code error;
    read_within(options().header_seconds);
    co_await wire::async_read_header(stream_, buffer_, parser,
                                     asio::redirect_error(use_awaitable, error));
    if (!error && beast::iequals(parser.get()[wire::field::expect], "100-continue"))
      co_await say_continue(error);
    if (!error) {
      read_within(options().body_seconds);
      co_await wire::async_read(stream_, buffer_, parser,
                                asio::redirect_error(use_awaitable, error));
    }
    read_timer_.expires_at(service::Clock::time_point::max());
    if (error) {
      co_await refuse(parser, error);
      co_return false;
    }
    const bool head = parser.get().method() == wire::verb::head;
    const unsigned version = parser.get().version();
    const bool client_keeps = parser.keep_alive();
    const auto response = co_await answer(to_exchange(parser), version);
    if (!response) co_return false;
    const bool keep = client_keeps && !context_.draining;
    co_await write(*response, version, keep, head, error);
    co_return keep && !error;
  }

  // Beast's own timer closes the socket, and then there is no way to say 408.
  void read_within(double limit) {
    late_ = false;
    stream_.expires_never();
    read_timer_.expires_after(seconds(limit));
    read_timer_.async_wait([self = this->shared_from_this()](const error_code& error) {
      if (error || self->read_timer_.expiry() > service::Clock::now()) return;  // it was set anew
      self->late_ = true;
      self->stream_.cancel();
    });
  }

  asio::awaitable<void> say_continue(error_code& error) {
    wire::response<wire::empty_body> response{wire::status::continue_, 11};
    stream_.expires_after(seconds(options().write_seconds));
    co_await wire::async_write(stream_, response, asio::redirect_error(use_awaitable, error));
  }

  ExchangePtr to_exchange(Parser& parser) {
    auto exchange = std::make_shared<Exchange>();
    auto& message = parser.get();
    Request& request = exchange->request;
    request.method = std::string(message.method_string());
    const std::string_view target(message.target().data(), message.target().size());
    const std::size_t question = target.find('?');
    request.path = std::string(target.substr(0, question));
    if (question != std::string_view::npos)
      request.query = std::string(target.substr(question + 1));
    for (const auto& field : message)
      request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    request.body = std::move(message.body());
    request.peer = peer_;
    exchange->inside = context_.inside;
    return exchange;
  }

  // Nothing when the client went away meanwhile.
  asio::awaitable<std::optional<Response>> answer(ExchangePtr exchange, unsigned version) {
    auto pending = std::make_shared<Pending>(executor());
    context_.router.handle(exchange, [pending, executor = executor()](Response response) {
      auto shared = std::make_shared<Response>(std::move(response));
      asio::post(executor, [pending, shared] {
        pending->response = std::move(*shared);
        pending->wake.cancel();
      });
    });
    asio::co_spawn(executor(), watch(this->shared_from_this(), pending, exchange, version),
                   asio::detached);
    // The service itself answers at the deadline; this is for a batch that does not come back.
    constexpr auto kLate = std::chrono::seconds(2);
    const auto day = service::Clock::now() + std::chrono::hours(24);
    co_await wait(*pending, std::min(exchange->ticket->deadline, day) + kLate);
    if (!pending->response && !pending->client_gone) {
      exchange->ticket->cancelled = true;
      if (!exchange->answered.exchange(true)) pending->response = refuse_late(*exchange);
      co_await wait(*pending, service::Clock::time_point::max());  // else it is on its way
    }
    pending->watching = false;
    error_code ignored;
    stream_.socket().cancel(ignored);
    if (pending->client_gone) co_return std::nullopt;
    co_return std::move(pending->response);
  }

  asio::awaitable<void> wait(Pending& pending, service::Clock::time_point end) {
    pending.wake.expires_at(end);
    error_code ignored;
    if (!pending.response && !pending.client_gone)
      co_await pending.wake.async_wait(asio::redirect_error(use_awaitable, ignored));
  }

  // The service may still write into the exchange it was given: the log gets another one.
  Response refuse_late(const Exchange& exchange) {
    Exchange late;
    late.request = exchange.request;
    late.id = exchange.id;
    late.inside = exchange.inside;
    late.started = exchange.started;
    return context_.router.refuse(
        late, HttpError(408, "timeout", "the deadline of the request came before its answer"));
  }

  // Tells the service when the client goes away while it waits. The end of what it sends is no
  // sign of that: it may have shut down its sending side alone, and wait for the answer.
  asio::awaitable<void> watch(std::shared_ptr<Session> /* kept */, std::shared_ptr<Pending> pending,
                              ExchangePtr exchange, unsigned version) {
    error_code error;
    const auto over = [&] { return error || !pending->watching || pending->response; };
    co_await stream_.socket().async_wait(Socket::wait_read,
                                         asio::redirect_error(use_awaitable, error));
    if (over()) co_return;
    char byte;
    const auto read = ::recv(stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (read > 0) co_return;  // the next request, already
    if (read < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) co_return;
    if (!hung_up()) {
      co_await find_out(version, error, over);
      if (over() || !hung_up()) co_return;
    }
    exchange->ticket->cancelled = true;
    pending->client_gone = true;
    pending->wake.cancel();
  }

  // Ends when the connection is reset or `over`. TCP does not tell a client that has closed its
  // socket from one that still reads until something is sent to it: an answer that takes its time
  // is preceded by a 100, which every client of HTTP/1.1 has to skip and a closed socket resets.
  template <typename Over>
  asio::awaitable<void> find_out(unsigned version, error_code& error, const Over& over) {
    constexpr auto kPatience = std::chrono::milliseconds(100);
    if (std::is_same_v<Protocol, asio::ip::tcp> && version >= 11) {
      asio::steady_timer timer(executor(), kPatience);
      co_await timer.async_wait(asio::redirect_error(use_awaitable, error));
      if (over()) co_return;
      constexpr std::string_view kProbe = "HTTP/1.1 100 Continue\r\n\r\n";
      ::send(stream_.socket().native_handle(), kProbe.data(), kProbe.size(),
             MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    co_await stream_.socket().async_wait(Socket::wait_error,
                                         asio::redirect_error(use_awaitable, error));
  }

  bool hung_up() {
    pollfd socket{stream_.socket().native_handle(), 0, 0};
    return ::poll(&socket, 1, 0) > 0 && (socket.revents & (POLLERR | POLLHUP)) != 0;
  }

  asio::awaitable<void> write(const Response& from, unsigned version, bool keep, bool head,
                              error_code& error) {
    wire::response<wire::string_body> response{static_cast<wire::status>(from.status), version};
    response.set(wire::field::server, "narabi/" + std::string(narabi::version()));
    if (from.status != 204) response.set(wire::field::content_type, from.content_type);
    for (const auto& [name, value] : from.headers) response.insert(name, value);
    response.keep_alive(keep);
    if (from.status != 204) response.content_length(from.body.size());
    if (!head) response.body() = from.body;
    stream_.expires_after(seconds(options().write_seconds));
    wire::response_serializer<wire::string_body> serializer{response};
    if (head) {
      co_await wire::async_write_header(stream_, serializer,
                                        asio::redirect_error(use_awaitable, error));
    } else {
      co_await wire::async_write(stream_, serializer, asio::redirect_error(use_awaitable, error));
    }
  }

  // An answer to what could not be read as a request, then the end of the connection.
  asio::awaitable<void> refuse(Parser& parser, const error_code& error) {
    if (!late_ &&
        (error == wire::error::end_of_stream || error == asio::error::connection_reset ||
         error == asio::error::operation_aborted || error == wire::error::partial_message))
      co_return;
    HttpError reason(400, "invalid_http", "this is no HTTP request: " + error.message());
    if (late_) reason = HttpError(408, "timeout", "the request did not come in time");
    if (error == wire::error::header_limit || error == wire::error::buffer_overflow)
      reason = HttpError(
          431, "validation",
          "the headers are larger than " + std::to_string(options().header_limit) + " bytes");
    if (error == wire::error::body_limit)
      reason =
          HttpError(413, "validation",
                    "the body is larger than " + std::to_string(options().body_limit) + " bytes");
    const bool head = parser.get().method() == wire::verb::head;
    const Response response = context_.router.refuse(*to_exchange(parser), reason);
    error_code ignored;
    co_await write(response, 11, false, head, ignored);
    co_await linger();
  }

  // Closing with unread bytes would reset the connection, and the client might never see the
  // answer.
  asio::awaitable<void> linger() {
    error_code error;
    stream_.socket().shutdown(Socket::shutdown_send, error);
    stream_.expires_after(std::chrono::seconds(2));
    std::size_t most = 64u << 20;
    std::vector<char> sink(1u << 16);
    while (!error && most > 0) {
      const std::size_t read = co_await stream_.async_read_some(
          asio::buffer(sink), asio::redirect_error(use_awaitable, error));
      most -= std::min(most, read);
    }
  }

  Stream stream_;
  asio::steady_timer read_timer_;
  beast::flat_buffer buffer_;
  SessionContext context_;
  std::string peer_;
  bool idle_ = false;
  bool late_ = false;  // the request did not come in time
  std::list<Connections::Close>::iterator entry_;
};

// As many connections as the system lets this process have.
void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::string peer_of(const asio::ip::tcp::socket& socket) {
  error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  return error ? std::string() : endpoint.address().to_string();
}
std::string peer_of(const asio::local::stream_protocol::socket&) {
  return "unix";
}

template <typename Protocol>
asio::awaitable<void> accept_forever(typename Protocol::acceptor& acceptor, asio::io_context& io,
                                     SessionContext context) {
  while (acceptor.is_open()) {
    error_code error;
    typename Protocol::socket socket = co_await acceptor.async_accept(
        asio::make_strand(io), asio::redirect_error(use_awaitable, error));
    if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
    if (error) {  // out of descriptors: the waiting connections will still be there
      asio::steady_timer pause(co_await asio::this_coro::executor, std::chrono::milliseconds(50));
      co_await pause.async_wait(asio::redirect_error(use_awaitable, error));
      continue;
    }
    if (context.connections.count() >= context.router.options().max_connections) continue;
    const std::string peer = peer_of(socket);
    std::make_shared<Session<Protocol>>(std::move(socket), context, peer)->start();
  }
}

}  // namespace

struct Server::Impl {
  Router& router;
  asio::io_context io;
  asio::ip::tcp::acceptor tcp{io}, inside{io};
  asio::local::stream_protocol::acceptor local{io};
  std::optional<SocketFile> file;  // where `local` listens
  asio::signal_set signals{io};
  Connections connections;
  std::atomic<bool> draining{false}, terminated{false};
  std::vector<std::thread> threads;

  explicit Impl(Router& given) : router(given) {}
  const ServerOptions& options() const { return router.options(); }
  bool is_local() const { return !options().unix_socket.empty(); }

  void listen();
  void listen_on(asio::ip::tcp::acceptor& acceptor, std::uint16_t port);
  void start();
  void drain();
  void close_listener();
};

void Server::Impl::listen_on(asio::ip::tcp::acceptor& acceptor, std::uint16_t port) {
  const std::string service = std::to_string(port);
  try {
    asio::ip::tcp::resolver resolver(io);
    const auto found = resolver.resolve(options().host, service, asio::ip::resolver_base::passive);
    const asio::ip::tcp::endpoint endpoint = *found.begin();
    acceptor.open(endpoint.protocol());
    acceptor.set_option(asio::socket_base::reuse_address(true));
    acceptor.bind(endpoint);
    acceptor.listen(asio::socket_base::max_listen_connections);
  } catch (const boost::system::system_error& error) {
    throw IoError("cannot listen on " + options().host + ":" + service + ": " +
                  error.code().message());
  }
}

void Server::Impl::listen() {
  signals.add(SIGTERM);  // from here on it drains
  raise_file_limit();
  if (options().inside_port) listen_on(inside, *options().inside_port);
  if (!is_local()) return listen_on(tcp, options().port);
  try {
    file.emplace(options().unix_socket);
    local.open();
    local.bind(asio::local::stream_protocol::endpoint(options().unix_socket));
    file->note_bound();
    local.listen(asio::socket_base::max_listen_connections);
  } catch (const boost::system::system_error& error) {
    throw IoError("cannot listen on " + options().unix_socket + ": " + error.code().message());
  }
}

void Server::Impl::start() {
  const SessionContext context{router, connections, draining};
  if (is_local()) {
    asio::co_spawn(io, accept_forever<asio::local::stream_protocol>(local, io, context),
                   asio::detached);
  } else {
    asio::co_spawn(io, accept_forever<asio::ip::tcp>(tcp, io, context), asio::detached);
  }
  if (inside.is_open()) {
    const SessionContext behind{router, connections, draining, true};
    asio::co_spawn(io, accept_forever<asio::ip::tcp>(inside, io, behind), asio::detached);
  }
  signals.async_wait([this](const error_code& error, int) {
    if (!error) terminated = true;
  });
  for (int i = 0; i < options().io_threads; ++i) threads.emplace_back([this] { io.run(); });
}

void Server::Impl::close_listener() {
  asio::post(io, [this] {
    error_code ignored;
    tcp.close(ignored);
    inside.close(ignored);
    local.close(ignored);
  });
  if (file) file->remove();
}

// First everybody is told (/ready: 503, answers: Connection: close) while new requests are taken,
// since clients learn of it late (at Ctrl-C only who is connected); then the door closes.
void Server::Impl::drain() {
  constexpr auto kStep = std::chrono::milliseconds(20);
  draining = true;
  router.service().start_draining();
  const auto begin = service::Clock::now();
  const auto open = [&] { return connections.count() > 0; };
  while ((terminated || open()) && service::Clock::now() < begin + std::chrono::seconds(1))
    std::this_thread::sleep_for(kStep);
  close_listener();
  std::this_thread::sleep_for(kStep);
  while (open() && service::Clock::now() < begin + seconds(options().drain_seconds)) {
    connections.close_idle();
    std::this_thread::sleep_for(kStep);
  }
}

Server::Server(Router& router) : impl_(std::make_unique<Impl>(router)) {
  impl_->listen();
}
Server::~Server() = default;

std::uint16_t Server::port() const {
  return impl_->is_local() ? 0 : impl_->tcp.local_endpoint().port();
}

std::uint16_t Server::inside_port() const {
  return impl_->inside.is_open() ? impl_->inside.local_endpoint().port() : 0;
}

std::string Server::address() const {
  if (impl_->is_local()) return "unix:" + impl_->options().unix_socket;
  const auto endpoint = impl_->tcp.local_endpoint();
  const std::string host = endpoint.address().to_string();
  return "http://" + (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" +
         std::to_string(endpoint.port());
}

std::size_t Server::run(const std::function<bool()>& stop) {
  impl_->start();
  while (!impl_->terminated && !stop()) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  impl_->drain();
  const std::size_t cut = impl_->connections.count();
  impl_->io.stop();
  for (std::thread& thread : impl_->threads) thread.join();
  return cut;
}

}  // namespace narabi::http
