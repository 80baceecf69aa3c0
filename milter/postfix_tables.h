// Asking Postfix's tables and lists the way Postfix does: what a table says of many keys at once
// (postmap -q -), whether a domain is in a list such as relay_domains.
//
// Not for judging what they say: postfix_rewrites.h, postfix_routing.h.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "milter/postfix_settings.h"

namespace smtpgate::milter {

/// What one table says: key to value, for keys that it has.
using TableAnswers = std::map<std::string, std::string>;

/// nullopt if the table cannot be read. Postfix's program is asked once for all keys.
std::optional<TableAnswers> ask_table(const PostfixProgram& program, const std::string& table,
                                      const std::set<std::string>& keys);

/// Tables of patterns are asked for whole addresses only, and not for a domain or its parents.
bool holds_patterns(std::string_view table);

enum class InList { no, yes, unknown };

/// Whether Postfix finds `domain` in `list`: names, ".name", "!name", "/file", "type:table".
/// `names_mean_subdomains`: a plain name stands for its subdomains too, as
/// parent_domain_matches_subdomains says of the list.
InList is_in_domain_list(const PostfixProgram& program, const std::string& list,
                         const std::string& domain, bool names_mean_subdomains);

/// "240s", "5d", "12h", "3m", "1w" or a bare number of `bare_unit` seconds; nullopt if it is none.
std::optional<long> postfix_seconds(std::string_view text, long bare_unit = 1);

}  // namespace smtpgate::milter
