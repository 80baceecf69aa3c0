// K, the content key (house rule 3): BLAKE2b-256 over the envelope sender, the canonical values of
// From, To, Cc, Subject, Date, Message-ID, Resent-*, MIME-Version and Content-* of the message
// header, and the body. What a relay or a retry adds (Received, Return-Path, authentication
// results, queue ids) does not enter it. The exact input is defined in docs/postoffice-format.md,
// "The content key".
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "converter/header_field.h"

namespace smtpgate::converter {

class ContentKey {
 public:
  ContentKey();
  ~ContentKey();
  void add_sender(std::string_view address);    ///< without brackets, first
  void add_header(const HeaderFields& fields);  ///< of the message, once, second
  void add_body(std::string_view piece);        ///< CRLF octets after the blank line, in pieces
  std::string finish();                         ///< 64 lower-case hex digits

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace smtpgate::converter
