// The grammar of SMTP and LMTP commands, as values: verb, path, parameters, XFORWARD attributes
// (RFC 5321, RFC 2033, RFC 3461 for xtext). Bytes in, values out: no conversation
// (lmtp_server.h), no meaning of addresses (recipient_resolver.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace smtpgate::milter {

struct SmtpCommand {
  std::string verb;      ///< upper case; empty if the line has none
  std::string argument;  ///< what follows it, trimmed
};

/// Splits a line (without its line end). A line with a NUL in it has no verb.
SmtpCommand parse_command(std::string_view line);

struct SmtpParameter {
  std::string keyword;  ///< upper case
  std::string value;    ///< as given; empty if there is no '='
};

/// "FROM:<path> KEY=VALUE ..." or "TO:<path> ...".
struct PathArgument {
  std::string path;                           ///< with its angle brackets
  std::string parameters;                     ///< as given, blanks squeezed to one
  std::vector<SmtpParameter> parameter_list;  ///< the same, split
};

/// `keyword` is "FROM" or "TO". nullopt if the syntax is wrong: no keyword, no brackets, brackets
/// or quotes that do not close. A blank after the colon is forgiven (RFC 5321, 4.1.1.11 advice).
std::optional<PathArgument> parse_path_argument(std::string_view argument,
                                                std::string_view keyword);

/// An address as log lines and reports have it: what stands in the brackets, if there are any.
std::string without_brackets(std::string_view path);

/// "KEY=VALUE KEY=VALUE" of one line.
std::vector<SmtpParameter> parse_parameters(std::string_view text);

/// RFC 3461, 4: "+HH" stands for an octet. nullopt if it is no xtext.
std::optional<std::string> decode_xtext(std::string_view text);

/// Whether `parameters` ask for a report of success: NOTIFY with SUCCESS in its list (RFC 3461).
bool asks_for_success_report(const std::vector<SmtpParameter>& parameters);

}  // namespace smtpgate::milter
