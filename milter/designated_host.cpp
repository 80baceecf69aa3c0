// The designated host's name and addresses: see the header.
#include "milter/designated_host.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include "postoffice/ascii.h"

namespace smtpgate::milter {

namespace {

constexpr std::string_view default_port = "25";
constexpr std::size_t most_addresses = 16;
constexpr std::size_t longest_name = 255;

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || !std::all_of(text.begin(), text.end(), is_ascii_digit)) {
    return false;
  }
  const int number = std::stoi(std::string(text));
  return number >= 1 && number <= 65535;
}

bool is_name_character(char c) {
  return is_ascii_alpha(c) || is_ascii_digit(c) || c == '.' || c == '-' || c == '_';
}

bool is_v6_character(char c) {
  return is_ascii_digit(c) || c == ':' || c == '.' || c == '%' || is_ascii_alpha(c);
}

bool is_loopback(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
  }
  return false;
}

}  // namespace

std::optional<HostAndPort> parse_host(std::string_view text) {
  std::string_view host = text;
  std::string_view port = default_port;
  const bool bracketed = text.starts_with('[');
  if (bracketed) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    host = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return std::nullopt;
    if (!rest.empty()) port = rest.substr(1);
  } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  if (host.empty() || host.size() > longest_name || !is_port(port)) return std::nullopt;
  if (!std::all_of(host.begin(), host.end(), bracketed ? is_v6_character : is_name_character)) {
    return std::nullopt;
  }
  return HostAndPort{std::string(host), std::string(port)};
}

tl::expected<std::vector<HostAddress>, std::string> resolve_host(const HostAndPort& host) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.host.c_str(), host.port.c_str(), &wanted, &found);
  if (code != 0) return tl::unexpected(std::string(::gai_strerror(code)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);

  std::vector<HostAddress> result;
  for (const addrinfo* entry = found; entry != nullptr && result.size() < most_addresses;
       entry = entry->ai_next) {
    if (entry->ai_addrlen > sizeof(sockaddr_storage)) continue;
    HostAddress address;
    std::memcpy(&address.address, entry->ai_addr, entry->ai_addrlen);
    address.length = entry->ai_addrlen;
    address.is_loopback = is_loopback(*entry->ai_addr);
    std::array<char, 64> numeric{};
    if (::getnameinfo(entry->ai_addr, entry->ai_addrlen, numeric.data(), numeric.size(), nullptr, 0,
                      NI_NUMERICHOST) != 0) {
      continue;
    }
    address.label = fmt::format("{}[{}]:{}", host.host, numeric.data(), host.port);
    result.push_back(std::move(address));
  }
  if (result.empty()) return tl::unexpected(std::string("it has no address that can be used"));
  return result;
}

}  // namespace smtpgate::milter
