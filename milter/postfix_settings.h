// What Postfix's own programs say of its settings: postconf(1) gives main.cf and master.cf with the
// settings of each service, postmap(1) what a table holds. Reads only; nothing of Postfix changes.
//
// Not for judging them: postfix_check.h.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace smtpgate::milter {

struct PostfixAnswer {
  bool good = false;      ///< it could be run and ended with exit code 0
  std::string output;     ///< standard output, at most 16 MiB
  std::string complaint;  ///< standard error, likewise
};

/// Runs a program of Postfix: its name, then its arguments; `input` is its standard input. Tests
/// have their own.
using PostfixProgram =
    std::function<PostfixAnswer(const std::vector<std::string>& words, const std::string& input)>;

/// The real ones, with `-c directory` after the name if `directory` is not empty.
PostfixProgram real_postfix_program(const std::string& directory);

/// An entry of master.cf as postconf -M prints it.
struct PostfixService {
  std::vector<std::string> fields;             ///< apart by blanks: name, type, ..., program, ...
  std::string line;                            ///< all of it
  std::map<std::string, std::string> options;  ///< its own settings, -o name=value

  bool runs(std::string_view program) const { return fields.size() > 7 && fields[7] == program; }
  bool is_chrooted() const { return fields.size() > 4 && fields[4] == "y"; }
};

class PostfixSettings {
 public:
  /// nullopt if postconf gives no answer.
  static std::optional<PostfixSettings> read(const PostfixProgram& program);

  const std::vector<PostfixService>& services() const { return services_; }
  /// main.cf's value, or the default; empty if there is no such setting.
  const std::string& value(const std::string& name) const;
  /// What counts for `service`: its own -o, else main.cf's.
  const std::string& value(const PostfixService& service, const std::string& name) const;

 private:
  std::map<std::string, std::string> parameters_;
  std::vector<PostfixService> services_;
};

/// The entries of a list such as smtpd_milters or virtual_alias_maps: apart by commas and blanks,
/// except within braces. An entry that is all in braces comes without them.
std::vector<std::string> split_postfix_list(std::string_view text);

}  // namespace smtpgate::milter
