// TLS steps: see the header. OpenSSL's own socket BIO writes with write(2), which raises SIGPIPE;
// ours is three callbacks around send(2) and recv(2).
#include "milter/tls_stream.h"

#include <cerrno>
#include <cstdint>
#include <system_error>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

namespace smtpgate::milter {

namespace {

struct Deleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* connection) const { SSL_free(connection); }
  void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
};

int socket_of(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

int write_some(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t count = ::send(socket_of(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
    BIO_set_retry_write(bio);
  }
  return static_cast<int>(count);
}

int read_some(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  const ssize_t count = ::recv(socket_of(bio), data, static_cast<std::size_t>(size), 0);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
    BIO_set_retry_read(bio);
  }
  return static_cast<int>(count);
}

long control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* socket_method() {
  static const std::unique_ptr<BIO_METHOD, Deleter> method = [] {
    std::unique_ptr<BIO_METHOD, Deleter> made(
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "smtpgate socket"));
    if (made) {
      BIO_meth_set_write(made.get(), write_some);
      BIO_meth_set_read(made.get(), read_some);
      BIO_meth_set_ctrl(made.get(), control);
    }
    return made;
  }();
  return method.get();
}

/// The reason of the last error of this thread.
std::string last_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "TLS failed without a reason" : reason;
}

bool is_numeric(const std::string& host) {
  in6_addr buffer{};
  return ::inet_pton(AF_INET, host.c_str(), &buffer) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &buffer) == 1;
}

}  // namespace

struct TlsContext::State {
  std::unique_ptr<SSL_CTX, Deleter> context;
  bool verify = false;
};

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsContext::TlsContext(TlsContext&&) noexcept = default;
TlsContext& TlsContext::operator=(TlsContext&&) noexcept = default;
TlsContext::~TlsContext() = default;

tl::expected<TlsContext, std::string> TlsContext::make(TlsUse use, const std::string& ca_file) {
  ERR_clear_error();
  auto state = std::make_unique<State>();
  state->context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = state->context.get();
  if (context == nullptr) return tl::unexpected(last_error());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // An end without a farewell is an end: SMTP's replies say themselves whether they are whole.
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  state->verify = use == TlsUse::verified;
  if (state->verify) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
    const int loaded = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context)
                                       : SSL_CTX_load_verify_file(context, ca_file.c_str());
    if (loaded != 1) {
      return tl::unexpected(fmt::format("no certificates can be read from {} ({})",
                                        ca_file.empty() ? "the system's own place" : ca_file,
                                        last_error()));
    }
  } else {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  }
  return TlsContext(std::move(state));
}

struct TlsStream::State {
  std::unique_ptr<SSL, Deleter> connection;
  bool verify = false;

  /// What an operation's answer means.
  IoStep step(int answer, std::size_t count);
};

TlsStream::TlsStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsStream::~TlsStream() = default;

tl::expected<std::unique_ptr<TlsStream>, std::string> TlsStream::make(const TlsContext& context,
                                                                      int socket,
                                                                      const std::string& host) {
  ERR_clear_error();
  auto state = std::make_unique<State>();
  state->verify = context.state_->verify;
  state->connection.reset(SSL_new(context.state_->context.get()));
  SSL* connection = state->connection.get();
  BIO* bio =
      connection == nullptr || socket_method() == nullptr ? nullptr : BIO_new(socket_method());
  if (bio == nullptr) return tl::unexpected(last_error());
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
  BIO_set_init(bio, 1);
  SSL_set_bio(connection, bio, bio);

  bool named = true;
  if (is_numeric(host)) {
    named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection), host.c_str()) == 1;
  } else {
    SSL_set_hostflags(connection, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    named = SSL_set1_host(connection, host.c_str()) == 1 &&
            SSL_set_tlsext_host_name(connection, host.c_str()) == 1;
  }
  if (!named) return tl::unexpected(fmt::format("{} cannot be looked for in a certificate", host));
  return std::unique_ptr<TlsStream>(new TlsStream(std::move(state)));
}

IoStep TlsStream::State::step(int answer, std::size_t count) {
  if (answer == 1) return {IoStatus::done, count, {}};
  const int code = errno;
  switch (SSL_get_error(connection.get(), answer)) {
    case SSL_ERROR_WANT_READ:
      return {IoStatus::wants_read, 0, {}};
    case SSL_ERROR_WANT_WRITE:
      return {IoStatus::wants_write, 0, {}};
    case SSL_ERROR_ZERO_RETURN:
      return {IoStatus::closed, 0, {}};
    case SSL_ERROR_SYSCALL:
      ERR_clear_error();
      if (code == 0) return {IoStatus::closed, 0, {}};
      return {IoStatus::failed, 0, std::generic_category().message(code)};
    default:
      break;
  }
  const long verdict = SSL_get_verify_result(connection.get());
  std::string reason = last_error();
  if (verify && verdict != X509_V_OK) {
    reason =
        fmt::format("its certificate is not accepted: {}", X509_verify_cert_error_string(verdict));
  }
  return {IoStatus::failed, 0, std::move(reason)};
}

IoStep TlsStream::handshake() {
  ERR_clear_error();
  errno = 0;
  return state_->step(SSL_connect(state_->connection.get()), 0);
}

IoStep TlsStream::read(std::span<char> buffer) {
  ERR_clear_error();
  errno = 0;
  std::size_t count = 0;
  const int answer = SSL_read_ex(state_->connection.get(), buffer.data(), buffer.size(), &count);
  return state_->step(answer, count);
}

IoStep TlsStream::write(std::string_view data) {
  ERR_clear_error();
  errno = 0;
  std::size_t count = 0;
  const int answer = SSL_write_ex(state_->connection.get(), data.data(), data.size(), &count);
  return state_->step(answer, count);
}

std::string TlsStream::protocol() const {
  return fmt::format("{} with cipher {}", SSL_get_version(state_->connection.get()),
                     SSL_get_cipher_name(state_->connection.get()));
}

}  // namespace smtpgate::milter
