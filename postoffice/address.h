// Postoffice addresses: NET/PO/MAILBOX, and typed addresses as MMFF writes them ("CSI:NET/PO/BOX",
// "SMTP:user@host"). Not for Internet address syntax: converter/address_list.h.
//
// Sources: Q98159, Q94410, Q106623 (types), Q88779 (shape of native addresses).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace smtpgate::postoffice {

/// NET/PO: which postoffice. Compared without regard to ASCII case.
struct PostofficeName {
  std::string network;
  std::string postoffice;

  /// "NET/PO", each part 1 to 64 octets of UTF-8 under the rules of mailbox names (the original's
  /// ten characters are not enforced).
  static std::optional<PostofficeName> parse(std::string_view text);
  std::string str() const { return network + "/" + postoffice; }
  friend bool operator==(const PostofficeName& a, const PostofficeName& b);
};

/// NET/PO/MAILBOX, spelt as given.
struct NativeAddress {
  PostofficeName postoffice;
  std::string mailbox;

  static std::optional<NativeAddress> parse(std::string_view text);
  std::string str() const { return postoffice.str() + "/" + mailbox; }
};

/// Where an MMFF file says mail comes from or goes to.
struct TypedAddress {
  std::string type;     ///< "CSI" for native mail, "SMTP", "X400", ...; upper case
  std::string address;  ///< without the type
  std::string name;     ///< display name, in the file's character set; empty if none

  /// "TYPE:address" or "address" (CSI). A known type is letters, digits and '-' before the first
  /// colon. Any type is taken: the reader decides which are services it knows (error 151).
  static TypedAddress parse(std::string_view text);
  static TypedAddress native(const NativeAddress& address, std::string name = {});
  static TypedAddress internet(std::string address, std::string name = {});
  std::string str() const { return type + ":" + address; }
};

/// 1 to 64 octets of UTF-8, no control characters, none of / \ : * ? " < > |, no leading or
/// trailing dot or blank, no DOS device name (with or without extension). nullopt if `name` is
/// fine, else the reason as the end of the sentence "mailbox name X ...".
std::optional<std::string> why_bad_mailbox_name(std::string_view name);

/// NFC, then ASCII letters to lower case: the form in which mailboxes are compared and their
/// directories named.
std::string fold_mailbox_name(std::string_view name);

}  // namespace smtpgate::postoffice
