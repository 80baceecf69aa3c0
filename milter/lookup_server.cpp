// The look-up's conversation and answers: see the header.
#include "milter/lookup_server.h"

#include <exception>

#include "milter/netstring.h"
#include "milter/recipient_resolver.h"
#include "postoffice/printable.h"

namespace smtpgate::milter {

namespace {

/// Postfix logs the reason; it need not be longer than a log line.
constexpr std::size_t longest_reason = 500;

/// The map's name where Postfix asks other tables beside this one.
constexpr std::string_view shared_map = "shared";

/// The map's name in check_recipient_access: what is found there is an action (access(5)).
constexpr std::string_view rights_map = "rights";

std::string temporary(std::string_view reason) {
  return "TEMP " + printable_ascii(reason, longest_reason);
}

std::string answer(const Resolution& resolution, std::string_view key) {
  switch (resolution.kind) {
    case Resolution::Kind::mailbox:
    case Resolution::Kind::group:
      return "OK " + std::string(key);
    case Resolution::Kind::no_address:
    case Resolution::Kind::unknown_mailbox:
      return "NOTFOUND ";
    case Resolution::Kind::unknown_domain:
    case Resolution::Kind::unavailable:
      return temporary(resolution.outcome.sentence());
  }
  return temporary("no answer");
}

}  // namespace

std::string answer_lookup(const Configuration& configuration, std::string_view request,
                          postoffice::FileSystem& files) {
  const std::size_t blank = request.find(' ');
  if (blank == std::string_view::npos || blank == 0 || blank + 1 == request.size()) {
    return "PERM the request is not \"<map> <key>\"";
  }
  const std::string_view map = request.substr(0, blank);
  const std::string_view key = request.substr(blank + 1);
  // Postfix also asks for "@domain" (a catch-all of the table kind) and for bare local parts: a
  // postoffice's catch-all answers for each address, so these are never there.
  const std::size_t at = key.rfind('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == key.size()) return "NOTFOUND ";
  try {
    RecipientResolver resolver(configuration, files);
    Resolution resolution = resolver.resolve_path(key);
    // Postfix may ask in its internal form too, where the local part is not quoted.
    if (resolution.kind == Resolution::Kind::no_address) {
      resolution = resolver.resolve(parse_internal_address(key));
    }
    if (map == rights_map) {
      const auto refusal = resolver.why_not_from_internet(resolution);
      if (!refusal || !refusal->is_permanent()) return "NOTFOUND ";
      return "OK 550 " + refusal->status() + " " +
             printable_ascii(refusal->sentence(), longest_reason);
    }
    // In a list with tables of other domains, those are not ours to speak of; alone, a domain that
    // Postfix routes to us and the map does not know is a fault of the configuration.
    if (resolution.kind == Resolution::Kind::unknown_domain && map == shared_map) {
      return "NOTFOUND ";
    }
    return answer(resolution, key);
  } catch (const std::exception& exception) {
    return temporary(exception.what());
  }
}

void serve_lookups(PeerStream& stream, const ConfigurationSource& configuration, Log& log,
                   postoffice::FileSystem& files) {
  std::string request;
  for (;;) {
    const NetstringStatus status = read_netstring(stream, request);
    if (status == NetstringStatus::ended) break;
    if (status == NetstringStatus::malformed) {
      log.warning(
          "lookup: the peer sent no netstring; is something other than Postfix's "
          "socketmap client connected?");
      stream.write(make_netstring("PERM the request is no netstring"));
      break;
    }
    const auto current = configuration();
    const std::string reply = !current ? temporary(current.error())
                              : (*current)->shadow.enabled
                                  ? temporary("[shadow] is enabled; only the milter is tried")
                                  : answer_lookup(**current, request, files);
    log.debug([&] { return "lookup: " + request + ": " + reply; });
    if (reply.starts_with("TEMP ") || reply.starts_with("PERM ")) {
      log.warning("lookup: " + request + ": " + reply);
    }
    stream.write(make_netstring(reply));
  }
  stream.flush();
}

}  // namespace smtpgate::milter
