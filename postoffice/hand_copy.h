// The copy of a message put by hand that is filed: the file's own octets where it holds one message
// in the postoffice's line ends, else written anew from what the reader finds. Also of one from an
// outbox. Fields that nobody may forge or see are left out. For hand_put.cpp and
// outbox_message.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "postoffice/file_system.h"
#include "postoffice/message_copy.h"
#include "postoffice/mmff.h"
#include "postoffice/mmff_reader.h"
#include "postoffice/outcome.h"
#include "postoffice/postoffice.h"

namespace smtpgate::postoffice {

/// Where in the file the contents of the message that `reader` stands at end, if all of them are
/// there; the largest number there is for sizes that are beyond it.
std::uint64_t end_of_contents(const Reader& reader, const MessageHeader& header);

class HandCopy {
 public:
  /// `reader` stands at the contents of the message whose header is given; `file` is what it reads.
  HandCopy(const Postoffice& postoffice, File& file, Reader& reader, const MessageHeader& header,
           bool believes_key);

  using Result = CopyResult;
  Result write_to(File& target, bool is_first);

  /// K, if there is one and it is believed; else empty.
  const std::string& content_key() const { return content_key_; }

 private:
  void leave_out(std::string_view name);
  FileResult<bool> is_alone();

  const Postoffice& postoffice_;
  File& file_;
  Reader& reader_;
  MessageHeader header_;
  std::string content_key_;
  bool is_changed_ = false;  ///< the header is not what the file says
  std::string buffer_;
};

}  // namespace smtpgate::postoffice
