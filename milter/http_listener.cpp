// HTTP by libmicrohttpd: see the header.
#include "milter/http_listener.h"

#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <exception>
#include <utility>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "milter/unix_socket.h"

namespace smtpgate::milter {

namespace {

constexpr unsigned most_connections = 32;
constexpr unsigned idle_seconds = 10;
/// Of a connection: a request's header has no more room than half of it.
constexpr std::size_t connection_memory = 16 * 1024;

/// The functions that we use, by the types that the library's header gives them.
struct Library {
  decltype(&::MHD_start_daemon) start_daemon = nullptr;
  decltype(&::MHD_stop_daemon) stop_daemon = nullptr;
  decltype(&::MHD_lookup_connection_value) lookup_value = nullptr;
  decltype(&::MHD_create_response_from_buffer) create_response = nullptr;
  decltype(&::MHD_add_response_header) add_header = nullptr;
  decltype(&::MHD_queue_response) queue_response = nullptr;
  decltype(&::MHD_destroy_response) destroy_response = nullptr;
};

/// Loaded once and kept: its threads may run until the process ends.
tl::expected<Library, std::string> load_library() {
  void* handle = ::dlopen(SMTPGATE_MICROHTTPD, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    return tl::unexpected(std::string(::dlerror()));
  }
  Library library;
  const auto find = [handle](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle, name));
    return function != nullptr;
  };
  const bool complete = find(library.start_daemon, "MHD_start_daemon") &&
                        find(library.stop_daemon, "MHD_stop_daemon") &&
                        find(library.lookup_value, "MHD_lookup_connection_value") &&
                        find(library.create_response, "MHD_create_response_from_buffer") &&
                        find(library.add_header, "MHD_add_response_header") &&
                        find(library.queue_response, "MHD_queue_response") &&
                        find(library.destroy_response, "MHD_destroy_response");
  if (!complete) return tl::unexpected(std::string(SMTPGATE_MICROHTTPD " lacks a function"));
  return library;
}

tl::expected<int, std::string> listen_on_port(const StatusSettings& settings) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  const auto port =
      static_cast<in_port_t>(htons(static_cast<std::uint16_t>(std::stoi(settings.port))));
  const bool is_v4 = ::inet_pton(AF_INET, settings.host.c_str(), &v4.sin_addr) == 1;
  if (!is_v4) ::inet_pton(AF_INET6, settings.host.c_str(), &v6.sin6_addr);
  v4.sin_family = AF_INET;
  v4.sin_port = port;
  v6.sin6_family = AF_INET6;
  v6.sin6_port = port;
  const int socket = ::socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  const auto* address =
      is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
  const socklen_t size = is_v4 ? sizeof v4 : sizeof v6;
  if (socket >= 0 && ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
      ::bind(socket, address, size) == 0 && ::listen(socket, most_connections) == 0) {
    return socket;
  }
  const std::string why = std::strerror(errno);
  if (socket >= 0) ::close(socket);
  return tl::unexpected(fmt::format("cannot listen on {}: {}", settings.listen, why));
}

void say_nothing(void* /*unused*/, const char* /*format*/, va_list /*arguments*/) {}

}  // namespace

struct HttpListener::State {
  Library library;
  Answer answer;
  MHD_Daemon* daemon = nullptr;
  std::string socket_path;

  MHD_Result send(MHD_Connection* connection, const HttpAnswer& answer_to_send) const;
  std::string value(MHD_Connection* connection, MHD_ValueKind kind, const char* name) const {
    const char* found = library.lookup_value(connection, kind, name);
    return found == nullptr ? std::string() : found;
  }
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url,
                               const char* method, const char* version, const char* upload,
                               size_t* upload_size, void** request);
};

MHD_Result HttpListener::State::send(MHD_Connection* connection,
                                     const HttpAnswer& answer_to_send) const {
  std::string body = answer_to_send.body;
  MHD_Response* response = library.create_response(body.size(), body.data(), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  for (const auto& [name, text] : answer_to_send.headers) {
    library.add_header(response, name.c_str(), text.c_str());
  }
  const MHD_Result queued = library.queue_response(connection, answer_to_send.status, response);
  library.destroy_response(response);
  return queued;
}

/// An answer at the first call, before any body: what comes of one is thrown away by the library,
/// which then ends the connection.
MHD_Result HttpListener::State::on_request(void* self, MHD_Connection* connection, const char* url,
                                           const char* method, const char* /*version*/,
                                           const char* /*upload*/, size_t* /*upload_size*/,
                                           void** /*request*/) {
  const State& state = *static_cast<const State*>(self);
  try {
    const HttpRequest request{method, url,
                              state.value(connection, MHD_GET_ARGUMENT_KIND, "refresh"),
                              state.value(connection, MHD_HEADER_KIND, "Authorization")};
    return state.send(connection, state.answer(request));
  } catch (const std::exception&) {
    return state.send(connection, plain_answer(500, "the daemon could not answer\n"));
  }
}

HttpListener::HttpListener(std::unique_ptr<State> state) : state_(std::move(state)) {}

HttpListener::~HttpListener() {
  if (state_->daemon != nullptr) state_->library.stop_daemon(state_->daemon);
  if (!state_->socket_path.empty()) ::unlink(state_->socket_path.c_str());
}

std::string HttpListener::what_is_missing() {
  const auto library = load_library();
  return library ? std::string() : library.error();
}

tl::expected<std::unique_ptr<HttpListener>, std::string> HttpListener::start(
    const StatusSettings& settings, Answer answer) {
  auto library = load_library();
  if (!library) {
    return tl::unexpected(library.error() +
                          "; install libmicrohttpd12, or leave status.listen empty");
  }
  auto state = std::make_unique<State>();
  state->library = *library;
  state->answer = std::move(answer);
  const bool is_unix = settings.kind == StatusSettings::Kind::unix_socket;
  auto socket = is_unix ? listen_on_path(settings.path, settings.socket_mode, settings.socket_group)
                        : listen_on_port(settings);
  if (!socket) return tl::unexpected(socket.error());
  if (is_unix) state->socket_path = settings.path;
  state->daemon = state->library.start_daemon(
      MHD_USE_INTERNAL_POLLING_THREAD, 0, nullptr, nullptr, &State::on_request, state.get(),
      MHD_OPTION_LISTEN_SOCKET, *socket, MHD_OPTION_CONNECTION_LIMIT, most_connections,
      MHD_OPTION_CONNECTION_TIMEOUT, idle_seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      connection_memory, MHD_OPTION_EXTERNAL_LOGGER, &say_nothing, nullptr, MHD_OPTION_END);
  if (state->daemon == nullptr) {
    ::close(*socket);
    return tl::unexpected("libmicrohttpd does not serve " + settings.listen);
  }
  return std::unique_ptr<HttpListener>(new HttpListener(std::move(state)));
}

}  // namespace smtpgate::milter
