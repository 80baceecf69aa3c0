// Door 2's notes: see the header.
#include "milter/delivery_notes.h"

#include <exception>

namespace smtpgate::milter {

void DeliveryNotes::note(MessageRecord record) noexcept {
  try {
    const std::string line = render_record(record);
    append_to_tally(work_, line);
    if (records_) records_->write(line);
  } catch (const std::exception&) {
    // No memory: the message is answered already, and counts more than its record.
  }
}

}  // namespace smtpgate::milter
