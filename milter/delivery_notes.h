// Door 2's observer: its processes are short, so each message's record is left in the tally for
// the daemon, and in the file of records if there is one. Not for the daemon (monitoring.h).
#pragma once

#include <memory>
#include <string>

#include "milter/message_observer.h"
#include "milter/records_file.h"

namespace smtpgate::milter {

class DeliveryNotes : public MessageObserver {
 public:
  /// `records` may be null.
  DeliveryNotes(std::string work, std::unique_ptr<RecordsFile> records)
      : work_(std::move(work)), records_(std::move(records)) {}

  void note(MessageRecord record) noexcept override;

 private:
  std::string work_;
  std::unique_ptr<RecordsFile> records_;
};

}  // namespace smtpgate::milter
