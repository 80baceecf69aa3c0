// Where something stands in main.cf or master.cf, and the postconf command that would change it:
// for telling people. Reads the two files as text, since postconf does not say lines.
//
// Not for what the settings are: postfix_settings.h.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "milter/postfix_settings.h"

namespace smtpgate::milter {

class PostfixPlaces {
 public:
  /// `directory`: Postfix's configuration directory; `is_default`: commands need no -c. A file that
  /// cannot be read has no lines.
  PostfixPlaces(std::string directory, bool is_default);

  /// "DIR/main.cf:12", without the line if the setting has its default.
  std::string setting(const std::string& name) const;
  /// The service's own -o if it has one, else main.cf's line.
  std::string setting(const PostfixService& service, const std::string& name) const;
  /// "DIR/master.cf:30"; without the line if it is not there.
  std::string service(const PostfixService& service) const;
  std::string master() const { return directory_ + "/master.cf"; }

  /// postconf -e 'NAME = VALUE'
  std::string edit(const std::string& name, const std::string& value) const;
  /// The same where it counts for `service`: its own -o (postconf -P) or main.cf's.
  std::string edit(const PostfixService& service, const std::string& name,
                   const std::string& value) const;
  /// postconf -P, whether it has one already or not.
  std::string edit_own(const PostfixService& service, const std::string& name,
                       const std::string& value) const;
  /// postconf -F SERVICE/TYPE/FIELD=VALUE
  std::string edit_field(const PostfixService& service, const std::string& field,
                         const std::string& value) const;

 private:
  std::string command(const std::string& option, const std::string& word) const;

  std::string directory_;
  bool is_default_;
  std::map<std::string, std::size_t> settings_;  ///< main.cf: the last line of each name
  std::map<std::string, std::size_t> services_;  ///< master.cf: "name/type"
  std::map<std::string, std::size_t> options_;   ///< "name/type/setting"
};

}  // namespace smtpgate::milter
