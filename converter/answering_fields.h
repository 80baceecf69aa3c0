// What a message's header says about answers that programs give: who wants a receipt, and why no
// program should answer at all (docs/receipts.md). Not for answering: postoffice/receipts.h.
//
// Sources: RFC 8098 (Disposition-Notification-To, -Options, Original-Recipient), RFC 3834
// (Auto-Submitted), RFC 2919 and 2369 (list fields), Q113824 (Return-Receipt-To, Rr).
#pragma once

#include <string>
#include <vector>

#include "converter/address_list.h"
#include "converter/header_field.h"

namespace smtpgate::converter {

struct AnsweringFields {
  /// Of Disposition-Notification-To, else Return-Receipt-To, else Rr: the first that has an address
  /// with a domain. At most 100.
  std::vector<HeaderAddress> receipt_to;
  std::string receipt_options;     ///< Disposition-Notification-Options, decoded
  std::string original_recipient;  ///< Original-Recipient, decoded
  /// The keyword of Auto-Submitted, lower case, without parameters and comments; what is no keyword
  /// as it was written. Empty for "no", or without a field.
  std::string auto_submitted;
  std::string precedence;  ///< "list", "bulk", "junk"; empty: neither
};

AnsweringFields read_answering_fields(const HeaderFields& fields);

}  // namespace smtpgate::converter
