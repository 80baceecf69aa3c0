// SmtpSession: see the header.
#include "milter/smtp_session.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "milter/secret_file.h"
#include "postoffice/ascii.h"
#include "postoffice/printable.h"

namespace smtpgate::milter {

namespace {

using Clock = std::chrono::steady_clock;

const Outcome& go_on() {
  static const Outcome outcome = Outcome::delivered("");
  return outcome;
}

std::string base64(std::string_view text) {
  std::string result((text.size() + 2) / 3 * 4 + 1, '\0');  // with the NUL that OpenSSL adds
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(result.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  result.resize(static_cast<std::size_t>(length));
  return result;
}

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  for (line = trim(line); !line.empty(); line = trim(line)) {
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    words.push_back(ascii_upper(line.substr(0, end)));
    line.remove_prefix(end);
  }
  return words;
}

}  // namespace

std::string status_in_class(const SmtpReply& reply, char digit, std::string_view fallback) {
  std::string status = reply.status.empty() ? std::string(fallback) : reply.status;
  status[0] = digit;
  return status;
}

std::string_view status_of(ConnectionTrouble trouble) {
  switch (trouble) {
    case ConnectionTrouble::malformed:
      return "4.5.0";
    case ConnectionTrouble::stopped:
      return "4.3.2";
    default:
      return "4.4.2";
  }
}

SmtpExtensions parse_extensions(const SmtpReply& reply) {
  SmtpExtensions result;
  for (std::size_t i = 1; i < reply.lines.size(); ++i) {  // the first line names the host
    std::vector<std::string> words = words_of(reply.lines[i]);
    if (words.empty()) continue;
    if (words[0].starts_with("AUTH=")) {  // an old way of writing it, still seen
      words.insert(words.begin() + 1, words[0].substr(5));
      words[0] = "AUTH";
    }
    const std::string& keyword = words[0];
    if (keyword == "PIPELINING") result.pipelining = true;
    if (keyword == "8BITMIME") result.eight_bit = true;
    if (keyword == "SMTPUTF8") result.smtputf8 = true;
    if (keyword == "DSN") result.dsn = true;
    if (keyword == "STARTTLS") result.starttls = true;
    if (keyword == "SIZE") {
      result.size = true;
      if (words.size() > 1) {
        const std::string& number = words[1];
        std::from_chars(number.data(), number.data() + number.size(), result.largest);
      }
    }
    if (keyword == "AUTH") {
      for (const std::string& mechanism : words) {
        result.auth_plain = result.auth_plain || mechanism == "PLAIN";
        result.auth_login = result.auth_login || mechanism == "LOGIN";
      }
    }
  }
  return result;
}

std::string SmtpSession::said(const SmtpReply& reply, std::string_view stage) const {
  return fmt::format("host {} said: {} (in reply to {})", label_, reply.summary(), stage);
}

std::string SmtpSession::said(const ConnectionError& error, std::string_view stage) const {
  return fmt::format("host {} {} (in reply to {})", label_, error.detail, stage);
}

Outcome SmtpSession::failed(const ConnectionError& error, std::string_view stage) const {
  return Outcome::temporary(said(error, stage), std::string(status_of(error.trouble)));
}

Outcome SmtpSession::refused(const SmtpReply& reply, std::string_view stage,
                             std::string_view advice, std::string_view status) const {
  return Outcome::temporary(fmt::format("{}; {}", said(reply, stage), advice),
                            status_in_class(reply, '4', status));
}

ConnectionResult<SmtpReply> SmtpSession::command(std::string_view line, const StopAsked& stop) {
  const auto timeout = settings_.host->command_timeout;
  if (auto written = connection_->write(std::string(line) + "\r\n", timeout, stop); !written) {
    return tl::unexpected(std::move(written.error()));
  }
  return connection_->read_reply(timeout, stop);
}

void SmtpSession::quit() {
  // The answer says nothing that matters; whoever waits for it waits for a host that is slow.
  const auto ignored = connection_->write("QUIT\r\n", std::chrono::milliseconds(0), {});
  static_cast<void>(ignored);
}

Expected<std::unique_ptr<SmtpSession>> SmtpSession::open(const HostAndPort& host,
                                                         const HostAddress& address,
                                                         const SessionSettings& settings,
                                                         const StopAsked& stop) {
  std::unique_ptr<SmtpSession> session(new SmtpSession(address.label, settings));
  Outcome outcome = session->greet(address, stop);
  if (outcome.is_delivered()) outcome = session->say_hello(stop);
  if (outcome.is_delivered()) outcome = session->start_tls(host, stop);
  if (outcome.is_delivered()) outcome = session->authenticate(address.is_loopback, stop);
  if (!outcome.is_delivered()) {
    if (session->connection_) session->quit();
    return failure(std::move(outcome));
  }
  return session;
}

Outcome SmtpSession::greet(const HostAddress& address, const StopAsked& stop) {
  const auto begin = Clock::now();
  auto connection = SmtpConnection::open(address, settings_.host->connect_timeout, stop);
  if (!connection) {
    const ConnectionError& error = connection.error();
    if (error.trouble == ConnectionTrouble::stopped) return failed(error, "the connection");
    return Outcome::temporary(fmt::format("cannot connect to {}: {}; start the mail server there, "
                                          "or correct [designated_host] hosts",
                                          label_, error.detail),
                              "4.4.1");
  }
  connection_ = std::move(*connection);
  const auto reply = connection_->read_reply(settings_.host->command_timeout, stop);
  if (!reply) return failed(reply.error(), "the connection");
  connection_seconds_ = std::chrono::duration<double>(Clock::now() - begin).count();
  if (reply->code != 220) {
    return refused(*reply, "the connection", "it takes no mail from us now", "4.3.2");
  }
  return go_on();
}

Outcome SmtpSession::say_hello(const StopAsked& stop) {
  extensions_ = {};
  const std::string& name = settings_.host->hostname;
  auto reply = command("EHLO " + name, stop);
  if (!reply) return failed(reply.error(), "EHLO");
  if (reply->is_positive()) {
    extensions_ = parse_extensions(*reply);
    return go_on();
  }
  if (reply->first_digit() != 5) {
    return refused(*reply, "EHLO", "it takes no mail from us now", "4.3.2");
  }
  reply = command("HELO " + name, stop);
  if (!reply) return failed(reply.error(), "HELO");
  if (reply->is_positive()) return go_on();
  return refused(*reply, "HELO", "look at [designated_host] hostname and at the host's rules",
                 "4.3.5");
}

Outcome SmtpSession::start_tls(const HostAndPort& host, const StopAsked& stop) {
  const TlsUse use = settings_.host->tls;
  if (use == TlsUse::never) return go_on();
  if (!extensions_.starttls) {
    if (use == TlsUse::when_offered) return go_on();
    return Outcome::temporary(
        fmt::format("host {} offers no STARTTLS, which [designated_host] tls asks for; switch it "
                    "on there, or correct tls",
                    label_),
        "4.7.0");
  }
  const auto reply = command("STARTTLS", stop);
  if (!reply) return failed(reply.error(), "STARTTLS");
  if (!reply->is_positive()) {
    return refused(*reply, "STARTTLS", "correct the host's TLS, or [designated_host] tls", "4.7.0");
  }
  const auto secured =
      connection_->start_tls(*settings_.tls, host.host, settings_.host->command_timeout, stop);
  if (!secured) {
    const bool stopped = secured.error().trouble == ConnectionTrouble::stopped;
    return Outcome::temporary(
        fmt::format("{}; correct the host's TLS and certificate, or [designated_host] tls and "
                    "tls_ca_file",
                    said(secured.error(), "the TLS handshake")),
        stopped ? "4.3.2" : "4.7.0");
  }
  return say_hello(stop);
}

Outcome SmtpSession::authenticate(bool is_loopback, const StopAsked& stop) {
  if (settings_.host->user.empty()) return go_on();
  if (!connection_->has_tls() && !is_loopback) {
    return Outcome::temporary(
        fmt::format("host {} would get our password in the clear; switch TLS on there, and set "
                    "[designated_host] tls to \"verified\"",
                    label_),
        "4.7.0");
  }
  if (!extensions_.auth_plain && !extensions_.auth_login) {
    return Outcome::temporary(
        fmt::format("host {} offers neither AUTH PLAIN nor AUTH LOGIN; switch one on there, or "
                    "leave [designated_host] user empty",
                    label_),
        "4.7.0");
  }
  const auto password =
      read_password(postoffice::FileSystem::posix(), settings_.host->password_file);
  if (!password) return password.error();
  return authenticate_with(*password, stop);
}

Outcome SmtpSession::authenticate_with(std::string_view password, const StopAsked& stop) {
  const std::string& user = settings_.host->user;
  std::vector<std::string> lines;
  if (extensions_.auth_plain) {
    lines = {"AUTH PLAIN " + base64('\0' + user + '\0' + std::string(password))};
  } else {
    lines = {"AUTH LOGIN", base64(user), base64(password)};
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto reply = command(lines[i], stop);
    if (!reply) return failed(reply.error(), "AUTH");
    if (reply->code != (i + 1 == lines.size() ? 235 : 334)) {
      return refused(*reply, "AUTH",
                     fmt::format("correct [designated_host] user or the password in {}",
                                 settings_.host->password_file),
                     "4.7.8");
    }
  }
  return go_on();
}

std::string SmtpSession::agreed() const {
  std::string result = connection_->has_tls() ? connection_->tls_protocol() : "no TLS";
  if (!settings_.host->user.empty()) result += ", AUTH as " + printable(settings_.host->user);
  return result;
}

}  // namespace smtpgate::milter
