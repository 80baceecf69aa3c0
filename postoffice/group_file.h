// A group's file in memory: the format (docs/groups.md) read strictly, edited without losing
// comments; and the form of a member, which forwards of mailboxes share. Internal to this room;
// files are read and written in groups.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "postoffice/address.h"
#include "postoffice/groups.h"

namespace smtpgate::postoffice {

/// What a member or a forward's target names: "anna" and "NET/PO/anna" are native, "jo@example.com"
/// and "SMTP:jo@example.com" Internet addresses. A bare name is one of `here`. The error is the end
/// of the sentence "member X ...".
tl::expected<TypedAddress, std::string> parse_member(std::string_view text,
                                                     const PostofficeName& here);

class GroupFile {
 public:
  /// The first error as one line "FILE:LINE: what; what to do".
  static tl::expected<GroupFile, std::string> parse(std::string_view text, const std::string& path,
                                                    const PostofficeName& here);

  const std::string& owner() const { return owner_; }  ///< folded; empty if none is named
  std::vector<std::string> members() const;            ///< as written

  /// The text for `group`: comments and the lines of members that stay are kept as they are.
  std::string with(const Group& group) const;

 private:
  struct Line {
    enum class Kind { comment, owner, member };
    Kind kind = Kind::comment;
    std::string text;    ///< without its line end
    std::string member;  ///< as written, without blanks around it
  };
  std::vector<Line> lines_;
  std::string owner_;
};

}  // namespace smtpgate::postoffice
