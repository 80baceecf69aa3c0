// Header fields (RFC 5322, 2.2) out of values that may hold anything: folded at 78 octets, no line
// above 998, no value can end its field. Unstructured text, phrases, addresses, message ids and
// parameters; what a field means is outbound_header.h's.
//
// All text is valid UTF-8. What comes out is ASCII, but for addresses that are not.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace smtpgate::converter {

/// `text` with each control character (line ends, NUL, TAB, DEL) made a blank.
std::string one_line(std::string_view text);

/// One field being written to `out`: words with a blank or a fold before each.
class FieldWriter {
 public:
  /// `name` is ours, never a stranger's.
  FieldWriter(std::string& out, std::string_view name);
  /// A word that may not be cut: at most 900 octets, no line ends.
  void word(std::string_view text);
  void words(const std::vector<std::string>& all);
  /// Octets left in this line for the next word.
  std::size_t room() const;
  /// Right behind the last word: "," or ";".
  void append(char c);
  /// The CR LF.
  void end();

 private:
  std::string& out_;
  std::size_t column_;
  bool is_first_ = true;
};

/// "Name: text", as it is where it is short-worded ASCII, in encoded words otherwise. Nothing if
/// `text` is blank.
void write_unstructured(std::string& out, std::string_view name, std::string_view text);

/// Whether write_unstructured() would write `text` as it is.
bool is_plain_text(std::string_view text);

/// A display name as the words of a phrase: atoms, a quoted string, or encoded words of which the
/// first takes at most `room` octets. Empty for a blank name.
std::vector<std::string> phrase_words(std::string_view text, std::size_t room = 75);

/// A member of an address list.
struct WrittenAddress {
  std::string name;
  std::string address;  ///< user@host, at most longest_address octets; empty: `name` alone
};
inline constexpr std::size_t longest_address = 500;

/// "Name: a <b@c>, ...". A member without address stands as a group of that name without members:
/// legal, readable, and nothing that anybody could answer to. Nothing if the list is empty.
void write_addresses(std::string& out, std::string_view name,
                     const std::vector<WrittenAddress>& addresses);

/// "Name: <a@b> <c@d>" of those of `ids` that have the form of message ids.
void write_message_ids(std::string& out, std::string_view name,
                       const std::vector<std::string>& ids);
/// "<left@right>" of printable ASCII without blanks, at most 500 octets.
bool is_message_id(std::string_view text);

/// "Name: value; p=v; ..." of pieces that encode_parameter() made.
void write_parameterized(std::string& out, std::string_view name, std::string_view value,
                         const std::vector<std::string>& parameters);

}  // namespace smtpgate::converter
