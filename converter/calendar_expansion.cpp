// CalendarExpansion: see the header.
#include "converter/calendar_expansion.h"

namespace smtpgate::converter {

void CalendarExpansion::finish() {
  reader_.finish();
  if (!reader_.meeting() || !context_.substitute.is_free()) return;
  context_.substitute.offer(meeting_lines(*reader_.meeting()), false, {});
  auto written = context_.substitute.write(reader_.description());
  if (!written) error_ = written.error();
}

}  // namespace smtpgate::converter
